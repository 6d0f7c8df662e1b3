"""Starting programs through Supervisor."""

from types import SimpleNamespace

import pytest

from supervisor_zerg.supervisord.programs import Programs


@pytest.mark.parametrize(
    "mood, spawned", [(1, True), (0, False), (-1, False)], ids=["runs", "reloads", "shuts-down"]
)
def test_h53_nothing_is_started_while_supervisord_ends(mood, spawned):
    process = SimpleNamespace(pid=0, transition=lambda: None)
    process.spawn = lambda: setattr(process, "pid", 9)
    groups = {"a": SimpleNamespace(processes={"a": process})}
    supervisord = SimpleNamespace(process_groups=groups, options=SimpleNamespace(mood=mood))
    assert Programs(supervisord).spawn("a") is spawned
