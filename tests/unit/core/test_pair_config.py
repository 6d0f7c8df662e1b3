from supervisor_zerg.core.pair_config import OPTIONS, PairConfig, Problem

PAIR = PairConfig(
    programs=("g:a", "b"), stats="/run/%(program_name)s", companion="/c/%(program_name)s"
)


def test_a_problem_says_where_it_is():
    assert str(Problem("auto", "must be true", "web")) == "[zerg:web] auto must be true"
    assert str(Problem("", "cannot read x")) == "cannot read x"


def test_an_address_is_expanded_for_each_instance():
    assert PAIR.stats_of("g:a") == "/run/a"
    two = PairConfig(programs=("a", "b"), stats="/1,/2")
    assert [two.stats_of(program) for program in two.programs] == ["/1", "/2"]


def test_a_path_is_asked_of_the_companion():
    assert PairConfig(companion="/c/%(program_name)s", health="/up").health_of("a") == (
        "unix:///c/a:/up"
    )
    assert PairConfig(health="http://%(program_name)s/").health_of("g:a") == "http://a/"


def test_which_checks_can_ask_an_instance_before_it_serves():
    checks = ("/up", "command:x", "http://%(program_name)s/", "http://x/", "")
    apart = [PairConfig(health=check).health_tells_instances_apart for check in checks]
    assert apart == [True, True, True, False, False]


def test_every_option_is_a_field_and_has_a_help_text():
    fields = set(PairConfig.__dataclass_fields__) - {"name", "problems"}
    assert set(OPTIONS) == fields
    assert all(option.help.endswith(".") for option in OPTIONS.values())


def test_the_hooks_of_a_pair():
    hooks = PairConfig(update="git pull").hooks
    assert hooks["update"] == "git pull" and hooks["on_failover"] == ""
