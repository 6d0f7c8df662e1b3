"""Whatever a client sends to the namespace is refused or answered, before anything is done."""

import inspect
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supervisor.http import NOT_DONE_YET
from supervisor.xmlrpc import Faults, RPCError, traverse

from supervisor_zerg.core import errors
from supervisor_zerg.core.pair_config import PairConfig
from supervisor_zerg.pair.controller import PairController
from supervisor_zerg.rpcinterface import ZergNamespaceRPCInterface
from supervisor_zerg.web.metrics import Tally

from .pair.fakes import FakeOwner, FakeSettings, fake_services

METHODS = sorted(name for name in vars(ZergNamespaceRPCInterface) if name[0].islower())
#: What XML-RPC can carry.
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=5)
    | st.sampled_from(["", "web", "a", "b", "operator"]),
    lambda children: (
        st.lists(children, max_size=3)
        | st.dictionaries(
            st.text(max_size=8)
            | st.sampled_from(["bake", "timeout", "label", "wait", "dry_run", "backup_first"]),
            children,
            max_size=3,
        )
    ),
    max_leaves=6,
)


def namespace():
    services = fake_services()
    pair = PairConfig("web", programs=("a", "b"), fifos=("/n", "/r", "/s"))
    controller = PairController(pair, services, FakeSettings(), FakeOwner())

    def find(name):
        if name not in ("", "web"):
            raise errors.UnknownPair(name)
        return controller

    def find_program(name):
        if name not in pair.programs:
            raise errors.UnknownProgram(name)
        return controller, name

    registry = SimpleNamespace(
        refresh=lambda: None,
        controller=find,
        controller_of=find_program,
        controllers={"web": controller},
        reconcile_all=lambda: 1,
    )
    return ZergNamespaceRPCInterface(services, registry, Tally())


def call(method, *arguments):
    """As supervisord calls it, in a request and when the answer is polled."""
    answer = traverse(SimpleNamespace(zerg=namespace()), f"zerg.{method}", arguments)
    if callable(answer):
        assert answer() is NOT_DONE_YET
    return answer


def is_one_of_ours(fault):
    return fault.code == Faults.INCORRECT_PARAMETERS or fault.code in errors.BY_CODE


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None)
@given(arguments=st.lists(VALUES, max_size=5))
def test_no_argument_is_more_than_refused(method, arguments):
    try:
        call(method, *arguments)
    except RPCError as fault:
        assert is_one_of_ours(fault)


@pytest.mark.parametrize("method", METHODS)
@settings(deadline=None)
@given(data=st.data())
def test_no_value_of_one_argument_is_more_than_refused(method, data):
    names = list(inspect.signature(getattr(ZergNamespaceRPCInterface, method)).parameters)[1:]
    good = {"pair": "web", "program": "a", "limit": 5, "id": "1", "ident": "", "message": ""}
    good.update(wait=True, hold=False, both=False, on=True, ok=True, restarted=False, seconds=1.0)
    good["options"] = {}
    arguments = [good[name] for name in names]
    if arguments:
        arguments[data.draw(st.integers(0, len(arguments) - 1))] = data.draw(VALUES)
    try:
        call(method, *arguments)
    except RPCError as fault:
        assert is_one_of_ours(fault)


@pytest.mark.parametrize(
    "method, arguments, told",
    [
        ("setAuto", ("web", "maybe"), "on must be a boolean, not 'maybe'"),
        ("setAuto", ("web", 1), "on must be a boolean, not 1"),
        ("setAuto", (5, True), "pair must be a string, not 5"),
        ("getHistory", ("web", -1), "limit must be an integer of at least 0, not -1"),
        ("getHistory", ("web", "x"), "limit must be an integer of at least 0, not 'x'"),
        ("getHistory", ("web", True), "limit must be an integer of at least 0, not True"),
        ("deploy", ("", "str"), "options must be a struct, not 'str'"),
        ("deploy", ("", []), "options must be a struct, not []"),
        ("promote", (["a"],), "program must be a string, not ['a']"),
        ("promote", ("a", "no"), "wait must be a boolean, not 'no'"),
        ("pause", ("a", 1), "hold must be a boolean, not 1"),
        ("resume", ("a", "x"), "both must be a boolean, not 'x'"),
        ("swap", ("web", None), "wait must be a boolean, not None"),
        ("getDeploy", ("web", 1), "ident must be a string, not 1"),
        ("claimJobs", (0,), "restarted must be a boolean, not 0"),
        ("reportJob", ("1", 1, "", 0.1), "ok must be a boolean, not 1"),
        ("reportJob", (1, True, "", 0.1), "id must be a string, not 1"),
        ("reportJob", ("1", True, 5, 0.1), "message must be a string, not 5"),
        ("reportJob", ("1", True, "", "x"), "seconds must be a number, not 'x'"),
    ],
)
def test_a_wrong_argument_is_refused_with_its_name_and_value(method, arguments, told):
    with pytest.raises(RPCError) as fault:
        call(method, *arguments)
    assert fault.value.code == Faults.INCORRECT_PARAMETERS and told in fault.value.text


def test_a_long_value_is_cut_in_the_refusal():
    with pytest.raises(RPCError) as fault:
        call("getPairInfo", ["x" * 10000])
    assert len(fault.value.text) < 200


def test_a_refused_argument_changes_nothing():
    front = namespace()
    with pytest.raises(RPCError):
        front.setAuto("web", "maybe")
    with pytest.raises(RPCError):
        front.pause("a", "maybe")
    controller = front._registry.controllers["web"]
    assert controller.goals.auto and controller.requests.request is None
