"""The table of all options of uWSGI has a topic for each, and each topic a reason or a rule."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from supervisor_zerg.lint import check
from supervisor_zerg.lint.uwsgi_options import HARMLESS, SEVERAL, uwsgi_options

RULES = {rule.id for rule in check.RULES}


def test_each_option_has_a_topic_that_is_harmless_or_a_rule():
    for option in uwsgi_options().values():
        rules = SEVERAL.get(option.topic, (option.topic,))
        assert (option.topic in HARMLESS) != (set(rules) <= RULES), option
        assert option.argument in ("no", "required", "optional")
        assert re.fullmatch(r"(core|plugins)/[\w/]+\.c:[0-9]+|uWSGI 2\.0\.31", option.source)


def test_no_topic_and_no_rule_is_without_an_option():
    used = {option.topic for option in uwsgi_options().values()}
    assert set(HARMLESS) | set(SEVERAL) <= used
    assert all(reason.isascii() for reason in HARMLESS.values())


def test_the_table_has_every_option_of_the_uwsgi_that_is_installed():
    uwsgi = shutil.which("uwsgi", path=os.path.dirname(sys.executable)) or pytest.skip(
        "uwsgi is not installed: pip install -e .[test]"
    )
    shown = subprocess.run([uwsgi, "--help"], capture_output=True, text=True)
    names = re.findall(r"^ +(?:-\w\|)?--(\S+)", shown.stdout + shown.stderr, re.M)
    assert len(names) > 900 and set(names) <= set(uwsgi_options())
