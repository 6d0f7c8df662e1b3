"""What an option breaks in a pair, tried once for each class; ``zerg check`` names it before."""

import os
import socket
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from supervisor_zerg.demo.processes import children
from supervisor_zerg.demo.traffic import get
from supervisor_zerg.lint.check import check
from supervisor_zerg.lint.config_reader import read_config_model

CACHE_APP = Path(__file__).parent / "apps" / "cache.py"
WAIT_S = 60.0


def rules(stack):
    """The ids of the rules that find something in the files of a stack."""
    expansions = {f"ENV_{name}": value for name, value in stack.environment.items()}
    options = SimpleNamespace(
        configfile=str(stack.conf), here=str(stack.folder), environ_expansions=expansions
    )
    return {finding.id for finding in check(read_config_model(options))}


@pytest.fixture
def make(make_stack):
    """A factory of stacks with options in the ini of both instances; {run} is their folder."""

    def make(rule, **app):
        stack = make_stack(start=False)
        options = {name.replace("_", "-"): value for name, value in app.items()}
        filled = {name: str(value).format(run=stack.run) for name, value in options.items()}
        stack.write_app({"processes": 2, **filled})
        assert rule in rules(stack)
        return stack.start(wait=False)

    return make


def serves(stack, program="pybossa"):
    stack.until(lambda: stack.info()["serving"] == program, WAIT_S)


def state_of(stack, program="pybossabak"):
    return stack.supervisor.getProcessInfo(program)["statename"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_tcp_address_of_both_keeps_the_second_instance_from_booting(make):
    stack = make("address-shared", http_socket=f"127.0.0.1:{free_port()}")
    serves(stack)
    stack.supervisor.startProcess("pybossabak", False)
    stack.until(lambda: "Address already in use" in stack.child_log("pybossabak"), WAIT_S)
    assert stack.info()["serving"] == "pybossa"


def test_a_unix_address_of_both_belongs_to_the_younger_and_waits_while_it_is_parked(make):
    stack = make("address-shared", http_socket="{run}/own.sock")
    own = str(stack.run / "own.sock")
    serves(stack)
    assert get(own, timeout=10).program == "pybossa"
    stack.warm_up()
    assert get(own, timeout=10).program == "pybossabak"
    stack.zerg.swap("")
    assert get(own, timeout=1).status == 0 and get(stack.web, timeout=10).program == "pybossa"


@pytest.mark.parametrize("option, state", [("flock", "exit"), ("flock-wait", "wait")])
def test_a_lock_of_both_keeps_the_second_instance_from_booting(make_stack, option, state):
    stack = make_stack(start=False)
    (stack.run / "lock").touch()
    stack.write_app({"processes": 2, option: stack.run / "lock"})
    assert "lock-shared" in rules(stack)
    stack.start()
    stack.supervisor.startProcess("pybossabak", False)
    if state == "exit":
        stack.until(lambda: "is locked by another" in stack.child_log("pybossabak"), WAIT_S)
    else:
        stack.until(lambda: state_of(stack) == "RUNNING", WAIT_S)
        assert not (stack.run / "pybossabak.stats").exists()
    assert stack.info()["serving"] == "pybossa"


def test_a_cache_file_of_both_loses_items(make):
    stack = make(
        "store-shared",
        cache2="name=shared,items=20,store={run}/store",
        wsgi_file=str(CACHE_APP),
        processes=1,
    )
    serves(stack)
    stack.warm_up()
    for number in range(3):  # pybossabak stores these
        get(stack.web, f"/?set=item{number}", timeout=10)
    assert get(stack.web, timeout=10).version == "item0,item1,item2"
    stack.zerg.swap("")
    for number in range(3, 6):
        get(stack.web, f"/?set=item{number}", timeout=10)
    stack.zerg.swap("")
    assert get(stack.web, timeout=10).version != "item0,item1,item2,item3,item4,item5"


def test_shutdown_sockets_closes_the_shared_socket_for_the_other_instance(make):
    stack = make("shutdown-sockets", shutdown_sockets="true")
    serves(stack)
    stack.warm_up()
    assert get(stack.web, timeout=10).status == 200
    stack.supervisor.stopProcess("pybossa")  # the parked one
    assert stack.info()["serving"] == "pybossabak"
    assert get(stack.web, timeout=2).program == "ConnectionRefusedError"


def test_idle_ends_the_workers_of_both_and_die_on_idle_their_masters(make):
    stack = make("die-on-idle", idle=2, die_on_idle="true")
    serves(stack)
    stack.warm_up()
    masters = {found["program"]: found["master"] for found in stack.info()["instances"]}
    stack.until(lambda: not any(map(is_running, masters.values())), WAIT_S)


def test_idle_leaves_the_parked_instance_without_a_worker_to_pause(make):
    stack = make("idle", idle=2)
    serves(stack)
    stack.warm_up()
    parked = stack.instance("pybossa")["master"]
    stack.until(lambda: not children(parked), WAIT_S)


def is_running(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


def test_a_reforked_master_is_not_the_process_that_supervisor_started(make):
    stack = make("refork", refork="true")
    stack.until(lambda: "re-fork" in stack.child_log("pybossa"), WAIT_S)
    stack.until(lambda: state_of(stack, "pybossa") in ("BACKOFF", "FATAL", "EXITED"), WAIT_S)


def test_another_command_as_worker_is_never_ready(make):
    stack = make("not-a-worker", worker_exec="sleep 1000")
    stack.until(lambda: state_of(stack, "pybossa") == "RUNNING", WAIT_S)
    time.sleep(1)
    assert stack.info()["serving"] == ""


def test_an_option_that_prints_and_exits_never_serves(make):
    stack = make("one-shot", version="true")
    stack.until(lambda: state_of(stack, "pybossa") in ("BACKOFF", "FATAL"), WAIT_S)


def test_a_daemon_runs_in_both_instances_even_in_the_parked_one(make, tmp_path):
    script = tmp_path / "daemon.sh"
    script.write_text(f"touch {tmp_path}/$SUPERVISOR_PROCESS_NAME; exec sleep 1000\n")
    stack = make("background-daemon", attach_daemon=f"sh {script}")
    serves(stack)
    stack.warm_up()
    stack.until(lambda: {"pybossa", "pybossabak"} <= set(os.listdir(tmp_path)), WAIT_S)


def test_a_timer_runs_in_both_instances_and_piles_up_while_one_is_parked(make, tmp_path):
    app = tmp_path / "timed.py"
    app.write_text(
        "import os, time, uwsgi\n"
        f"FILE = {str(tmp_path)!r} + '/ran-' + os.environ['SUPERVISOR_PROCESS_NAME']\n"
        "def run(number):\n"
        "    open(FILE, 'a').write('x')\n"
        "uwsgi.register_signal(17, '', run)\n"
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    name = os.environ['SUPERVISOR_PROCESS_NAME']\n"
        "    return [f'{name} 1 {time.monotonic()} 1'.encode()]\n"
    )
    stack = make("background-timer", timer="17 1", wsgi_file=str(app), processes=1)
    serves(stack)
    stack.warm_up()

    def ran(program):
        path = tmp_path / f"ran-{program}"
        return len(path.read_text()) if path.exists() else 0

    before = ran("pybossa")
    time.sleep(5)  # it is parked: nothing runs
    assert ran("pybossa") <= before + 1 and ran("pybossabak") >= 3
    stack.zerg.swap("")
    stack.until(lambda: ran("pybossa") >= before + 5, 3)  # in less time than 5 turns take


@pytest.mark.parametrize("served", ["[::1]:{port}", "127.0.0.1:http"])
def test_a_pool_cannot_serve_such_an_address(make_stack, served):
    stack = make_stack(start=False)
    port = free_port()
    ini = stack.conf_d / "uwsgi" / "zergpool.ini"
    ini.write_text(ini.read_text().replace("$(ZERG_RUN)/web.sock", served.format(port=port)))
    assert "pool-syntax" in rules(stack)
    stack.start(wait=False)
    stack.until(lambda: "bound to TCP socket" in stack.child_log("zergpool"), WAIT_S)
    assert f":{port} " not in stack.child_log("zergpool")
    with socket.socket(socket.AF_INET6 if "[" in served else socket.AF_INET) as client:
        assert client.connect_ex(("::1" if "[" in served else "127.0.0.1", port)) != 0
