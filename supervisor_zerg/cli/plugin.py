"""``supervisorctl zerg ...``: ask the namespace, tell the answer, end with a status.

What the commands are is told in help.py. Answers go to stdout, everything else to stderr.
"""

import contextlib
import http.client
import json
import os
import socket
import sys
import time
import xmlrpc.client
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace

from supervisor.supervisorctl import ControllerPluginBase

from ..core import errors
from ..core.text import infos_of, plain, tell_progress
from ..lint.check import check, status_of, tell_findings
from ..lint.config_model import read_config_model
from ..lint.uwsgi_ini import Unreadable
from . import commands, completion, help
from .failures import concerned, failure
from .output import tell
from .progress import Progress
from .watch import INTERVAL_S, watch

SHORTEST_S = 0.05  # between two looks of watch
RELOAD_S = 20.0  # so long supervisord may not be reachable while a deploy is followed
FOLLOW_S = 0.2  # how often a deploy is asked how far it is
ANSWER_S = 30.0  # supervisord answers a move after 10 s at the latest
NAMES_S = 1.0  # how long the Tab key may wait for names
CACHE_S = 5.0  # how long it remembers them
UNWRITABLE = 1  # exit status: the answer could not be written
INTERRUPTED = 130  # exit status: Ctrl-C, as a shell tells it
ASK = {
    "status": lambda zerg, words, options: (
        zerg.getPairInfo(words["PAIR"]) if words["PAIR"] else zerg.getAllPairInfo()
    ),
    "swap": lambda zerg, words, options: zerg.swap(words["PAIR"]),
    "promote": lambda zerg, words, options: zerg.promote(words["PROGRAM"]),
    "pause": lambda zerg, words, options: zerg.pause(words["PROGRAM"], "hold" in options),
    "resume": lambda zerg, words, options: zerg.resume(words["PROGRAM"], "both" in options),
    "deploy": lambda zerg, words, options: zerg.deploy(words["PAIR"], deploy_options(options)),
    "abort": lambda zerg, words, options: zerg.abort(words["PAIR"]),
    "reconcile": lambda zerg, words, options: zerg.reconcile(words["PAIR"]),
    "auto": lambda zerg, words, options: zerg.setAuto(words["PAIR"], words["on|off"] == "on"),
    "history": lambda zerg, words, options: zerg.getHistory(
        words["PAIR"], options.get("limit", commands.LIMIT)
    ),
    "metrics": lambda zerg, words, options: zerg.getMetrics(),
}


def deploy_options(options):
    """The words of ``deploy`` as options of the RPC. It is never waited for: :meth:`ZergControllerPlugin._follow` asks how far it is."""
    told = {
        name.replace("-", "_"): value
        for name, value in options.items()
        if name not in ("json", "no-wait")
    }
    return {**told, "wait": False}


def complain(sentence):
    """An error, for an operator."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"error: {plain(sentence)}\n")
        sys.stderr.flush()


@contextlib.contextmanager
def limit(seconds):
    """A limit for connections made within. Supervisor's own take none (supervisor/xmlrpc.py ``UnixStreamHTTPConnection``)."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def check_files(file, expansions, pair, as_json):
    """``check``. :param expansions: what Supervisor knows of the environment. :returns: (exit status, lines). :raises BadWords:"""
    if not file:
        raise help.UsageError("no configuration file was found; give -c FILE")
    try:
        here = os.path.dirname(os.path.abspath(file))
        plan = read_config_model(
            SimpleNamespace(configfile=file, here=here, environ_expansions=expansions)
        )
    except Unreadable as error:
        raise help.UsageError(str(error))
    names = [known.config.name for known in plan.pairs]
    if pair and pair not in names:
        raise help.UsageError(f"there is no pair {pair!r}; there are: {', '.join(names)}")
    findings = check(plan, pair)
    lines = (
        json.dumps([asdict(f) for f in findings], indent=2, sort_keys=True).splitlines()
        if as_json
        else tell_findings(findings)
    )
    return status_of(findings), list(lines)


def make_zerg_controllerplugin(controller, **extras):
    """Factory named in ``[ctlplugin:zerg]``."""
    return ZergControllerPlugin(controller, **extras)


class ZergControllerPlugin(ControllerPluginBase):
    """:param bare: commands come without the word zerg, in ``zergctl``."""

    name = "zerg"

    def __init__(self, controller, bare=False, **extras):
        super().__init__(controller)
        self.bare, self.zerg = bare, "zergctl" if bare else "supervisorctl zerg"
        self._known, self._until = [], 0.0
        self._complete, controller.complete = controller.complete, self.complete
        self._hush()

    def do_zerg(self, arg):
        # Returns nothing: a value would end an interactive shell, and is not the exit status (supervisorctl.py:1417).
        try:
            status, lines = self._run(arg.split())
            unwritten = self._write(lines)
            self.ctl.exitstatus = status or unwritten
        except KeyboardInterrupt:
            complain("interrupted; what supervisord has begun it finishes, see 'zerg status'")
            self.ctl.exitstatus = INTERRUPTED

    def _run(self, words):
        """:returns: (exit status, lines)"""
        call = None
        try:
            if words[:1] == ["complete"]:  # for the scripts of completion.py
                return 0, help.completions(
                    completion.behind_options(words[1:], commands.COMMANDS), self._names_or_none
                )
            call = help.parse(words)
            return self._answer(call)
        except Exception as error:
            return self._fail(error, call), []

    def _answer(self, call):
        local = getattr(self, f"_answer_{call.command.name}", None)
        if local:
            return local(call)
        reply = self._ask(
            ANSWER_S, lambda zerg: ASK[call.command.name](zerg, call.words, call.options)
        )
        if call.command.name == "deploy":
            return self._follow(call, reply)
        deserted = call.command.name == "status" and not all(
            info["serving"] for info in infos_of(reply)
        )
        return errors.NOBODY if deserted else 0, list(tell(call, reply, time.time()))

    def _answer_companion(self, call):
        return 0, [str(Path(__file__).resolve().parent.parent / "uwsgi" / "companion.py")]

    def _answer_check(self, call):
        file = call.options.get("c") or getattr(self.ctl.options, "configfile", None)
        return check_files(
            file, self.ctl.options.environ_expansions, call.words["PAIR"], "json" in call.options
        )

    def _answer_completion(self, call):
        return 0, completion.SCRIPTS[call.words["bash|zsh"]].splitlines()

    def _answer_help(self, call):
        return 0, list(self._help(call.words["COMMAND"]))

    def _answer_watch(self, call):
        pair, options = call.words["PAIR"], call.options
        look = lambda: self._ask(
            ANSWER_S, lambda zerg: zerg.getPairInfo(pair) if pair else zerg.getAllPairInfo()
        )  # noqa: E731
        watch(
            look,
            self.ctl.stdout,
            max(options.get("interval", INTERVAL_S), SHORTEST_S),
            options.get("count"),
        )
        return 0, []

    def _follow(self, call, deploy):
        """Tell how far a deploy is until it has ended. :returns: (exit status, lines)"""
        line = Progress(self.ctl.stdout, quiet="json" in call.options)
        try:
            while not deploy["outcome"] and "no-wait" not in call.options:
                line.show(deploy["waiting_for"], tell_progress(deploy))
                time.sleep(FOLLOW_S)
                deploy = self._look_after(deploy)
        finally:
            line.end()
        return errors.OUTCOMES.get(deploy["outcome"], 0), list(tell(call, deploy, time.time()))

    def _look_after(self, deploy):
        """How far it is. A supervisord that is being reloaded does not answer for a while."""
        until = time.monotonic() + RELOAD_S
        while True:
            try:
                return self._ask(
                    ANSWER_S, lambda zerg: zerg.getDeploy(deploy["pair"], deploy["id"])
                )
            except (OSError, http.client.HTTPException):
                if time.monotonic() > until:
                    raise
                time.sleep(FOLLOW_S)

    def _ask(self, seconds, question):
        try:
            zerg = self.ctl.get_server_proxy("zerg")
        except ValueError as error:
            raise help.UsageError(f"{error}; give http://HOST:PORT or unix:///PATH")
        with limit(seconds):
            return question(zerg)

    def _fail(self, error, call):
        unauthorized = (
            isinstance(error, xmlrpc.client.ProtocolError)
            and error.errcode == http.client.UNAUTHORIZED
        )
        if unauthorized and self.ctl.options.interactive:
            raise error  # Supervisor asks for the password and runs the command again (supervisorctl.py:207)
        sentence, status = failure(error, self.ctl.options.serverurl)
        complain(
            sentence
            + (
                help.ONE_WORD
                if status == errors.ARGUMENTS and call and "label" in call.options
                else ""
            )
        )
        return self._served(call) if status == errors.SERVED else status

    def _served(self, call):
        """The exit status of a refusal: does somebody serve?"""
        try:
            infos = concerned(self._ask(ANSWER_S, lambda zerg: zerg.getAllPairInfo()), call.words)
            return (
                errors.SERVED if infos and all(info["serving"] for info in infos) else errors.NOBODY
            )
        except Exception:
            return errors.UNREACHABLE

    def _write(self, lines):
        try:
            for line in lines:
                self.ctl.output(plain(line))
            self.ctl.stdout.flush()
        except OSError as error:
            with contextlib.suppress(
                OSError
            ):  # what is still buffered would fail once more at exit
                os.dup2(os.open(os.devnull, os.O_WRONLY), self.ctl.stdout.fileno())
            if not isinstance(error, BrokenPipeError):
                complain(f"the answer could not be written: {error}")
                return UNWRITABLE
        return 0

    # help

    def _help(self, name):
        return help.explain(help.find(name), self.zerg) if name else help.overview(self.zerg)

    def help_zerg(self):
        """``help zerg``."""
        self._write(help.overview(self.zerg))

    def do_help(self, arg):
        """Every plugin is asked to help (supervisorctl.py ``do_help``): tell our own topics, keep quiet about others."""
        self._hush()
        words = arg.split()
        if not words:
            super().do_help(arg)
        elif words[0] == "zerg":
            self.do_zerg(" ".join(["help"] + words[1:]))

    def _hush(self):
        """Without this the other plugins say ``*** No help on zerg``."""
        topics = ["help_zerg"] + [f"help_zerg {name}" for name in commands.COMMANDS]
        for plugin in self.ctl.options.plugins:
            if plugin is not self:
                vars(plugin).update((topic, lambda: None) for topic in topics)

    # completion

    def complete(self, text, state, line=None):
        """readline's completer: ours behind the word ``zerg``, elsewhere Supervisor's."""
        try:
            words = self._ours(_typed(text, line))
            if words is not None:
                found = [
                    f"{word} "
                    for word in help.completions(words, self._names)
                    if word.startswith(text)
                ]
                return found[state] if state < len(found) else None
        except Exception:
            return None  # Tab must not disturb the line
        return self._complete(text, state, line)

    def _ours(self, words):
        if words[:1] == ["zerg"]:
            return words[1:]
        if words[:2] == ["help", "zerg"]:
            return ["help"] + words[2:]
        return (
            words
            if self.bare and words and words[0] in commands.COMMANDS and words[0] != "help"
            else None
        )

    def _names_or_none(self, kind):
        with contextlib.suppress(Exception):
            return self._names(kind)
        return []

    def _names(self, kind):
        if time.monotonic() >= self._until:
            self._known, self._until = [], time.monotonic() + CACHE_S
            self._known = self._ask(NAMES_S, lambda zerg: zerg.getAllPairInfo())
        return (
            [i["pair"] for i in self._known]
            if kind == "PAIR"
            else [c["program"] for i in self._known for c in i["instances"]]
        )


def _typed(text, line):
    """The whole words before the one that is completed."""
    if line is None:
        import readline

        return readline.get_line_buffer()[: readline.get_begidx()].split()
    return line[: len(line) - len(text)].split()
