"""What an operator types is understood, or refused with a hint before anything is asked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervisor_zerg.cli.command import UsageError
from supervisor_zerg.cli.commands import COMMANDS
from supervisor_zerg.cli.inspect_commands import HISTORY_LIMIT
from supervisor_zerg.cli.parser import parse
from supervisor_zerg.core import text
from supervisor_zerg.core.exit_status import ExitStatus

from ..structs import a_pair, a_reply
from .client import run


def test_every_command_asks_the_method_of_its_name(capsys):
    answers = dict.fromkeys(
        ("swap", "promote", "pause", "resume", "reconcile", "setAuto"), a_reply(auto=True)
    )
    answers.update(getPairInfo=a_pair(), getAllPairInfo=[a_pair()], getHistory=[])
    for line, asked in (
        ("status", ("getAllPairInfo",)),
        ("status web", ("getPairInfo", "web")),
        ("swap", ("swap", "")),
        ("swap web --json", ("swap", "web")),
        ("promote g:a", ("promote", "g:a")),
        ("pause a", ("pause", "a", False)),
        ("pause --hold a", ("pause", "a", True)),
        ("resume a", ("resume", "a", False)),
        ("resume a --both", ("resume", "a", True)),
        ("reconcile", ("reconcile", "")),
        ("auto on", ("setAuto", "", True)),
        ("auto off web", ("setAuto", "web", False)),
        ("history", ("getHistory", "", HISTORY_LIMIT)),
        ("history web --limit 3", ("getHistory", "web", 3)),
        ("history --limit=3", ("getHistory", "", 3)),
    ):
        done = run(line, capsys, **answers)
        assert (done.asked, done.status, done.err) == ([asked], 0, ""), line
        assert done.out or line.startswith("history")


@pytest.mark.parametrize(
    "line, hint",
    [
        ("", "name a command"),
        ("swp", "did you mean 'swap'?"),
        ("promote", "promote takes PROGRAM; usage: promote PROGRAM [--json]"),
        ("promote a b", "promote takes PROGRAM"),
        ("swap a b", "swap takes [PAIR]"),
        ("swap --hold", "swap has no option --hold"),
        ("swap -j", "swap has no option -j"),
        ("swap --json=yes", "--json takes no value"),
        ("companion here", "companion takes no arguments"),
        ("auto", "auto takes on|off [PAIR]"),
        ("auto web on", "auto takes on or off, not 'web'"),
        ("history --limit", "--limit takes a number from 1 to 100000"),
        ("history --limit ten", "not 'ten'"),
        ("history --limit 0", "not '0'"),
        ("history --limit 99999999999999999999", "--limit takes a number"),
        ("promote a\x01", r"no name looks like 'a\x01'"),
        ("promote \udcff", "no name looks like"),
        ("help swp", "did you mean 'swap'?"),
        ("deploy --label v2 beta of it", "a label is one word"),
    ],
)
def test_bad_arguments_are_refused_with_a_hint_before_anything_is_asked(line, hint, capsys):
    done = run(line, capsys)
    assert (done.status, done.out, done.asked) == (ExitStatus.USAGE, "", [])
    assert hint in done.err and done.err.startswith("error: ") and done.err.count("\n") == 1


@given(
    st.lists(
        st.one_of(
            st.text(),
            st.sampled_from([*COMMANDS, "--json", "--limit", "--hold", "on", "a", "3"]),
        )
    )
)
def test_any_words_are_either_understood_or_refused(words):
    try:
        invocation = parse(words)
    except UsageError as error:
        refusal = text.plain(str(error))
    else:
        refusal = ""
        assert invocation.command.name in COMMANDS
        assert set(invocation.arguments) == {take.strip("[]") for take in invocation.command.takes}
    assert refusal.isascii()
