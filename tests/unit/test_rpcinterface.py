"""The namespace documents itself as Supervisor's own does, and its types can go over the wire."""

import inspect

from supervisor.process import Subprocess
from supervisor.tests.test_rpcinterfaces import SystemNamespaceXMLRPCInterfaceTests
from supervisor.xmlrpc import Faults, SystemNamespaceRPCInterface

from supervisor_zerg.core import errors
from supervisor_zerg.rpcinterface import ZergNamespaceRPCInterface


def test_every_method_is_documented_as_supervisor_documents_its_own():
    class Ours(SystemNamespaceXMLRPCInterfaceTests):
        def _makeOne(self):
            namespace = ZergNamespaceRPCInterface(None, None, None)
            return SystemNamespaceRPCInterface([("zerg", namespace)])

    Ours("test_allMethodDocs").test_allMethodDocs()


def test_all_that_is_public_is_meant_to_be():
    public = {name for name in vars(ZergNamespaceRPCInterface) if not name.startswith("_")}
    assert public == {
        "getAPIVersion",
        "getPairInfo",
        "getAllPairInfo",
        "swap",
        "promote",
        "pause",
        "restart",
        "resume",
        "reconcile",
        "reconcileAll",
        "setAuto",
        "getHistory",
        "deploy",
        "rollback",
        "getReleases",
        "getDeploy",
        "abort",
        "claimJobs",
        "reportJob",
        "getMetrics",
    }


def test_the_faults_have_names():
    assert {getattr(Faults, e.name) for e in errors.ALL} == {e.code for e in errors.ALL}


def test_supervisor_tells_of_a_stop_before_it_sends_the_signal():
    """What acts on the event acts before the instance that serves is told to end."""
    source = inspect.getsource(Subprocess.kill)
    assert source.index("self.change_state(ProcessStates.STOPPING)") < source.index(
        "options.kill(pid, sig)"
    )
