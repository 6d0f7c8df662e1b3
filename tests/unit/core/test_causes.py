import pytest

from supervisor_zerg.core.causes import Cause, CauseKind, describe


@pytest.mark.parametrize(
    "cause, text",
    [
        (Cause(CauseKind.SUPERVISORD_RUNS), "supervisord runs"),
        (Cause(CauseKind.PERIODIC_CHECK), "periodic check"),
        (Cause(CauseKind.READY, "a"), "a became ready"),
        (Cause(CauseKind.STARTED_BY_SUPERVISOR, "a"), "a was started by Supervisor"),
        (Cause(CauseKind.PROCESS_ENDED, "a", "12"), "process 12 of a ended"),
        (Cause(CauseKind.ENDED, "a", "EXITED"), "a is EXITED"),
        (Cause(CauseKind.REQUEST, "a", "swap"), "swap"),
    ],
)
def test_a_cause_is_described_in_a_clause(cause, text):
    assert describe(cause) == text


@pytest.mark.parametrize("kind", CauseKind)
def test_every_kind_can_be_described(kind):
    assert "{" not in describe(Cause(kind, "a", "1"))
