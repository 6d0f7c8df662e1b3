"""The command ``init``."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ..check import check_files
from ..command import Answer, Invocation, Session, UsageError
from ..configuration import environment_of
from ..probe import (
    COMPANION,
    Unfit,
    Uwsgi,
    find_program,
    probe_python,
    probe_uwsgi,
    python_of,
    require_account,
    require_readable,
)
from .advice import after_adoption, after_init
from .files import Writer, make_run_folder
from .main_file import MainFile, read_main_file
from .render import CTL_PLUGIN, HTTP_SERVER, Needs, files, plugin_conf, tmpfiles
from .site import Site, site_of
from .takeover import read_takeover


class Plan(NamedTuple):
    """What is to be written, what is said about it before, and what is left to do."""

    site: Site
    texts: Mapping[str, str]
    preface: Iterable[str]
    advice: Iterable[str]


def run_init(session: Session, invocation: Invocation) -> Answer:
    """Write the files of a pair, check them, and print what to do next."""
    options = invocation.options
    expansions = environment_of(session)
    configured = options.get("c") or getattr(session.options, "configfile", None) or ""
    main = read_main_file(configured, expansions)
    output = options.get("output") or main.default_output()
    if not output:
        raise UsageError(
            "say where to write: --output FOLDER, from which supervisord includes files"
        )
    output = os.path.abspath(output)
    if "adopt" in options:
        plan = _adoption(invocation, main, output, expansions)
    else:
        plan = _new_pair(invocation, main, output)
    if "dry-run" in options:
        return Answer(0, [*plan.preface, *_preview(plan.texts), *plan.advice])
    writer = Writer(plan.texts, "force" in options)
    made = make_run_folder(plan.site.run, plan.site.user, plan.site.group)
    lines = [*plan.preface, made, *writer.write(), ""]
    checked = _check(plan.site, main, expansions)
    return Answer(checked.status, [*lines, *checked.lines, "", *plan.advice])


def _new_pair(invocation: Invocation, main: MainFile, output: str) -> Plan:
    options = invocation.options
    site = site_of(invocation.arguments["NAME"], options, output, main.suffix_in(output))
    if os.geteuid() == 0 and not site.user:
        raise UsageError("say as whom the application runs: --user www-data, or --user root")
    needs = _needs(options, site, options.get("uwsgi", ""))
    texts = files(site, needs, "nginx" in options, _lacks_plugin(site, main))
    return Plan(site, texts, (), after_init(site, main, texts))


def _adoption(
    invocation: Invocation, main: MainFile, output: str, expansions: Mapping[str, str]
) -> Plan:
    options = invocation.options
    takeover = read_takeover(invocation, main, output, expansions)
    site = takeover.site
    needs = _needs(options, site, options.get("uwsgi") or takeover.uwsgi)
    texts = {}
    if _lacks_plugin(site, main):
        texts[site.plugin_file] = plugin_conf(needs)
    texts.update(takeover.files(needs))
    if site.is_volatile:
        texts[site.tmpfiles] = tmpfiles(site)
    return Plan(site, texts, takeover.preface(texts), after_adoption(takeover, main, texts))


def _lacks_plugin(site: Site, main: MainFile) -> bool:
    return not main.plugin_file or main.plugin_file == site.plugin_file


def _needs(options: Mapping[str, Any], site: Site, uwsgi_path: str) -> Needs:
    """Ask the programs of this machine.

    Raises:
        Unfit: one of them cannot run a pair.
    """
    require_account(site.user)
    uwsgi = probe_uwsgi(find_program("uwsgi", uwsgi_path), site.user)
    python = python_of(find_program("supervisord", options.get("supervisord", "")))
    probe_python(python)
    readable = "install supervisor_zerg where every account can read it"
    require_readable(str(COMPANION), site.user, readable)
    if site.releases:
        require_readable(site.releases, site.user, "correct --releases or its mode")
    elif site.chdir:
        require_readable(site.chdir, site.user, "correct --chdir or its mode")
    if site.virtualenv and not site.virtualenv.startswith(site.chdir or "\0"):
        _check_virtualenv(site, uwsgi)
    return Needs(uwsgi.path, uwsgi.instance_plugins, uwsgi.pool_plugins, python, str(COMPANION))


def _check_virtualenv(site: Site, uwsgi: Uwsgi) -> None:
    require_readable(f"{site.virtualenv}/bin/python", site.user, "correct --venv or its mode")
    if uwsgi.python and not os.path.isdir(f"{site.virtualenv}/lib/python{uwsgi.python}"):
        raise Unfit(
            f"{uwsgi.path} has Python {uwsgi.python}, and {site.virtualenv} is of another Python",
            f"give another --uwsgi, such as after {site.virtualenv}/bin/pip install pyuwsgi",
        )


def _preview(texts: Mapping[str, str]) -> Iterator[str]:
    for path, text in texts.items():
        yield f"==> {path}"
        yield from text.splitlines()
        yield ""


def _check(site: Site, main: MainFile, expansions: Mapping[str, str]) -> Answer:
    """Check the pair as supervisord will see it when the main file has what it lacks."""
    if main.path and not list(main.lacks(site.pair_file)):
        return check_files(main.path, expansions, site.name, False)
    patterns = [main.path, *main.patterns] if main.path else []
    patterns += [site.plugin_file, site.pair_file]
    sections = ["[supervisord]\n", f"[include]\nfiles = {' '.join(patterns)}\n"]
    sections += [HTTP_SERVER, CTL_PLUGIN]
    with tempfile.NamedTemporaryFile("w", suffix=".conf", prefix="zergctl-init-") as file:
        file.write("\n".join(sections))
        file.flush()
        return check_files(file.name, expansions, site.name, False)
