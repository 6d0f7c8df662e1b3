"""What the observer needs to know of Supervisor's programs."""

from typing import Protocol


class ProgramState(Protocol):
    """The state of a program, and the pid of its process or 0."""

    @property
    def state(self) -> str: ...

    @property
    def pid(self) -> int: ...


class ReadsPrograms(Protocol):
    """What Supervisor says of its programs (supervisord/programs.py)."""

    def get(self, name: str) -> ProgramState: ...
