"""What is left to do when the files of a pair were written. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .main_file import MainFile
from .site import Site
from .takeover import Takeover


def after_init(site: Site, main: MainFile, texts: Mapping[str, str]) -> Iterator[str]:
    """How to start a new pair."""
    yield from _missing_sections(site, main)
    yield "Next:"
    yield from _tmpfiles(site, texts)
    if site.releases:
        yield f"  mkdir -p {site.releases}/.zerg"
        for program in site.programs:
            link = f"{site.releases}/.zerg/{program}"
            yield f"  ln -s {site.releases}/RELEASE {link}    # what it boots first"
    if site.nginx in texts:
        yield f"  include {site.nginx};    # in a server of nginx, then: nginx -s reload"
    client = _client(main)
    if _is_loaded(site, main):
        yield f"  {client} update"
    else:
        yield f"  {client} reload    # restarts every program of this supervisord"
    if site.started_by_hand:
        yield f"  {client} start {site.started_by_hand}    # after each boot of this machine"
    yield from _daily(site, client)


def after_adoption(takeover: Takeover, main: MainFile, texts: Mapping[str, str]) -> Iterator[str]:
    """How to go over from a program to a pair, and how to go back."""
    site = takeover.site
    old = takeover.old.name
    client = _client(main)
    yield from _missing_sections(site, main)
    yield "Next:"
    yield from _tmpfiles(site, texts)
    if not _is_loaded(site, main):
        yield f"  # the plugin is loaded when supervisord restarts all of its programs: {old} does"
        yield "  # not answer until the pair has booted"
        yield from _retire(takeover)
        yield f"  {client} reload"
    elif site.address.startswith("/"):
        yield "  # the pool takes the path of the socket: no request fails, and those that come"
        yield "  # until the pair has booted wait for that"
        yield f"  {client} update"
        yield f"  {client} status {site.name}    # until it is warm"
        yield f"  {client} stop {old}"
        yield from _retire(takeover)
        yield f"  {client} update"
    else:
        yield f"  # two programs cannot bind one port: {site.address} does not answer from the stop"
        yield "  # to the start of the pool, and requests then wait until the pair has booted"
        yield f"  {client} stop {old}"
        yield from _retire(takeover)
        yield f"  {client} update"
    yield from _daily(site, client)
    yield "Back again:"
    yield f"  {client} stop {' '.join((*site.programs, site.pool))}"
    yield f"  rm {site.pair_file}    # and put [program:{old}] back"
    yield f"  {client} update"


def _retire(takeover: Takeover) -> Iterator[str]:
    place = takeover.old.section
    yield f"  # take [program:{takeover.old.name}] out of {place.file} (line {place.line})"


def _missing_sections(site: Site, main: MainFile) -> Iterator[str]:
    sections = list(main.lacks(site.pair_file))
    if sections:
        yield f"Add to {main.path or 'the main file of supervisord'}:"
        for section in sections:
            yield from (f"  {line}".rstrip() for line in ["", *section.splitlines()])
        yield ""


def _is_loaded(site: Site, main: MainFile) -> bool:
    """Whether a running supervisord has the plugin, as far as its files tell."""
    return bool(main.plugin_file) and not list(main.lacks(site.pair_file))


def _tmpfiles(site: Site, texts: Mapping[str, str]) -> Iterator[str]:
    if site.tmpfiles in texts:
        yield f"  cp {site.tmpfiles} /etc/tmpfiles.d/{site.name}.conf"


def _client(main: MainFile) -> str:
    return f"zergctl -c {main.path}" if main.path else "zergctl"


def _daily(site: Site, client: str) -> Iterator[str]:
    yield f"  {client} status {site.name}"
    if site.releases:
        yield f"  {client} deploy {site.name} RELEASE    # a folder in {site.releases}"
        yield f"  {client} rollback {site.name}    # back to the release before"
        return
    yield f"  {client} deploy {site.name}    # after each change of the code"
    yield f"  {client} swap {site.name}    # back to the code before"
