"""The traps that lie in supervisord's files as a whole: how the plugin, its listener and its command are set up. Pure."""

import re

from ..rule import ERROR, NOTE, WARNING, Rule

MODULE = "supervisor_zerg."
PLUGIN = "supervisor_zerg.rpcinterface:make_zerg_rpcinterface"
COMMAND = "supervisor_zerg.controllerplugin:make_zerg_controllerplugin"
EVENTS = {  # what the listener needs, and what has it within
    "PROCESS_STATE": {"PROCESS_STATE"},
    "PROCESS_COMMUNICATION": {"PROCESS_COMMUNICATION", "PROCESS_COMMUNICATION_STDOUT"},
    "TICK_5": {"TICK_5", "TICK"},
    "ZERG_JOB": {"ZERG_JOB", "ZERG"},
}
BUFFER = 10  # events, Supervisor's default
LOCAL = ("127.0.0.1", "localhost", "::1", "[::1]")


def _plugins(plan):
    """(section, its factory) of what is called zerg, or is of this project."""
    found = [
        (section, section.get("supervisor.rpcinterface_factory"))
        for section in plan.conf.of_kind("rpcinterface:")
    ]
    return [
        (section, factory)
        for section, factory in found
        if section.name == "rpcinterface:zerg" or MODULE in factory
    ]


def _commands(plan):
    """The same of supervisorctl's. :returns: as they are written, since supervisorctl reads the main file only."""
    found = [
        (title, title.values.get("supervisor.ctl_factory", ""))
        for title in plan.conf.titles
        if title.name.startswith("ctlplugin:")
    ]
    return [
        (title, factory)
        for title, factory in found
        if title.name == "ctlplugin:zerg" or MODULE in factory
    ]


def _listeners(plan):
    found = plan.conf.of_kind("eventlistener:")
    return [
        section
        for section in found
        if re.search(r"zerg-listener|supervisor_zerg[./]listener", section.get("command"))
    ]


def _servers(plan):
    return [
        plan.conf.sections[name]
        for name in ("unix_http_server", "inet_http_server")
        if name in plan.conf.sections
    ]


def no_http_server(plan):
    if not _servers(plan):
        yield plan.conf.top, "there is no [unix_http_server] and no [inet_http_server]"


def no_plugin(plan):
    if not _plugins(plan):
        yield plan.conf.top, "there is no [rpcinterface:zerg]"


def plugin_factory(plan):
    for section, factory in _plugins(plan):
        if factory != PLUGIN:
            yield (
                section.at("supervisor.rpcinterface_factory"),
                f"the factory of [{section.name}] is {factory or 'missing'}",
            )


def plugin_name(plan):
    for section, factory in _plugins(plan):
        if section.name != "rpcinterface:zerg":
            yield section, f"the plugin is in [{section.name}]"


def ctlplugin_factory(plan):
    for title, factory in _commands(plan):
        if factory != COMMAND:
            yield (
                title.at("supervisor.ctl_factory"),
                f"the factory of [{title.name}] is {factory or 'missing'}",
            )


def no_listener(plan):
    if not _listeners(plan):
        yield plan.conf.top, "there is no [eventlistener:zerg]"


def listener_events(plan):
    for section in _listeners(plan):
        events = {event.strip().upper() for event in section.get("events").split(",")}
        missing = [event for event, known in EVENTS.items() if not events & {"EVENT", *known}]
        if missing:
            yield section.at("events"), f"the listener does not subscribe to {', '.join(missing)}"


def listener_buffer(plan):
    least = max(4 * len(plan.programs), BUFFER + 1)
    for section in _listeners(plan):
        text = section.get("buffer_size", str(BUFFER)).strip()
        if text.isdigit() and int(text[:9]) < least:
            yield (
                section.at("buffer_size"),
                f"buffer_size is {text} for {len(plan.programs)} programs",
            )


def listener_stdout(plan):
    for section in _listeners(plan):
        if section.get("redirect_stderr").lower() in ("true", "on", "yes", "1"):
            yield section.at("redirect_stderr"), "the listener has redirect_stderr"


def listener_password(plan):
    door = next(
        iter(_servers(plan)), None
    )  # supervisord hands out the URL of the unix one, if there is one
    for section in _listeners(plan) if door and door.get("username") else ():
        has = plan.environments.get(section.name, {})
        given, wanted = has.get("SUPERVISOR_PASSWORD", ""), door.get("password")
        fits = given == wanted or wanted.startswith("{SHA}") and given
        if (
            given.startswith("{SHA}")
            or not fits
            or has.get("SUPERVISOR_USERNAME", "") != door.get("username")
        ):
            yield (
                section.at("environment"),
                f"[{door.name}] wants a username and password that the listener does not have",
            )


def ctlplugin_included(plan):
    for title in plan.conf.titles:
        if title.name.startswith("ctlplugin:") and title.file != plan.conf.file:
            yield title, f"[{title.name}] is in an included file"


def ctlplugin_missing(plan):
    if not _commands(plan):
        yield plan.conf.top, "there is no [ctlplugin:zerg]"


def include_nested(plan):
    for title in plan.conf.titles:
        if title.name == "include" and title.file != plan.conf.file:
            yield title, "[include] is in a file that is itself included"


def here_in_plugin(plan):
    for title in () if "include" in plan.conf.sections else plan.conf.titles:
        for option, text in (
            title.values.items() if title.name.startswith(("rpcinterface:", "ctlplugin:")) else ()
        ):
            if "%(here)s" in text:
                yield (
                    title.at(option),
                    f"{option} of [{title.name}] uses %(here)s in a file without [include]",
                )


def _inet(plan, local):
    server = plan.conf.sections.get("inet_http_server")
    if server and not server.get("password"):
        port = server.get("port")
        if (port.rpartition(":")[0] in LOCAL) == local:
            yield (
                server.at("port"),
                "whoever reaches %s controls the pairs, without a password" % (port or "the port"),
            )


def http_open(plan):
    return _inet(plan, local=False)


def http_local(plan):
    return _inet(plan, local=True)


def http_chmod(plan):
    server = plan.conf.sections.get("unix_http_server")
    mode = server.get("chmod", "0700").strip() if server else ""
    if re.fullmatch("[0-7]{1,6}", mode) and int(mode, 8) & 0o002 and not server.get("password"):
        yield (
            server.at("chmod"),
            f"everybody may write to supervisord's socket (chmod = {mode}), without a password",
        )


RULES = (
    Rule(
        "no-http-server",
        ERROR,
        no_http_server,
        "supervisord makes a plugin once for each HTTP server: without one it is never loaded, and nothing says so",
        "add [unix_http_server] with 'file' and 'chmod = 0700'",
    ),
    Rule(
        "no-plugin",
        ERROR,
        no_plugin,
        "no pair is swapped, failed over or mended; instances that boot parked (managed.ini) serve nobody",
        f"add [rpcinterface:zerg] with supervisor.rpcinterface_factory = {PLUGIN}",
    ),
    Rule(
        "plugin-factory",
        ERROR,
        plugin_factory,
        "supervisord refuses to start where there is no such factory, and another one is another plugin",
        f"supervisor.rpcinterface_factory = {PLUGIN}",
    ),
    Rule(
        "plugin-name",
        ERROR,
        plugin_name,
        "what comes after the colon is the namespace: the listener, supervisorctl and zergctl ask for zerg, and find nothing",
        "name the section [rpcinterface:zerg]",
    ),
    Rule(
        "no-listener",
        WARNING,
        no_listener,
        "the listener's ticks are what heals a missed event",
        "add [eventlistener:zerg] with 'command = zerg-listener', see the README",
    ),
    Rule(
        "listener-events",
        WARNING,
        listener_events,
        "without ticks a missed event never heals, and deploys with hooks or health are refused, also with rarer ones; without ZERG_JOB "
        "hooks and health wait for a tick",
        "events = PROCESS_STATE,PROCESS_COMMUNICATION,TICK_5,ZERG_JOB",
    ),
    Rule(
        "listener-buffer",
        WARNING,
        listener_buffer,
        "a listener gets nothing for the first 1.15 s: of the 42 events of 20 programs 10 were delivered and 32 lost",
        "set buffer_size to 4 times the number of programs, or 256",
    ),
    Rule(
        "listener-stdout",
        ERROR,
        listener_stdout,
        "its stdout is the protocol: bytes outside of it put it into state UNKNOWN, and supervisord refuses redirect_stderr there",
        "remove redirect_stderr",
    ),
    Rule(
        "listener-password",
        WARNING,
        listener_password,
        "supervisord gives the listener its URL but no password: every call is answered 401; of a {SHA} one the plain text is needed",
        'environment = SUPERVISOR_USERNAME="...",SUPERVISOR_PASSWORD="..."',
    ),
    Rule(
        "ctlplugin-included",
        WARNING,
        ctlplugin_included,
        "supervisorctl reads no included file: it says '*** Unknown syntax: zerg' (still in Supervisor 4.3.0)",
        "move the section to the main file, or use zergctl",
    ),
    Rule(
        "ctlplugin-factory",
        ERROR,
        ctlplugin_factory,
        "every command of supervisorctl, not only zerg, ends with status 2",
        f"supervisor.ctl_factory = {COMMAND}",
    ),
    Rule(
        "ctlplugin-missing",
        NOTE,
        ctlplugin_missing,
        "supervisorctl says '*** Unknown syntax: zerg'",
        "add [ctlplugin:zerg] to the main file, or use zergctl",
    ),
    Rule(
        "include-nested",
        WARNING,
        include_nested,
        "supervisord follows the [include] of its main file only: what this one names is never read",
        "name the files in the main file's [include]",
    ),
    Rule(
        "here-in-plugin",
        ERROR,
        here_in_plugin,
        "supervisord expands %(here)s in plugin sections only if there is an [include]; else it refuses to start",
        "write the path, or add an [include]",
    ),
    Rule(
        "http-open",
        ERROR,
        http_open,
        "who may talk to supervisord may stop every program and run its commands; the port is not a local one",
        "use a unix socket with chmod 0700, or set username and password",
    ),
    Rule(
        "http-local",
        WARNING,
        http_local,
        "every user of this machine may stop programs, and so may any web page in a browser on it: a foreign POST was executed",
        "use a unix socket with chmod 0700, or set username and password",
    ),
    Rule(
        "http-chmod",
        WARNING,
        http_chmod,
        "every user of this machine may stop every program and swap every pair",
        "chmod = 0700, or 0770 with a group of operators",
    ),
)
