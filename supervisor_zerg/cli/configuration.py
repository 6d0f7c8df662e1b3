"""With which environment supervisord reads its files."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from supervisor.datatypes import dict_of_key_value_pairs
from supervisor.options import expand

from ..config import parse
from ..lint.uwsgi_ini import read_text
from .command import Session

LOCAL = "unix://"


def environment_of(session: Session) -> Mapping[str, str]:
    """The environment of the supervisord that this command talks to, as Supervisor's expansions.

    That of this command where none runs on this machine, or it cannot be read.
    """
    if str(session.options.serverurl or "").startswith(LOCAL):
        # Whatever is wrong with it, the files can be read without it.
        with contextlib.suppress(Exception):
            content = Path(f"/proc/{session.supervisord_pid()}/environ").read_bytes()
            variables = (item.partition("=") for item in os.fsdecode(content).split("\0"))
            return {f"ENV_{name}": value for name, equals, value in variables if equals}
    expansions: Mapping[str, str] = session.options.environ_expansions
    return expansions


def reading_options(file: str, expansions: Mapping[str, str]) -> Any:
    """What config.py and lint take to read supervisord's files.

    Args:
        expansions: Supervisor's expansions of the environment, ``ENV_NAME`` -> value; those of
            ``environment`` in ``[supervisord]`` are added (supervisor/options.py ``read_config``).
    """
    here = os.path.dirname(os.path.abspath(file))
    options = SimpleNamespace(configfile=file, here=here, environ_expansions=dict(expansions))
    try:
        read_text(file)
        parser = parse(options, follow=False)
        text = expand(
            parser.get("supervisord", "environment", raw=True), parser.expansions, "environment"
        )
        variables = dict_of_key_value_pairs(text)
    except Exception:  # there is none, or the reader will name what is wrong
        return options
    options.environ_expansions.update({f"ENV_{name}": value for name, value in variables.items()})
    return options
