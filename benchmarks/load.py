"""The stacks and the load that the benchmarks share."""

import time
from contextlib import contextmanager
from pathlib import Path

from supervisor_zerg.demo.stack import Stack
from supervisor_zerg.demo.traffic import Traffic

PREFORK = {"processes": 4}
THREADS = {"processes": 2, "threads": 4}
AT_ONCE, QUICK, SLOW = "/", "/?s=0.005", "/?s=0.5"
MOST_S = 600.0
TOP = str(Path(__file__).resolve().parent.parent)
STALL = """\
[rpcinterface:stall]
supervisor.rpcinterface_factory = benchmarks.stall_plugin:make_stall_rpcinterface
"""


@contextmanager
def warm_stack(app, pair=None, **options):
    """pybossabak serves, pybossa is parked; supervisord's loop is watched by stall_plugin.py."""
    environment = {"PYTHONPATH": TOP, **options.pop("environment", {})}
    stack = Stack(app=app, pair=pair, environment=environment, **options)
    (stack.conf_d / "00-stall.conf").write_text(STALL)  # before zerg.conf, see there
    try:
        stack.start().warm_up()
        yield stack
    finally:
        stack.stop()


def quick_load(stack, clients=4, paths=(QUICK,)):
    """Clients that ask for 5 ms each, without pause."""
    return Traffic(stack.web, clients=clients, seconds=MOST_S, paths=paths)


def slow_load(stack):
    """One client whose requests take half a second each."""
    return Traffic(stack.web, clients=1, seconds=MOST_S, paths=(SLOW,))


def ms(call):
    """:returns: (what a call returned, how many ms it took)"""
    began = time.perf_counter()
    value = call()
    return value, (time.perf_counter() - began) * 1000
