"""Reads supervisord's files and the inis of its uWSGI programs into a ConfigModel."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Mapping
from typing import Any

from supervisor.datatypes import dict_of_key_value_pairs
from supervisor.options import split_namespec

from ..config import canonical, read_pairs
from ..core.pair_config import PairConfig, named
from .config_model import POOLS, SOCKET, ConfigModel, Pair, Program
from .supervisor_files import (
    Process,
    Section,
    SupervisorFiles,
    processes,
    read_supervisor_files,
)
from .uwsgi_command_line import read_command

SHARED_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")


def read_config_model(options: Any) -> ConfigModel:
    """Read all files; ``options`` are those of config.py ``read_pairs``.

    Raises:
        Unreadable: One of supervisord's own files cannot be read.
    """
    files = read_supervisor_files(options)
    known = processes(files)
    return ConfigModel(
        files,
        tuple(_pair(files, config, known) for config in read_pairs(options)),
        known,
        {section.name: _environment(files, section) for section in files.of_kind("eventlistener:")},
    )


def _pair(files: SupervisorFiles, config: PairConfig, known: Mapping[str, Process]) -> Pair:
    found = {name: _find(known, name) for name in config.programs}
    instances = tuple(read_program(files, process) for process in found.values() if process)
    pool_process = _find(known, config.pool) if config.pool else None
    pool = read_program(files, pool_process) if pool_process else None
    fifos = set(config.fifos)
    for instance in instances:
        fifos.update(option.value for option in instance.all("master-fifo"))
    paths = fifos | _addresses(config, instances, pool)
    return Pair(
        config,
        files.sections.get(f"zerg:{config.name}", Section(files.file, 0, "")),
        instances,
        {name: _real_names(known, name) for name in found if not found[name]},
        pool,
        frozenset(filter(_is_open, map(os.path.dirname, fifos))),
        {path: canonical(path) for path in paths if path.startswith("/") and "\0" not in path},
    )


def _addresses(
    config: PairConfig, instances: tuple[Program, ...], pool: Program | None
) -> set[str]:
    """Every path, other than a FIFO's own, that some rule compares with another."""
    found: set[str] = set()
    for instance in instances:
        found |= {config.stats_of(instance.name), named(config.companion, instance.name)}
    for program in (*instances, pool) if pool else instances:
        found |= {hook.fifo[0] for hook in program.hooks if hook.fifo} | {program.variable(SOCKET)}
        for option in program.all("stats", "stats-server", "zerg", "zerg-node", *POOLS):
            found |= {option.value, *option.value.replace(":", ",").split(",")}
    return found


def _find(known: Mapping[str, Process], name: str) -> Process | None:
    group, process = split_namespec(name)
    return known.get(str(process) if group == process else f"{group}:{process}")


def _real_names(known: Mapping[str, Process], name: str) -> tuple[str, ...]:
    """The first names of the processes of the program's section."""
    program = name.rpartition(":")[2]
    names = [p.name for p in known.values() if p.section.name.partition(":")[2] == program]
    return tuple(names[:4])


def read_program(files: SupervisorFiles, process: Process) -> Program:
    section = process.section
    command = section.at("command")
    environment = _environment(files, section)
    environment["SUPERVISOR_PROCESS_NAME"] = process.name.rpartition(":")[2]
    environment["SUPERVISOR_GROUP_NAME"] = process.name.partition(":")[0]
    supervisord = files.sections.get("supervisord")
    folder = section.get("directory") or (supervisord.get("directory") if supervisord else "")
    reader, broken = read_command(section.get("command"), command, folder, environment)
    return Program(
        process.name,
        section,
        tuple(reader.options),
        reader.home or command,
        tuple(reader.unread),
        broken,
        _group(files, process.name),
    )


def _group(files: SupervisorFiles, name: str) -> Section | None:
    return files.sections.get(f"group:{name.partition(':')[0]}") if ":" in name else None


def _environment(files: SupervisorFiles, section: Section) -> dict[str, str]:
    """supervisord's environment with the variables of its own section and of the program's."""
    found = {
        name[len("ENV_") :]: str(value)
        for name, value in files.expansions.items()
        if name.startswith("ENV_")
    }
    for one in (files.sections.get("supervisord"), section):
        with contextlib.suppress(ValueError):
            found.update(dict_of_key_value_pairs(one.get("environment")) if one else {})
    return found


def _is_open(folder: str) -> bool:
    """Whether every user may write there, or create it where it does not exist yet."""
    try:
        while folder and not os.path.exists(folder):
            folder = os.path.dirname(folder)
        if not folder:
            return False
        shared = os.path.realpath(folder) in SHARED_FOLDERS
        return shared or bool(os.stat(folder).st_mode & stat.S_IWOTH)
    except (OSError, ValueError):
        return False
