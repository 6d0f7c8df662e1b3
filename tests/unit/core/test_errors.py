import pytest
from supervisor.xmlrpc import Faults

from supervisor_zerg.core import errors
from supervisor_zerg.core.exit_status import ExitStatus

TAKEN_BY_OTHER_PLUGINS = {100, 101, 102, 103, 104, 105, 220, 230}


def test_codes_and_names_are_unique_and_clash_with_nobody():
    codes = [e.code for e in errors.ALL]
    supervisors = {
        code
        for name, code in vars(Faults).items()
        if isinstance(code, int) and not name.startswith("ZERG_")
    }
    assert len(set(codes)) == len(codes) == len({e.name for e in errors.ALL})
    assert set(codes) <= set(range(300, 330))
    assert not set(codes) & (supervisors | TAKEN_BY_OTHER_PLUGINS)


@pytest.mark.parametrize("error", errors.ALL, ids=lambda e: e.name)
def test_every_refusal_has_a_hint_of_its_own_and_an_exit_status(error):
    refusal = error("it is so")
    assert str(refusal) == f"it is so; {error.hint}"
    assert [e.hint for e in errors.ALL].count(error.hint) == 1
    assert error.exit_status in (
        ExitStatus.USAGE,
        ExitStatus.REFUSED,
        ExitStatus.NOBODY_SERVES,
        ExitStatus.FORGOTTEN,
    )


def test_a_refusal_may_bring_its_own_hint():
    assert str(errors.Busy("taken", "wait")) == "taken; wait"
