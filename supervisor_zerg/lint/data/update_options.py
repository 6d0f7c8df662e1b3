"""Update uwsgi_options.tsv from the sources of uWSGI.

    pip download --no-deps --no-binary :all: uWSGI==2.0.30 && tar xf uwsgi-2.0.30.tar.gz
    python supervisor_zerg/lint/data/update_options.py uwsgi-2.0.30

It adds new options with the topic ``?`` and prints them: give each one of the topics of
uwsgi_options.py. It keeps the topics of known options and the rows of options that these sources do
not have (those of newer releases), and renews the argument and the source line of all others.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

TABLE = Path(__file__).with_name("uwsgi_options.tsv")
HEAD = "option\targument\ttopic\tsource"
ENTRY = re.compile(r'\{\s*"([\w.-]+)"\s*,\s*(no|required|optional)_argument\s*,')


def declared(sources: Path) -> Iterator[tuple[str, str, str]]:
    """Each option, its kind of argument (no, required, optional), and its file and line."""
    for path in sorted([*sources.glob("core/*.c"), *sources.glob("plugins/**/*.c")]):
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            for option, argument in ENTRY.findall(line):
                yield option, argument, f"{path.relative_to(sources)}:{number}"


def main(sources: Path) -> int:
    """Rewrite the table.

    Returns:
        How many options need a topic.
    """
    rows = {}
    if TABLE.exists():
        for line in TABLE.read_text().splitlines()[1:]:
            rows[line.split("\t")[0]] = line.split("\t")
    seen = set()
    for option, argument, source in declared(sources):
        if option not in seen:  # the first declaration counts
            seen.add(option)
            topic = rows[option][2] if option in rows else "?"
            rows[option] = [option, argument, topic, source]
    lines = [HEAD, *("\t".join(rows[option]) for option in sorted(rows))]
    TABLE.write_text("\n".join(lines) + "\n")
    unclassified = [option for option, row in rows.items() if row[2] == "?"]
    print(f"{len(rows)} options; without a topic: {', '.join(sorted(unclassified)) or 'none'}")
    return len(unclassified)


if __name__ == "__main__":
    sys.exit(min(main(Path(sys.argv[1])), 1))
