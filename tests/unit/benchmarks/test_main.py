"""``python -m benchmarks``: a group that fails does not keep the others from running."""

from types import SimpleNamespace

from benchmarks import __main__ as benchmarks
from benchmarks.table import Row, Target


def group(name, *rows, error=None):
    def run(options):
        yield from rows
        if error:
            raise error

    return SimpleNamespace(__doc__=f"About {name}.\n\nMore.", run=run)


def test_a_group_that_fails_prints_why_and_the_others_run(monkeypatch, capsys):
    groups = {
        "first": group(
            "first", "a row", error=RuntimeError("/zerg/metrics answers 501\nat length")
        ),
        "second": group("second", "another row"),
    }
    monkeypatch.setattr(benchmarks, "GROUPS", groups)
    monkeypatch.setattr(benchmarks.machine, "describe", lambda: "a machine")
    assert benchmarks.main(["--quick"]) == 1
    printed = capsys.readouterr().out
    assert "-- first: About first.\na row\n" in printed
    assert "-- first FAILED: RuntimeError: /zerg/metrics answers 501\n" in printed
    assert "-- second: About second.\nanother row\n" in printed
    assert printed.endswith("failed: first\n")


def test_groups_that_run_to_their_end_are_a_success(monkeypatch, capsys):
    monkeypatch.setattr(benchmarks, "GROUPS", {"only": group("only", "a row")})
    monkeypatch.setattr(benchmarks.machine, "describe", lambda: "a machine")
    assert benchmarks.main([]) == 0
    assert "FAILED" not in capsys.readouterr().out


def test_a_row_shows_its_median_its_worst_and_its_target():
    row = Row("a swap", [1.0, 3.0, 2.0], target=Target("median", 2), note="under load")
    assert str(row).split() == [
        "a",
        "swap",
        "3",
        "2.00",
        "ms",
        "3.00",
        "ms",
        "median",
        "<=",
        "2",
        "ms:",
        "met;",
        "under",
        "load",
    ]
    assert "worst <= 2 ms: MISSED" in str(Row("a swap", [3.0], target=Target("worst", 2)))
    assert str(Row("a swap", [])).split() == ["a", "swap", "no", "run"]
