"""``[zerg:NAME]`` sections: every problem is a sentence, no problem is an exception."""

import os
from types import SimpleNamespace

import pytest

from supervisor_zerg.config import canonical, parse_pair, read_pairs
from supervisor_zerg.core.pair_config import PairConfig


def options(path, **environ):
    expansions = {f"ENV_{name}": value for name, value in environ.items()}
    return SimpleNamespace(
        configfile=str(path), here=str(path.parent), environ_expansions=expansions
    )


def test_without_a_section_there_is_the_pair_of_the_article(tmp_path):
    (tmp_path / "s.conf").write_text("[supervisord]\n")
    assert read_pairs(options(tmp_path / "s.conf")) == (PairConfig(),)


def test_sections_are_read_from_included_files_with_their_expansions(tmp_path):
    (tmp_path / "s.conf").write_text("[include]\nfiles = conf.d/*.conf\n")
    (tmp_path / "conf.d").mkdir()
    text = (
        "[zerg:web]\nprograms = g:blue, g:green\n"
        "fifos = %(here)s/n,%(ENV_RUN)s/r,/x/s\n"
        "stats = %(ENV_RUN)s/%(program_name)s.sock\n"
    )
    (tmp_path / "conf.d" / "z.conf").write_text(text)
    (pair,) = read_pairs(options(tmp_path / "s.conf", RUN="/run/web"))
    assert pair.problems == ()
    assert pair.programs == ("g:blue", "g:green")
    assert pair.fifos == (str(tmp_path / "conf.d" / "n"), "/run/web/r", "/x/s")
    assert pair.stats_of("g:blue") == "/run/web/blue.sock"


def test_a_file_that_cannot_be_read_is_a_problem_and_no_exception(tmp_path):
    (tmp_path / "s.conf").write_text("no section\n")
    (pair,) = read_pairs(options(tmp_path / "s.conf"))
    assert "cannot read" in str(pair.problems[0])


@pytest.mark.parametrize(
    "option, text, sentence",
    [
        ("programs", "a", "must name two programs, 'a' names 1"),
        ("programs", "a,b,c", "names 3"),
        ("programs", "a,a", "names a twice"),
        ("fifos", "/a,/b", "must be three paths"),
        ("fifos", "/a,/b,c", "must be absolute paths, c is not"),
        ("fifos", "/a,/b,/a", "must be three different paths"),
        ("programs", "a,a:a", "names a twice"),
        ("stats", "/run/x.stats", "must contain %(program_name)s"),
        ("stats", "nonsense/%(program_name)s", "must be unix paths or IP:PORT"),
        ("stats", "localhost:1,localhost:2", "must be unix paths or IP:PORT"),
        ("stats", "127.0.0.1:1,127.0.0.1:70000", "not '127.0.0.1:70000'"),
        ("stats", "/a,/a", "one for each program"),
        ("stats", "/a,/b,/c", "one for each program"),
        ("auto", "perhaps", "must be true or false"),
        ("freeze", "2", "must be true or false"),
        ("retire", "kill", "must be park or stop"),
        ("drain_timeout", "soon", "must be a number of seconds"),
        ("boot_timeout", "-1", "must be a number of seconds"),
        ("boot_timeout", "nan", "must be a number of seconds"),
        ("colour", "red", "is not an option"),
        ("pool", ValueError("bad"), "cannot be expanded: bad"),
    ],
)
def test_each_mistake_is_its_own_sentence_that_names_section_and_option(option, text, sentence):
    (problem,) = parse_pair("web", {option: text}).problems
    assert str(problem).startswith(f"[zerg:web] {option} ") and sentence in problem.text


def test_each_instance_may_have_a_stats_address_of_its_own():
    pair = parse_pair("web", {"programs": "g:a,b:b", "stats": "127.0.0.1:9191, /run/b.stats"})
    assert pair.problems == () and pair.programs == ("g:a", "b")
    assert [pair.stats_of(program) for program in pair.programs] == [
        "127.0.0.1:9191",
        "/run/b.stats",
    ]


def test_all_mistakes_are_reported_at_once():
    assert len(parse_pair("web", {"auto": "x", "freeze": "y"}).problems) == 2


@pytest.mark.parametrize(
    "shared", ["programs = a,c\nfifos = /4,/5,/6", "programs = c,d\nfifos = /1,/5,/6"]
)
def test_what_belongs_to_two_pairs_is_the_later_pairs_problem(tmp_path, shared):
    stats = "stats = /s/%(program_name)s\n"
    text = f"[zerg:one]\nprograms = a,b\nfifos = /1,/2,/3\n{stats}[zerg:two]\n{shared}\n{stats}"
    (tmp_path / "s.conf").write_text(text)
    one, two = read_pairs(options(tmp_path / "s.conf"))
    assert one.problems == () and "already belongs to the pair one" in two.problems[0].text


def test_a_path_is_compared_as_the_kernel_shows_it(tmp_path):
    (tmp_path / "real").mkdir()
    os.symlink(tmp_path / "real", tmp_path / "link")
    assert canonical(str(tmp_path / "link" / "x.fifo")) == str(tmp_path / "real" / "x.fifo")


def test_a_path_that_is_asked_needs_a_companion():
    (problem,) = parse_pair("web", {"health": "/up"}).problems
    assert problem.option == "health" and "companion must name the socket" in problem.text
    assert parse_pair("web", {"health": "/up", "companion": "/c"}).problems == ()


def test_fifos_in_one_folder_under_two_names_are_one(tmp_path):
    os.symlink(tmp_path, tmp_path / "link")
    fifos = f"{tmp_path}/a,{tmp_path}/link/a,{tmp_path}/b"
    (problem,) = parse_pair("web", {"fifos": fifos}).problems
    assert problem.text == "must be three different paths"


def test_a_value_that_cannot_be_expanded_is_a_problem_of_its_option(tmp_path):
    (tmp_path / "s.conf").write_text("[zerg:web]\npool = %(nothing)s\n")
    (pair,) = read_pairs(options(tmp_path / "s.conf"))
    assert [problem.option for problem in pair.problems] == ["pool"]


def test_a_pair_that_is_not_managed_claims_nothing(tmp_path):
    (tmp_path / "s.conf").write_text("[zerg:one]\nprograms = x\n[zerg:two]\npool = p\n")
    one, two = read_pairs(options(tmp_path / "s.conf"))
    assert one.blocking and two.problems == ()


def test_a_wrong_option_has_its_default_and_the_pair_is_managed(tmp_path):
    (tmp_path / "s.conf").write_text("[zerg:one]\nauto = x\ndrain_timout = 30\n[zerg:two]\n")
    one, two = read_pairs(options(tmp_path / "s.conf"))
    assert [problem.option for problem in one.problems] == ["auto", "drain_timout"]
    assert one.blocking == () and one.auto is True and one.drain_timeout == 60.0
    assert two.blocking
    assert "is not an option; did you mean drain_timeout?" in str(one.problems[1])
