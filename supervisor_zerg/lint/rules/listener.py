"""Rules about ``[eventlistener:zerg]``. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from supervisor.datatypes import boolean

from ..config_model import ConfigModel
from ..rule import ERROR, WARNING, Hits, rule
from ..supervisor_files import Section

EVENTS = {  # each event that the listener needs, and the subscriptions that include it
    "PROCESS_STATE": {"PROCESS_STATE"},
    "PROCESS_COMMUNICATION": {"PROCESS_COMMUNICATION", "PROCESS_COMMUNICATION_STDOUT"},
    "TICK_5": {"TICK_5", "TICK"},
    "ZERG_JOB": {"ZERG_JOB", "ZERG"},
}
BUFFER_SIZE = 10  # events, Supervisor's default


def _listeners(model: ConfigModel) -> list[Section]:
    return [
        section
        for section in model.files.of_kind("eventlistener:")
        if re.search(r"zerg-listener|supervisor_zerg[./]jobs[./]listener", section.get("command"))
    ]


@rule(
    "no-listener",
    WARNING,
    summary="no ``[eventlistener:zerg]``",
    reason="without the listener's ticks nothing repairs a missed event, and no hook or health"
    " check runs",
    fix="add [eventlistener:zerg] with 'command = zerg-listener' (see the documentation)",
)
def no_listener(model: ConfigModel) -> Hits:
    if not _listeners(model):
        yield model.files.top, "there is no [eventlistener:zerg]"


@rule(
    "listener-events",
    WARNING,
    summary="the listener subscribes to too few events, or its ticks are too rare",
    reason="without ticks nothing repairs a missed event; without ticks every 5 s deploys with"
    " hooks or health checks are refused; without ZERG_JOB these wait for a tick",
    fix="events = PROCESS_STATE,PROCESS_COMMUNICATION,TICK_5,ZERG_JOB",
)
def listener_events(model: ConfigModel) -> Hits:
    for section in _listeners(model):
        events = {event.strip().upper() for event in section.get("events").split(",")}
        missing = [event for event, known in EVENTS.items() if not events & {"EVENT", *known}]
        if missing:
            yield section.at("events"), f"the listener does not subscribe to {', '.join(missing)}"


@rule(
    "listener-buffer",
    WARNING,
    summary="the listener's ``buffer_size`` is too small for the number of programs",
    reason="a listener receives nothing for the first 1.15 s: of the 42 events of 20 programs 10"
    " were delivered and 32 were lost",
    fix="set buffer_size to 4 times the number of programs, or to 256",
)
def listener_buffer(model: ConfigModel) -> Hits:
    programs = len(model.processes)
    for section in _listeners(model):
        text = section.get("buffer_size", str(BUFFER_SIZE)).strip()
        if text.isdigit() and int(text[:9]) < max(4 * programs, BUFFER_SIZE + 1):
            yield section.at("buffer_size"), f"buffer_size is {text} for {programs} programs"


@rule(
    "listener-stdout",
    ERROR,
    summary="the listener has ``redirect_stderr``",
    reason="its stdout carries Supervisor's event protocol: supervisord refuses redirect_stderr"
    " for an event listener",
    fix="remove redirect_stderr",
)
def listener_stdout(model: ConfigModel) -> Hits:
    for section in _listeners(model):
        if _is_true(section.get("redirect_stderr", "false")):
            yield section.at("redirect_stderr"), "the listener has redirect_stderr"


def _is_true(text: str) -> bool:
    try:
        return bool(boolean(text.strip()))
    except ValueError:
        return False


@rule(
    "listener-password",
    WARNING,
    summary="the HTTP server requires a username and password that the listener does not have",
    reason="supervisord passes its URL to the listener, but no password: every call is answered"
    " with 401; for a {SHA} password the listener needs the plain text",
    fix='environment = SUPERVISOR_USERNAME="...",SUPERVISOR_PASSWORD="..."',
)
def listener_password(model: ConfigModel) -> Hits:
    sections = model.files.sections  # the listener gets the URL of the unix socket, if there is one
    server = sections.get("unix_http_server") or sections.get("inet_http_server")
    if server is None or not server.get("username"):
        return
    for section in _listeners(model):
        environment = model.environments.get(section.name, {})
        if not _has_credentials(environment, server):
            message = f"[{server.name}] requires a username and password that the listener lacks"
            yield section.at("environment"), message


def _has_credentials(environment: Mapping[str, str], server: Section) -> bool:
    given = environment.get("SUPERVISOR_PASSWORD", "")
    wanted = server.get("password")
    if given.startswith("{SHA}") or environment.get("SUPERVISOR_USERNAME") != server.get(
        "username"
    ):
        return False
    return given == wanted or bool(wanted.startswith("{SHA}") and given)


RULES = (no_listener, listener_events, listener_buffer, listener_stdout, listener_password)
