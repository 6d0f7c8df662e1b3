"""Draw the pictures of the documentation into docs/images.

    python -m benchmarks.pictures [packages swap deploy watch page]

The plots need matplotlib, the terminal needs rich (extra ``pictures``), the page needs Chromium.
"""

from __future__ import annotations

import argparse

from .packages import packages
from .plots import deploy, swap
from .screens import page, watch
from .stacks import IMAGES

PICTURES = {"packages": packages, "swap": swap, "deploy": deploy, "watch": watch, "page": page}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of " + ", ".join(PICTURES))
    names = parser.parse_args(arguments).names or list(PICTURES)
    unknown = sorted(set(names) - set(PICTURES))
    if unknown:
        parser.error(f"no picture is called {', '.join(unknown)}")
    IMAGES.mkdir(exist_ok=True)
    for name in names:
        PICTURES[name]()
        print(f"{name}: drawn", flush=True)


if __name__ == "__main__":
    main()
