"""Sphinx configuration.

sphinx-build -W -n -b html docs docs/_build/html
sphinx-build -W -n -b man docs docs/_build/man      # zergctl(1)
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

from supervisor_zerg import __version__  # noqa: E402

project = "supervisor_zerg"
author = "the supervisor_zerg authors"
release = __version__
version = __version__
extensions = ["zerg_tables"]
exclude_patterns = ["_build"]
nitpicky = True
smartquotes = False  # the texts of the code have quotes that belong to commands
highlight_language = "none"
today_fmt = "%Y-%m-%d"

html_theme = "furo"
html_title = f"supervisor_zerg {version}"
html_static_path: list[str] = []
html_copy_source = False

man_pages = [("zergctl", "zergctl", "deploy uWSGI instances and swap them under Supervisor", [], 1)]
man_make_section_directory = False

linkcheck_anchors = False
linkcheck_timeout = 20
linkcheck_retries = 2
linkcheck_ignore = [r"https?://(localhost|127\.0\.0\.1)"]
