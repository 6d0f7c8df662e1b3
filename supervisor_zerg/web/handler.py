"""The web page inside supervisord's own web server: who may do what, and which URL answers it.

``/zerg.html`` is for people, ``/zerg.json`` for its script, ``/zerg/metrics`` for Prometheus; ``POST /zerg/ACTION`` acts.
Supervisor's own authentication applies. Thin: page.py says what is shown, keeper.py does what is asked.
"""

import collections
import hmac
import secrets
import time
import traceback
from urllib.parse import parse_qs, urlsplit

from supervisor.http import supervisor_auth_handler

from ..core import errors
from ..core.text import format_auto, format_deploy, format_operation
from ..deploy.plan import read_options
from ..deploy.start import StartDeploy
from ..pair.status_query import SharedStatusQuery
from . import metrics, page, status_link, templates
from .buttons import BY_NAME, PAIR, PROGRAM
from .http import ResponseQueue, Reply, headers_of, path_of

PREFIX = "/zerg/"
HOME = "../zerg.html"  # as seen from an action
MESSAGES = 64  # what came of the last actions, until it is shown
FIELDS = 16  # of a form
STEP_S = 0.002  # of supervisord's loop for one piece of an answer
URI_CHARS = 100  # of what follows the question mark
ALWAYS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'self'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
HTML, JSON, TEXT = "text/html; charset=utf-8", "application/json", "text/plain; charset=utf-8"


PLAIN_DEPLOY = read_options({"wait": False})  # the page shows how far it is


def _ask(verb, **options):
    return lambda controller, program: controller.ask(verb, program, **options)


def _hold(controller, program):
    serving = controller.observed.serving if controller.observed else ""
    return controller.ask("pause", serving or controller.pair.programs[0], hold=True)


#: What each action of page.py does: (keeper, program) -> something that gets an ``answer``. To add one, add it to both tables.
DEEDS = {
    "swap": lambda controller, program: controller.ask("swap"),
    "reconcile": lambda controller, program: controller.ask("reconcile"),
    "deploy": lambda controller, program: StartDeploy(controller, PLAIN_DEPLOY),
    "abort": lambda controller, program: controller.deploys.abort("an operator"),
    "hold": _hold,
    "promote": _ask("promote"),
    "pause": _ask("pause", hold=False),
    "resume": _ask("resume", both=False),
}
SWITCHES = {"auto-on": True, "auto-off": False}


class Web:
    """What medusa calls a handler. :param plugin: see plugin.py :param tally: counts the history (metrics.py)"""

    def __init__(self, registry, tally):
        self.registry = registry
        self.tally = tally
        self.responses, self.window = ResponseQueue(registry.loop), SharedStatusQuery(registry)
        self.token, self.generation = secrets.token_urlsafe(24), secrets.token_hex(8)
        self.messages = collections.OrderedDict()
        self.views = {
            "/zerg.html": self._page,
            "/zerg.json": self._json,
            "/zerg/metrics": self._metrics,
            "/zerg.js": lambda request: self._file(templates.JS, "text/javascript; charset=utf-8"),
            "/zerg.css": lambda request: self._file(templates.CSS, "text/css; charset=utf-8"),
        }

    def install(self):
        """At SUPERVISOR_RUNNING: earlier, Supervisor would put its handler for everything before ours."""
        for config, server in self.registry.options.httpservers:
            user = config.get("username")
            server.install_handler(
                supervisor_auth_handler({user: config["password"]}, self) if user else self
            )
        status_link.put_up(self.registry)

    def close(self):
        status_link.take_down()

    # routing

    def match(self, request):
        path = path_of(request)
        return path in self.views or path.startswith(PREFIX)

    def handle_request(self, request):
        self._safely(request, self._route)

    def _route(self, request):
        path, read = path_of(request), request.command in ("GET", "HEAD")
        if path in self.views and read:
            return self._answer(request, self.views[path](request))
        if path in self.views:
            return self._refuse(
                request, 405, "this can only be read", {"Allow": "GET, HEAD"}, unread=True
            )
        action = BY_NAME.get(path[len(PREFIX) :])
        if action is None:
            return self._refuse(request, 404, "there is nothing of that name", unread=not read)
        if request.command != "POST":
            return self._refuse(
                request, 405, "an action is only done by POST", {"Allow": "POST"}, unread=not read
            )
        self.responses.receive(
            request,
            lambda body: self._safely(request, lambda request: self._act(request, action, body)),
            lambda code, reason: self._refuse(request, code, reason, unread=True),
        )

    def _safely(self, request, function):
        """A bug of ours is answered with 500 and told in the log; supervisord lives on."""
        try:
            function(request)
        except Exception:
            self.responses.answer(request, self._bug, unread=True)

    def _answer(self, request, reply):
        def safely():
            try:
                return reply()
            except Exception:
                return self._bug()

        self.responses.answer(request, safely)

    def _bug(self):
        self.registry.options.logger.critical(
            f"zerg: this is a bug, please report it: {traceback.format_exc()}"
        )
        return _reply(500, b"a bug of supervisor_zerg; see supervisord's log", TEXT)

    def _refuse(self, request, code, sentence, more=None, unread=False):
        observe_options = path_of(request).count("/") - 1
        reply = _reply(
            code, page.as_notice(sentence, "../" * observe_options or "./"), HTML, **(more or {})
        )
        self.responses.answer(request, lambda: reply, unread)

    # views

    def _seen(self, name, tell, reply):
        """An answer that needs a look at all pairs, worked out once for all who share the look, in short steps.

        :param name: of the answer. :param tell: infos -> generator that yields None after each step, and in the end what the answer is
            made of. :param reply: that -> Reply
        """
        look = self.window.look()

        def now():
            if look.all() is None:
                return None
            if name not in look.told:
                told = self._step(look.steps.setdefault(name, tell(look.all())))
                if told is None:
                    return self.registry.answered()
                look.told[name] = told
            return reply(look.told[name])

        return now

    def _step(self, steps):
        """Go on for STEP_S: many pairs never hold up supervisord's loop. :returns: what it came to, or None while it goes on."""
        end = self.registry.loop.clock() + STEP_S
        while self.registry.loop.clock() < end:
            told = next(steps)
            if told is not None:
                return told
        return None

    def _history(self, info):
        return self.registry.history.last(info["pair"], page.HISTORY_LINES)

    def _page(self, request):
        said = parse_qs(request.uri.partition("?")[2][:URI_CHARS]).get("said", [""])[0]
        message = self.messages.get(said, "")
        tell = lambda infos: page.as_html(
            infos, self._history, time.time(), self.generation, self.token
        )  # noqa: E731
        return self._seen("page", tell, lambda told: _reply(200, page.as_page(told, message), HTML))

    def _json(self, request):
        tell = lambda infos: page.as_json(infos, self._history, time.time(), self.generation)  # noqa: E731
        return self._seen("json", tell, lambda told: _reply(200, told, JSON))

    def _metrics(self, request):
        if metrics.prometheus_client is None:
            return lambda: _reply(501, str(metrics.lacking()).encode(), TEXT)
        tell = lambda infos: metrics.parts(infos, self.tally)  # noqa: E731
        return self._seen(
            "metrics", tell, lambda told: _reply(200, told.encode(), metrics.content_type())
        )

    def _file(self, name, kind):
        return lambda: _reply(200, templates.asset(name), kind)

    # actions

    def _act(self, request, action, body):
        try:
            form = parse_qs(
                body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=FIELDS
            )
        except ValueError:
            return self._refuse(request, 400, "the form has too many fields")
        values = {name: texts[-1] for name, texts in form.items()}
        stranger = self._stranger(request, values)
        if stranger:
            return self._refuse(request, 403, stranger)
        if action.asks and values.get("sure") != "yes":
            question = _reply(200, page.as_question(action, values, self.token), HTML)
            return self.responses.answer(request, lambda: question)
        try:
            answer = self._do(action, values)
        except errors.ZergError as refusal:
            said = str(refusal)
            answer = lambda: self._said(said)  # noqa: E731
        self._answer(request, answer)

    def _stranger(self, request, values):
        """Why a request to act does not come from our page; empty when it does."""
        headers = headers_of(request)
        for name in ("origin", "referer"):
            if name in headers and _host(headers[name]) != headers.get("host", "").lower():
                return "this request comes from another site"
        if not hmac.compare_digest(values.get("token", "").encode(), self.token.encode()):
            return "this form is not of this supervisord's page, or was made before it was restarted; open the page again"
        return ""

    def _do(self, action, values):
        """:returns: function that answers when it is done. :raises ZergError:"""
        if action.takes == PROGRAM:
            controller, program = self.registry.controller_of(values.get(PROGRAM, ""))
        else:
            controller, program = self.registry.controller(values.get(PAIR, "")), ""
        if action.name in SWITCHES:
            controller.check()
            reply = {
                "pair": controller.pair.name,
                "changed": controller.set_auto(SWITCHES[action.name]),
                "auto": SWITCHES[action.name],
            }
            return lambda: self._said(next(format_auto(reply)))
        asked = DEEDS[action.name](controller, program)
        return lambda: None if asked.answer is None else self._said(_told(asked.answer))

    def _said(self, sentence):
        """Back to the page, which then says what came of it. The words stay here: an URL of somebody else can say nothing."""
        self.window.forget()
        name = secrets.token_urlsafe(8)
        self.messages[name] = sentence
        if len(self.messages) > MESSAGES:
            self.messages.popitem(last=False)
        return _reply(303, b"see %s" % HOME.encode(), TEXT, Location=f"{HOME}?said={name}")


def _told(answer):
    if isinstance(answer, errors.ZergError):
        return str(answer)
    return next((format_deploy if "outcome" in answer else format_operation)(answer))


def _host(url):
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:
        return ""


def _reply(code, body, kind, **headers):
    return Reply(code, body, {**ALWAYS, "Content-Type": kind, **headers})
