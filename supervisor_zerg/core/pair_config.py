"""What one ``[zerg:NAME]`` section says, as a plain frozen value with its defaults. config.py reads it."""

from dataclasses import dataclass

PROGRAM_NAME = "%(program_name)s"


@dataclass(frozen=True)
class Problem:
    """What is wrong with a section. ``option`` and ``pair`` are empty where it is about no option or no section."""

    option: str
    text: str
    pair: str = ""

    def __str__(self) -> str:
        where = f"[zerg:{self.pair}] {self.option}".strip() if self.pair else ""
        return f"{where} {self.text}".strip()


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
    bake: float = 10.0
    max_exceptions: float = 0.05
    before_deploy: str = ""
    after_deploy: str = ""
    on_failover: str = ""
    on_rollback: str = ""
    update: str = ""
    hook_timeout: float = 60.0
    problems: tuple[Problem, ...] = ()

    def stats_of(self, program):
        """The stats address of one instance: a unix path, ``IP:PORT``, or empty."""
        addresses = self.stats.split(",")
        return named(addresses[self.programs.index(program) % len(addresses)], program)

    def health_of(self, program):
        """What to ask for the health of one instance: a URL, ``unix://SOCKET:PATH`` for its companion, ``command:...``, or empty."""
        if self.health.startswith("/"):
            return f"unix://{named(self.companion, program)}:{named(self.health, program)}"
        return named(self.health, program)

    @property
    def health_tells_copies_apart(self):
        """Can an instance be asked before users are sent to it?"""
        return (
            self.health.startswith("/")
            or self.health.startswith("command:")
            or PROGRAM_NAME in self.health
        )


def named(text, program):
    """``%(program_name)s`` expanded."""
    return text.replace(PROGRAM_NAME, program.rpartition(":")[2])
