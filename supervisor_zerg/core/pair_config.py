"""What one ``[zerg:NAME]`` section says, with its defaults. config.py reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, NamedTuple

from . import option_values
from .option_values import PROGRAM_NAME

#: Options without a safe default: a pair is not managed while one of them is wrong.
ESSENTIAL = ("programs", "fifos")


@dataclass(frozen=True)
class Problem:
    """What is wrong with a section.

    ``option`` and ``pair`` are empty if it is about no option or no section.
    """

    option: str
    text: str
    pair: str = ""

    @property
    def blocks(self) -> bool:
        """Whether the pair cannot be managed; else the option has its default."""
        return not self.option or self.option in ESSENTIAL

    def __str__(self) -> str:
        section = f"[zerg:{self.pair}]" if self.pair else ""
        return " ".join(filter(None, (section, self.option, self.text)))


@dataclass(frozen=True)
class PairConfig:
    """One ``[zerg:NAME]`` section."""

    name: str = "pybossa"
    programs: tuple[str, str] = ("pybossa", "pybossabak")
    fifos: tuple[str, str, str] = (
        "/var/run/new.fifo",
        "/var/run/running.fifo",
        "/var/run/sleeping.fifo",
    )
    stats: str = "/run/pybossa/%(program_name)s.stats"
    pool: str = "zergpool"
    auto: bool = True
    retire: str = "park"
    freeze: bool = False
    drain_timeout: float = 60.0
    boot_timeout: float = 300.0
    companion: str = ""
    health: str = ""
    health_status: str = "200-399"
    health_timeout: float = 5.0
    health_interval: float = 1.0
    health_count: int = 3
    releases: str = ""
    release_link: str = ""
    after_rollback: str = "rebuild"
    bake: float = 10.0
    max_exceptions: float = 0.05
    max_5xx: float = 0.02
    min_responses: int = 20
    before_deploy: str = ""
    after_deploy: str = ""
    on_failover: str = ""
    on_rollback: str = ""
    update: str = ""
    hook_timeout: float = 60.0
    problems: tuple[Problem, ...] = ()

    @property
    def blocking(self) -> tuple[Problem, ...]:
        """The problems that keep the pair from being managed."""
        return tuple(problem for problem in self.problems if problem.blocks)

    @property
    def hooks(self) -> dict[str, str]:
        """The command of each hook; empty for one that the section does not set."""
        return {
            "before_deploy": self.before_deploy,
            "update": self.update,
            "after_deploy": self.after_deploy,
            "on_failover": self.on_failover,
            "on_rollback": self.on_rollback,
        }

    def stats_of(self, program: str) -> str:
        """The stats address of one instance: a unix path, ``IP:PORT``, or empty."""
        addresses = self.stats.split(",")
        return named(addresses[self.programs.index(program) % len(addresses)], program)

    def health_of(self, program: str) -> str:
        """What to ask about the health of one instance.

        A URL, ``unix://SOCKET:PATH`` for its companion, ``command:...``, or empty.
        """
        if self.health.startswith("/"):
            return f"unix://{named(self.companion, program)}:{named(self.health, program)}"
        return named(self.health, program)

    def release_link_of(self, program: str) -> str:
        """The option ``release_link`` for one instance; empty: the default place."""
        return named(self.release_link, program)

    @property
    def health_tells_instances_apart(self) -> bool:
        """Whether an instance can be asked before users are sent to it."""
        return self.health.startswith(("/", "command:")) or PROGRAM_NAME in self.health


def named(text: str, program: str) -> str:
    """``%(program_name)s`` expanded."""
    return text.replace(PROGRAM_NAME, program.rpartition(":")[2])


class Option(NamedTuple):
    """How an option is read, and what it means (reStructuredText)."""

    parse: Callable[[str], Any]
    help: str


#: Every option of the section, in the order of the documentation.
OPTIONS: dict[str, Option] = {
    "programs": Option(
        option_values.programs, "The two programs, each as ``name`` or ``group:name``."
    ),
    "fifos": Option(
        option_values.fifos,
        "The three ``master-fifo`` of the ini in the order of the slots: new, running, sleeping.",
    ),
    "stats": Option(
        option_values.stats,
        (
            "The uWSGI stats server of each instance: a unix path with ``%(program_name)s``"
            " in it, or two addresses separated by a comma in the order of ``programs``, "
            "each a path or ``IP:PORT``. Empty: none."
        ),
    ),
    "pool": Option(
        str,
        "The program of the zerg pool. The plugin notices its restarts. Empty: not watched.",
    ),
    "auto": Option(
        option_values.switch,
        "``true``: react to events. ``false``: act only when an operator asks.",
    ),
    "retire": Option(
        option_values.retire,
        (
            "``park``: keep the old instance warm. ``stop``: end it gracefully once it has "
            "drained. Async instances need ``stop``."
        ),
    ),
    "freeze": Option(
        option_values.switch,
        (
            "``true``: stop the workers of a parked instance (SIGSTOP). All threads of an "
            "instance that was parked for 10 s then accept requests at once instead of "
            "within 10 s. Background threads of the application stop too."
        ),
    ),
    "drain_timeout": Option(
        option_values.seconds,
        (
            "Seconds after which a deploy no longer waits for the requests of an old "
            "instance: it is then ended within 3 s."
        ),
    ),
    "boot_timeout": Option(
        option_values.seconds,
        (
            "Seconds for which a boot is watched closely. Afterwards it is observed only on"
            " events and ticks, and a deploy fails."
        ),
    ),
    "companion": Option(
        option_values.path,
        (
            "The private socket that companion.py makes in each instance, with "
            "``%(program_name)s`` in it."
        ),
    ),
    "health": Option(
        option_values.health,
        (
            "What a deploy checks: a path, requested through the companion; a URL "
            "(``http:``, ``https:``, ``unix:///SOCKET:/PATH``); or ``command:`` and a "
            "command, healthy with exit status 0. ``%(program_name)s`` is expanded. A URL "
            "without it cannot tell the instances apart and is requested only after the "
            "promotion. A command gets ``ZERG_TARGET``. Empty: an instance that is loaded "
            "counts as healthy."
        ),
    ),
    "health_status": Option(
        option_values.statuses,
        "The HTTP statuses that count as healthy, such as ``200-399`` or ``200,204``.",
    ),
    "health_timeout": Option(option_values.seconds, "Seconds for one answer."),
    "health_interval": Option(option_values.seconds, "Seconds between two checks."),
    "health_count": Option(
        option_values.count,
        (
            "Number of good answers in a row before the promotion, and of bad answers in a "
            "row that cause a roll-back after it."
        ),
    ),
    "releases": Option(
        option_values.path,
        (
            "The folder of releases: each folder in it is one. Each instance then boots the release"
            " that its own link names, and ``zerg deploy RELEASE`` changes the link of one"
            " instance. Empty: every instance boots the code on disk."
        ),
    ),
    "release_link": Option(
        option_values.link,
        (
            "The link of each instance, with ``%(program_name)s`` in it. Empty:"
            " ``.zerg/%(program_name)s`` in the folder of releases."
        ),
    ),
    "after_rollback": Option(
        option_values.after_rollback,
        (
            "``rebuild``: after a roll-back or a failed deploy, boot the other instance again from"
            " the release that serves. ``keep``: leave it as it is, to be inspected."
        ),
    ),
    "bake": Option(
        option_values.seconds,
        "Seconds for which a deploy watches the new release. ``--bake`` replaces it.",
    ),
    "max_exceptions": Option(
        option_values.ratio,
        "Exceptions and replaced workers per request that a release may have during the bake.",
    ),
    "max_5xx": Option(
        option_values.share,
        (
            "The share of responses with a status 5xx, such as ``0.02``, that a release may have"
            " during the bake. uWSGI must count them, see ``responses.ini`` in ``conf.d/uwsgi``."
        ),
    ),
    "min_responses": Option(
        option_values.count, "Number of requests from which on ``max_5xx`` counts."
    ),
    "before_deploy": Option(
        option_values.command, "A command. If it fails, the deploy is refused."
    ),
    "after_deploy": Option(option_values.command, "A command that runs after the bake."),
    "on_failover": Option(
        option_values.command,
        "A command that runs when the serving instance has ended and the other one serves.",
    ),
    "on_rollback": Option(
        option_values.command, "A command that runs when a deploy was rolled back."
    ),
    "update": Option(
        option_values.command,
        "A command that updates the code between the two steps of ``--backup-first``.",
    ),
    "hook_timeout": Option(option_values.seconds, "Seconds for each of the commands above."),
}
