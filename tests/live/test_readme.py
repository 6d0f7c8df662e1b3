"""The terminal sessions of the README, run."""

import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[2]
WILD = TOP / "tests" / "unit" / "lint" / "wild"
README = (TOP / "README.rst").read_text()
NUMBERS = re.compile(r"[0-9a-f]{8}-\d+|\d[\d:.-]*")


def sessions():
    """(command, lines that it is said to print) of every console block."""
    found = []
    for block in re.findall(r"(?m)^ *\.\. code-block:: console\n\n((?:(?: +.*)?\n)+)", README):
        for line in block.splitlines():
            if line.strip().startswith("$ "):
                found.append((line.strip()[2:].split("#")[0].strip(), []))
            elif line.strip():
                found[-1][1].append(line.strip())
    return found


def shape(line):
    """A line without its numbers and column widths."""
    return re.sub(r" +", " ", NUMBERS.sub("N", line)).strip()


def elsewhere(words):
    """A command that needs no stack, where the configurations seen in the wild lie."""
    return subprocess.run(
        [Path(sys.executable).with_name(words[0]), *words[1:]],
        cwd=WILD,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_what_the_readme_shows_is_what_is_printed(make_stack):
    stack = make_stack("managed")
    stack.warm_up()
    stack.until(lambda: stack.info()["pool"] == "zergpool RUNNING")
    stack.until(lambda: all(c["statename"] == "RUNNING" for c in stack.info()["instances"]))
    shown = sessions()
    assert len(shown) >= 5
    for command, lines in shown:
        words = command.split()
        result = stack.ctl(*words[1:]) if words[0] == "supervisorctl" else elsewhere(words)
        assert result.returncode == (1 if "check" in words else 0), (command, result)
        printed = [shape(line.replace(f"{WILD}/", "")) for line in result.stdout.splitlines()]
        for line in lines:
            head = shape(line.partition("...")[0])
            assert any(p.startswith(head) for p in printed), (command, head, printed)
        stack.until(lambda: stack.info()["warm"])
