"""The command ``init``."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from ..check import check_files
from ..command import Answer, Invocation, Session, UsageError
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
from .files import Writer, make_run_folder
from .main_file import MainFile, read_main_file
from .render import CTL_PLUGIN, HTTP_SERVER, Needs, files
from .site import Site, site_of


def run_init(session: Session, invocation: Invocation) -> Answer:
    """Write the files of a pair, check them, and print what to do next."""
    options = invocation.options
    expansions = session.options.environ_expansions
    configured = options.get("c") or getattr(session.options, "configfile", None) or ""
    main = read_main_file(configured, expansions)
    site = _site(invocation, main)
    needs = _needs(options, site)
    with_plugin = not main.plugin_file or main.plugin_file == site.plugin_file
    texts = files(site, needs, "nginx" in options, with_plugin)
    if "dry-run" in options:
        return Answer(0, [*_preview(texts), *_advice(site, main, texts)])
    writer = Writer(texts, "force" in options)
    made = make_run_folder(site.run, site.user, site.group)
    lines = [made, *writer.write(), ""]
    checked = _check(site, main, expansions)
    return Answer(checked.status, [*lines, *checked.lines, "", *_advice(site, main, texts)])


def _site(invocation: Invocation, main: MainFile) -> Site:
    options = invocation.options
    output = options.get("output") or main.default_output()
    if not output:
        raise UsageError(
            "say where to write: --output FOLDER, from which supervisord includes files"
        )
    output = os.path.abspath(output)
    site = site_of(invocation.arguments["NAME"], options, output, main.suffix_in(output))
    if os.geteuid() == 0 and not site.user:
        raise UsageError("say as whom the application runs: --user www-data, or --user root")
    return site


def _needs(options: Mapping[str, Any], site: Site) -> Needs:
    """Ask the programs of this machine.

    Raises:
        UsageError: one of them cannot run a pair; the sentence has the fix.
    """
    require_account(site.user)
    uwsgi = probe_uwsgi(find_program("uwsgi", options.get("uwsgi", "")), site.user)
    supervisord = find_program("supervisord", options.get("supervisord", ""))
    python = python_of(supervisord)
    probe_python(python)
    readable = "install supervisor_zerg where every account can read it"
    require_readable(str(COMPANION), site.user, readable)
    if site.chdir:
        require_readable(site.chdir, site.user, "correct --chdir or its mode")
    if site.virtualenv:
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


def _advice(site: Site, main: MainFile, texts: Mapping[str, str]) -> Iterator[str]:
    """What is left to do."""
    sections = list(main.lacks(site.pair_file))
    if sections:
        yield f"Add to {main.path or 'the main file of supervisord'}:"
        for section in sections:
            yield from (f"  {line}".rstrip() for line in ["", *section.splitlines()])
        yield ""
    yield "Next:"
    if site.tmpfiles in texts:
        yield f"  cp {site.tmpfiles} /etc/tmpfiles.d/{site.name}.conf"
    if site.nginx in texts:
        yield f"  include {site.nginx};    # in a server of nginx, then: nginx -s reload"
    client = f"zergctl -c {main.path}" if main.path else "zergctl"
    if main.plugin_file and not sections:
        yield f"  {client} update"
    else:
        yield f"  {client} reload    # restarts every program of this supervisord"
    if site.started_by_hand:
        yield f"  {client} start {site.started_by_hand}    # after each boot of this machine"
    yield f"  {client} status {site.name}"
    yield f"  {client} deploy {site.name}    # after each change of the code"
    yield f"  {client} swap {site.name}    # back to the code before"
