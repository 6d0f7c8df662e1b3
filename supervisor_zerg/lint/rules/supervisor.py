"""Rules about the plugin, supervisorctl's plugin and the includes of supervisord's files. Pure."""

from __future__ import annotations

from ..config_model import ConfigModel
from ..rule import ERROR, NOTE, WARNING, Hits, rule
from ..supervisor_files import Section

OWN_MODULE = "supervisor_zerg."
PLUGIN_FACTORY = "supervisor_zerg.rpcinterface:make_zerg_rpcinterface"
CTL_FACTORY = "supervisor_zerg.controllerplugin:make_zerg_controllerplugin"


def _plugins(model: ConfigModel) -> list[tuple[Section, str]]:
    """Each section that is named zerg or has a factory of this project, with its factory."""
    found = [
        (section, section.get("supervisor.rpcinterface_factory"))
        for section in model.files.of_kind("rpcinterface:")
    ]
    return [
        (section, factory)
        for section, factory in found
        if section.name == "rpcinterface:zerg" or OWN_MODULE in factory
    ]


def _ctl_plugins(model: ConfigModel) -> list[tuple[Section, str]]:
    """The same for supervisorctl, as written: supervisorctl reads the main file only."""
    found = [
        (title, title.get("supervisor.ctl_factory"))
        for title in model.files.titles
        if title.name.startswith("ctlplugin:")
    ]
    return [
        (title, factory)
        for title, factory in found
        if title.name == "ctlplugin:zerg" or OWN_MODULE in factory
    ]


@rule(
    "no-http-server",
    ERROR,
    summary="no HTTP server, so supervisord never loads the plugin",
    reason="supervisord loads its plugins once for each HTTP server; without one it silently loads"
    " none",
    fix="add [unix_http_server] with 'file' and 'chmod = 0700'",
)
def no_http_server(model: ConfigModel) -> Hits:
    if not {"unix_http_server", "inet_http_server"} & set(model.files.sections):
        yield model.files.top, "there is no [unix_http_server] and no [inet_http_server]"


@rule(
    "no-plugin",
    ERROR,
    summary="no ``[rpcinterface:zerg]``",
    reason="no pair is swapped, failed over or repaired; instances that boot parked (managed.ini)"
    " never serve",
    fix=f"add [rpcinterface:zerg] with supervisor.rpcinterface_factory = {PLUGIN_FACTORY}",
)
def no_plugin(model: ConfigModel) -> Hits:
    if not _plugins(model):
        yield model.files.top, "there is no [rpcinterface:zerg]"


@rule(
    "plugin-factory",
    ERROR,
    summary="``[rpcinterface:zerg]`` has no factory, or another one",
    reason="supervisord refuses to start if the factory does not exist; another one is another"
    " plugin",
    fix=f"supervisor.rpcinterface_factory = {PLUGIN_FACTORY}",
)
def plugin_factory(model: ConfigModel) -> Hits:
    for section, factory in _plugins(model):
        if factory != PLUGIN_FACTORY:
            place = section.at("supervisor.rpcinterface_factory")
            yield place, f"the factory of [{section.name}] is {factory or 'missing'}"


@rule(
    "plugin-name",
    ERROR,
    summary="the plugin's factory is in a section of another name",
    reason="the section's name is the RPC namespace; the listener, supervisorctl and zergctl call"
    " 'zerg' and find nothing",
    fix="name the section [rpcinterface:zerg]",
)
def plugin_name(model: ConfigModel) -> Hits:
    for section, _ in _plugins(model):
        if section.name != "rpcinterface:zerg":
            yield section, f"the plugin is in [{section.name}]"


@rule(
    "ctlplugin-included",
    WARNING,
    summary="``[ctlplugin:...]`` is in an included file, which supervisorctl never reads",
    reason="supervisorctl reads no included file: it prints '*** Unknown syntax: zerg' (Supervisor"
    " 4.3.0 still does)",
    fix="move the section to the main file, or use zergctl",
)
def ctlplugin_included(model: ConfigModel) -> Hits:
    for title in model.files.titles:
        if title.name.startswith("ctlplugin:") and title.file != model.files.file:
            yield title, f"[{title.name}] is in an included file"


@rule(
    "ctlplugin-factory",
    ERROR,
    summary="``[ctlplugin:zerg]`` has no factory, or another one",
    reason="every supervisorctl command, not only zerg, ends with status 2",
    fix=f"supervisor.ctl_factory = {CTL_FACTORY}",
)
def ctlplugin_factory(model: ConfigModel) -> Hits:
    for title, factory in _ctl_plugins(model):
        if factory != CTL_FACTORY:
            place = title.at("supervisor.ctl_factory")
            yield place, f"the factory of [{title.name}] is {factory or 'missing'}"


@rule(
    "ctlplugin-missing",
    NOTE,
    summary="no ``[ctlplugin:zerg]``",
    reason="supervisorctl prints '*** Unknown syntax: zerg'",
    fix="add [ctlplugin:zerg] to the main file, or use zergctl",
)
def ctlplugin_missing(model: ConfigModel) -> Hits:
    if not _ctl_plugins(model):
        yield model.files.top, "there is no [ctlplugin:zerg]"


@rule(
    "include-nested",
    WARNING,
    summary="``[include]`` in an included file, which is never followed",
    reason="supervisord follows only the [include] of its main file; the files that this one names"
    " are never read",
    fix="name the files in the main file's [include]",
)
def include_nested(model: ConfigModel) -> Hits:
    for title in model.files.titles:
        if title.name == "include" and title.file != model.files.file:
            yield title, "[include] is in a file that is itself included"


@rule(
    "here-in-plugin",
    ERROR,
    summary="``%(here)s`` in a plugin's section without ``[include]``",
    reason="supervisord expands %(here)s in plugin sections only if there is an [include];"
    " otherwise it refuses to start",
    fix="write the path in full, or add an [include]",
)
def here_in_plugin(model: ConfigModel) -> Hits:
    if "include" in model.files.sections:
        return
    for title in model.files.titles:
        if title.name.startswith(("rpcinterface:", "ctlplugin:")):
            for option, text in title.values.items():
                if "%(here)s" in text:
                    message = f"{option} of [{title.name}] uses %(here)s, and there is no [include]"
                    yield title.at(option), message


PLUGIN = (no_http_server, no_plugin, plugin_factory, plugin_name)
FILES = (ctlplugin_included, ctlplugin_factory, ctlplugin_missing, include_nested, here_in_plugin)
