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


class Settings(SimpleNamespace):
    """Supervisor's configuration of a program, or of a group of programs."""

    def create_autochildlogs(self):
        self.has_logs = True


def a_group(**commands):
    programs = [Settings(name=name, command=command) for name, command in commands.items()]
    return Settings(name="web", process_configs=programs)


def supervisord_with(now, read):
    """A supervisord whose group runs with some settings and that has read others."""
    group = SimpleNamespace(config=now)
    group.processes = {
        config.name: SimpleNamespace(config=config, pid=0, group=group)
        for config in now.process_configs
    }
    options = SimpleNamespace(process_group_configs=[read] if read else [])
    return SimpleNamespace(process_groups={"web": group}, options=options)


def test_h71_a_stopped_program_takes_the_settings_that_were_read_and_its_group_when_all_have():
    read = a_group(a="new", b="new")
    supervisord = supervisord_with(a_group(a="old", b="old"), read)
    group = supervisord.process_groups["web"]
    programs = Programs(supervisord)
    assert programs.take_settings("web:a")
    assert [config.command for config in group.config.process_configs] == ["new", "old"]
    assert group.processes["a"].config.has_logs and group.config is not read
    assert programs.take_settings("web:b") and group.config is read
    assert not programs.take_settings("web:b"), "they are the same by now"


def test_h71_a_program_that_runs_or_that_was_removed_keeps_its_settings():
    supervisord = supervisord_with(a_group(a="old"), a_group(a="new"))
    supervisord.process_groups["web"].processes["a"].pid = 9
    assert not Programs(supervisord).take_settings("web:a")
    assert not Programs(supervisord).take_settings("web:unknown")
    assert not Programs(supervisord_with(a_group(a="old"), None)).take_settings("web:a")
