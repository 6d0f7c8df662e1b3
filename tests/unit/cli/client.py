"""A made-up supervisorctl, to run commands in."""

import io
import types

from supervisor_zerg.cli.plugin import make_zerg_controllerplugin

URL = "unix:///run/supervisor.sock"


class Zerg:
    """The namespace, as far as a test says what it answers."""

    def __init__(self, **answers):
        self.answers, self.asked = answers, []

    def __getattr__(self, method):
        def call(*args):
            self.asked.append((method, *args))
            answer = self.answers[method]
            if isinstance(answer, BaseException):
                raise answer
            return answer

        return call


class Controller:
    """What a plugin sees of supervisorctl."""

    def __init__(self, zerg, interactive=0):
        self.options = types.SimpleNamespace(
            plugins=[types.SimpleNamespace()],
            serverurl=URL,
            interactive=interactive,
            environ_expansions={},
        )
        self.zerg, self.stdout, self.exitstatus = zerg, io.StringIO(), 0
        self.complete = lambda text, state, line=None: "Supervisor's"

    def output(self, line):
        self.stdout.write(f"{line}\n")

    def get_server_proxy(self, namespace):
        assert namespace == "zerg"
        return self.zerg


def run(line, capsys, interactive=0, bare=False, **answers):
    """Run one command. :returns: status, stdout, stderr, what was asked."""
    zerg = Zerg(**answers)
    controller = Controller(zerg, interactive)
    assert make_zerg_controllerplugin(controller, bare=bare).do_zerg(line) is None
    out, err = capsys.readouterr()
    assert out == ""
    return types.SimpleNamespace(
        status=controller.exitstatus, out=controller.stdout.getvalue(), err=err, asked=zerg.asked
    )
