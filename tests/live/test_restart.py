"""Both programs of a pair are restarted, one after the other."""

from supervisor_zerg.demo.traffic import Traffic, failed, get

from .conftest import assert_nobody_noticed, history, pid_of

PROGRAMS = ("pybossa", "pybossabak")


def change_settings(stack):
    """Let both programs start with another version of the code."""
    (stack.folder / "new-version").write_text("new")
    environment = f'ZERG_VERSION_FILE="{stack.folder}/new-version"'
    for program in PROGRAMS:
        stack.set_options(f"{program}.conf", f"program:{program}", {"environment": environment})
    assert "pybossabak: changed" in stack.ctl("reread").stdout


def test_h71_both_get_new_settings_without_a_gap_and_update_has_nothing_left_to_do(
    make_stack, dialect
):
    stack = make_stack(dialect, pair={"bake": "0.5"})
    stack.warm_up()
    before = [pid_of(stack, program) for program in PROGRAMS]
    change_settings(stack)
    with Traffic(stack.web, clients=4, paths=("/", "/?s=0.1")) as traffic:
        done = stack.zergctl("restart")
        answers = traffic.answers()
    assert done.returncode == 0 and "restarted in" in done.stdout, done
    assert_nobody_noticed(answers)
    assert max(a.ended - a.began for a in answers) < 2
    stack.until_roles("pybossabak", "pybossa")
    after = [pid_of(stack, program) for program in PROGRAMS]
    assert not set(before) & set(after)
    assert get(stack.web).version == "new"
    stack.zerg.swap("")
    assert get(stack.web).version == "new"
    assert stack.ctl("update").stdout.strip() == ""
    assert [pid_of(stack, program) for program in PROGRAMS] == after
    entry = next(entry for entry in history(stack) if entry["kind"] == "restart")
    assert (entry["outcome"], entry["by"]) == ("done", "operator")


def test_h71_a_restart_that_fails_leaves_the_serving_program_alone(make_stack):
    stack = make_stack("managed", pair={"bake": "0.5"})
    stack.warm_up()
    serving = pid_of(stack, "pybossabak")
    stack.set_options("pybossa.conf", "program:pybossa", {"command": "/bin/false"})
    stack.ctl("reread")
    with Traffic(stack.web, clients=2) as traffic:
        info = stack.zerg.restart("", {})
        answers = traffic.answers()
    assert (info["outcome"], info["serving"]) == ("failed", "pybossabak")
    assert failed(answers) == [] and pid_of(stack, "pybossabak") == serving
