"""Sections that are wrong, or corrected; and where history goes."""

import xmlrpc.client

import pytest

BROKEN = {
    "programs names one": ({"programs": "pybossa"}, "programs must name two programs"),
    "fifos are two": ({"fifos": "/a,/b"}, "fifos must be three paths"),
}
WRONG = {
    "auto is odd": ({"auto": "perhaps"}, "auto must be true or false"),
    "an unknown option": ({"colour": "red"}, "colour is not an option"),
    "a misspelled option": ({"drain_timout": "30"}, "did you mean drain_timeout?"),
    "one stats address": ({"stats": "/run/x.stats"}, "stats must contain %(program_name)s"),
    "an expansion fails": ({"pool": "%(ENV_NO_SUCH_THING)s"}, "pool cannot be expanded"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_bad_section_never_keeps_supervisord_from_starting_and_is_named(make_stack, kind):
    options, sentence = BROKEN[kind]
    stack = make_stack("managed", start=False)
    stack.set_pair(options)
    stack.start(wait=False)
    info = stack.info()
    assert any(sentence in p for p in info["problems"]), info["problems"]
    with pytest.raises(xmlrpc.client.Fault) as refusal:
        stack.zerg.swap("")
    assert refusal.value.faultCode == 303


@pytest.mark.parametrize("kind", WRONG)
def test_a_pair_with_a_wrong_option_is_served_with_its_default_and_deploys_nothing(
    make_stack, kind
):
    options, sentence = WRONG[kind]
    stack = make_stack("managed", start=False)
    stack.set_pair(options)
    stack.start()
    info = stack.warm_up()
    assert any(sentence in p for p in info["problems"]), info["problems"]
    assert sentence in stack.supervisord_log()
    assert stack.zerg.swap("")["serving"] == "pybossa"
    with pytest.raises(xmlrpc.client.Fault) as refusal:
        stack.zerg.deploy("", {})
    assert refusal.value.faultCode == 303 and sentence in refusal.value.faultString


def test_a_corrected_section_works_after_reread(make_stack):
    stack = make_stack("managed", start=False)
    stack.set_pair({"programs": "pybossa"})
    stack.start(wait=False)
    assert stack.info()["problems"]
    stack.set_pair({"programs": "pybossa,pybossabak"})
    stack.supervisor.reloadConfig()
    stack.until_roles("pybossa", "")
    stack.warm_up()


def test_a_full_disk_does_not_stop_a_swap(make_stack):
    stack = make_stack("managed", start=False)
    text = (stack.conf_d / "zerg.conf").read_text()
    text = text.replace(
        "rpcinterface:make_zerg_rpcinterface\n",
        "rpcinterface:make_zerg_rpcinterface\nhistory = /dev/full\n",
        1,
    )
    (stack.conf_d / "zerg.conf").write_text(text)
    stack.start()
    stack.warm_up()
    assert stack.zerg.swap("")["serving"] == "pybossa"
    assert "history cannot be written to /dev/full" in stack.supervisord_log()
    stack.until(
        lambda: [
            entry
            for entry in stack.zerg.getHistory("", 5)
            if (entry["kind"], entry["program"]) == ("swap", "pybossa")
        ]
    )


def test_status_names_no_history_problem_once_it_can_be_written_again(make_stack):
    stack = make_stack("managed", start=False)
    folder = stack.folder / "disk"
    history = folder / "history.jsonl"
    stack.set_options("zerg.conf", "rpcinterface:zerg", {"history": str(history)})
    stack.start()
    stack.warm_up()
    stack.until(lambda: "history cannot be written" in " ".join(stack.info()["problems"]))
    folder.mkdir()
    stack.zerg.reconcileAll()  # as the listener asks for from time to time
    assert stack.info()["problems"] == []
    assert '"pybossabak"' in history.read_text()


def test_history_names_the_move_and_supervisords_log_has_the_same_id(make_stack):
    stack = make_stack("managed")
    stack.warm_up()
    reply = stack.zerg.swap("")
    entry = stack.until(
        lambda: [e for e in stack.zerg.getHistory("", 5) if e["id"] == reply["id"]]
    )[0]
    assert entry["outcome"] == "done" and entry["serving"] == "pybossa"
    assert [m.split(" ", 1)[1] for m in entry["actions"]] == [
        "resume pybossa to running",
        "pause pybossabak to sleeping",
    ]
    assert f"id={reply['id']}" in stack.supervisord_log()
    assert (stack.log / "zerg-history.jsonl").exists()
