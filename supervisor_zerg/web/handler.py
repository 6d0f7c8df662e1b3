"""The web page inside supervisord's own web server: which URL does what, and who may use it.

``/zerg.html`` is for operators, ``/zerg.json`` for its script, ``/zerg/metrics`` for Prometheus;
``POST /zerg/ACTION`` acts. Supervisor's own authentication applies.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from supervisor.http import supervisor_auth_handler

from ..core.errors import ZergError
from . import page, status_link
from .buttons import BY_NAME, PAIR, PROGRAM, Outcome, PageAction
from .http import Pending, Request, Response, ResponseQueue, path_of
from .metrics import Tally
from .origin import FormToken, Hosts
from .views import HTML, TEXT, Views, response

if TYPE_CHECKING:
    from ..pair.registry import Registry

METRICS = "/zerg/metrics"
PREFIX = "/zerg/"
HOME = "../zerg.html"  # as seen from an action
FIELDS = 16  # of a form
READING = ("GET", "HEAD")
NO_HEADERS: Mapping[str, str] = {}


class Web:
    """What medusa calls a handler.

    Args:
        hosts: Host names under which the page may be opened where there is no password.
    """

    def __init__(self, registry: Registry, tally: Tally, hosts: Iterable[str] = ()) -> None:
        self._registry = registry
        self._host_names = tuple(hosts)
        self._token = FormToken()
        self._responses = ResponseQueue(registry.services.loop)
        self._views = Views(registry, tally, self._token.value)

    def install(self) -> None:
        """Answer on every server of supervisord, beginning with SUPERVISOR_RUNNING.

        Earlier, Supervisor would put its handler for everything before ours.
        """
        servers = self._registry.options.httpservers
        hosts = Hosts(self._host_names, (config for config, server in servers))
        for config, server in servers:
            user = config.get("username")
            if user:
                handler = supervisor_auth_handler({user: config["password"]}, self)
            else:
                handler = OpenServer(self, hosts)
            server.install_handler(handler)
        status_link.install(self._registry)

    def close(self) -> None:
        status_link.remove()

    # routing

    def match(self, request: Request) -> bool:
        path = path_of(request)
        return path in self._views.by_path or path.startswith(PREFIX)

    def handle_request(self, request: Request) -> None:
        self._guarded(request, lambda: self._route(request))

    def refuse(self, request: Request, code: int, sentence: str, **headers: str) -> None:
        """Answer with a page of one sentence, without reading the body."""
        unread = request.command not in READING
        self._send(request, self._notice(request, code, sentence, headers), unread)

    def _notice(
        self, request: Request, code: int, sentence: str, headers: Mapping[str, str] = NO_HEADERS
    ) -> Pending:
        base = "../" * (path_of(request).count("/") - 1) or "./"
        notice = response(code, page.as_notice(sentence, base), HTML, **headers)
        return lambda: notice

    def _route(self, request: Request) -> None:
        path = path_of(request)
        reads = request.command in READING
        view = self._views.by_path.get(path)
        action = BY_NAME.get(path[len(PREFIX) :])
        if view and reads:
            self._send(request, view(request))
        elif view:
            self.refuse(request, 405, "this can only be read", Allow="GET, HEAD")
        elif action is None:
            self.refuse(request, 404, "there is nothing of that name")
        elif request.command != "POST":
            self.refuse(request, 405, "an action needs POST", Allow="POST")
        else:
            self._receive(request, action)

    def _guarded(self, request: Request, function: Callable[[], object]) -> None:
        """Answer with 500 if there is an exception, and log it; supervisord goes on."""
        try:
            function()
        except Exception:
            self._responses.send(request, self._bug, unread=True)

    def _send(self, request: Request, pending: Pending, unread: bool = False) -> None:
        def guarded() -> Response | None:
            try:
                return pending()
            except Exception:
                return self._bug()

        self._responses.send(request, guarded, unread)

    def _bug(self) -> Response:
        self._registry.services.log.complain(
            f"this is a bug, please report it: {traceback.format_exc()}"
        )
        return response(500, b"a bug of supervisor_zerg; see supervisord's log", TEXT)

    # actions

    def _receive(self, request: Request, action: PageAction) -> None:
        def complete(body: bytes) -> None:
            self._guarded(request, lambda: self._act(request, action, body))

        self._responses.receive(
            request, complete, lambda code, reason: self.refuse(request, code, reason)
        )

    def _act(self, request: Request, action: PageAction, body: bytes) -> None:
        try:
            fields = _fields(body)
        except ValueError:
            notice = self._notice(request, 400, "the form has too many fields")
            return self._send(request, notice)
        refusal = self._token.refusal(request, fields)
        if refusal:
            return self._send(request, self._notice(request, 403, refusal))
        if action.question and fields.get("sure") != "yes":
            question = response(200, page.as_question(action, fields, self._token.value), HTML)
            return self._send(request, lambda: question)
        outcome = self._begin(action, fields)
        self._send(request, lambda: self._back_to_page(outcome()))

    def _begin(self, action: PageAction, fields: dict[str, str]) -> Outcome:
        """Begin an action; a refusal is its outcome."""
        program = ""
        self._registry.refresh()
        try:
            if action.takes == PROGRAM:
                controller, program = self._registry.controller_of(fields.get(PROGRAM, ""))
            else:
                controller = self._registry.controller(fields.get(PAIR, ""))
            return action.run(controller, program)
        except ZergError as refusal:
            sentence = str(refusal)
            return lambda: sentence

    def _back_to_page(self, sentence: str | None) -> Response | None:
        if sentence is None:
            return None
        location = f"{HOME}?said={self._views.keep_message(sentence)}"
        return response(303, f"see {HOME}".encode(), TEXT, Location=location)


class OpenServer:
    """The handler of a server without a password: it answers only under host names of ours.

    Metrics are answered under any name, since Prometheus may know us by another one.
    """

    def __init__(self, web: Web, hosts: Hosts) -> None:
        self._web = web
        self._hosts = hosts

    def match(self, request: Request) -> bool:
        return self._web.match(request)

    def handle_request(self, request: Request) -> None:
        refusal = "" if path_of(request) == METRICS else self._hosts.refusal(request)
        if refusal:
            self._web.refuse(request, 403, refusal)
        else:
            self._web.handle_request(request)


def _fields(body: bytes) -> dict[str, str]:
    """The fields of a form.

    Raises:
        ValueError: there are too many.
    """
    text = body.decode("utf-8", "replace")
    form: dict[str, list[Any]] = parse_qs(text, keep_blank_values=True, max_num_fields=FIELDS)
    return {name: values[-1] for name, values in form.items()}
