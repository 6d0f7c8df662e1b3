"""Values of the options of ``[zerg:NAME]``."""

import pytest

from supervisor_zerg.core import option_values as values


@pytest.mark.parametrize(
    "parse, text, value",
    [
        (values.programs, "a, b", ("a", "b")),
        (values.programs, "a:a,g:b", ("a", "g:b")),
        (values.fifos, "/1, /2, /3", ("/1", "/2", "/3")),
        (values.stats, "/run/%(program_name)s.stats", "/run/%(program_name)s.stats"),
        (values.stats, "127.0.0.1:9191, /b", "127.0.0.1:9191,/b"),
        (values.stats, "", ""),
        (values.switch, "On", True),
        (values.switch, "0", False),
        (values.retire, "stop", "stop"),
        (values.after_rollback, "keep", "keep"),
        (values.link, "/run/%(program_name)s.release", "/run/%(program_name)s.release"),
        (values.seconds, "1.5", 1.5),
        (values.ratio, "inf", float("inf")),
        (values.share, "0.02", 0.02),
        (values.share, "1", 1.0),
        (values.count, "1000", 1000),
        (values.path, "", ""),
        (values.path, "/x", "/x"),
        (values.health, "unix:///s:/x", "unix:///s:/x"),
        (values.health, "", ""),
        (values.statuses, "200,300-399", "200,300-399"),
        (values.command, "echo 'a b'", "echo 'a b'"),
    ],
)
def test_a_value_is_read(parse, text, value):
    assert parse(text) == value


@pytest.mark.parametrize(
    "parse, text, reason",
    [
        (values.programs, "a", "must name two programs, 'a' names 1"),
        (values.programs, "a,a:a", "names a twice"),
        (values.fifos, "/1,/2", "must be three paths"),
        (values.fifos, "/1,2,/3", "must be absolute paths, 2 is not"),
        (values.stats, "/run/x", r"must contain %\(program_name\)s"),
        (values.stats, "/a,/a", "one for each program"),
        (values.stats, "/a,/b,/c", "one for each program"),
        (values.stats, "/a,localhost:1", "must be unix paths or IP:PORT"),
        (values.stats, "/a,127.0.0.1:70000", "must be unix paths or IP:PORT"),
        (values.stats, "/a,127.0.0.1:x", "must be unix paths or IP:PORT"),
        (values.switch, "maybe", "must be true or false"),
        (values.retire, "kill", "must be park or stop"),
        (values.after_rollback, "ask", "must be rebuild or keep"),
        (values.link, "/releases/current", "must end with a name that contains"),
        (values.seconds, "soon", "must be a number of seconds"),
        (values.seconds, "-1", "must be a number of seconds"),
        (values.seconds, "nan", "must be a number of seconds"),
        (values.share, "many", "must be a share of the responses"),
        (values.share, "2%", "must be a share of the responses"),
        (values.share, "1.01", "must be a share of the responses"),
        (values.share, "nan", "must be a share of the responses"),
        (values.ratio, "some", "must be a number of exceptions a request"),
        (values.ratio, "nan", "must be a number of exceptions a request"),
        (values.count, "0", "must be a number from 1 to 1000"),
        (values.count, "\u00b2", "must be a number from 1 to 1000"),
        (values.path, "x", "must be an absolute path"),
        (values.health, "ftp://x", "must be a path, a URL"),
        (values.statuses, "2xx", "must be such as 200"),
        (values.statuses, "200-", "must be such as 200"),
        (values.command, "echo '", "is no command line"),
    ],
)
def test_a_wrong_value_is_refused_with_the_reason(parse, text, reason):
    with pytest.raises(ValueError, match=reason):
        parse(text)
