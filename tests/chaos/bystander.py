"""A process that nobody has a reason to signal. It reports each signal and its sender.

python bystander.py [USER]    as root: changes to that user first
"""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import tempfile

PARENT_CHECK_S = 1.0
CATCHABLE = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}


def main(user: str = "") -> None:
    parent = os.getppid()
    signal.pthread_sigmask(signal.SIG_BLOCK, CATCHABLE)
    if user:
        account = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    print("ready", flush=True)
    while os.getppid() == parent:
        info = signal.sigtimedwait(CATCHABLE, PARENT_CHECK_S)
        if info is not None:
            name = signal.Signals(info.si_signo).name
            print(f"{name} from process {info.si_pid} of user {info.si_uid}", flush=True)


class Bystander:
    """Runs one, and tells what reached it. SIGSTOP and SIGKILL show in its state."""

    def __init__(self, user: str = "") -> None:
        self.user = user
        self.file = tempfile.TemporaryFile()  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, __file__, *([user] if user else [])],
            stdin=subprocess.DEVNULL,
            stdout=self.file,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def ready(self) -> bool:
        """Does it report signals already?"""
        return bool(os.pread(self.file.fileno(), 1, 0))

    def signals(self) -> list[str]:
        """Every signal so far, one sentence each."""
        lines = os.pread(self.file.fileno(), 1 << 20, 0).decode().splitlines()[1:]
        if self.process.poll() is not None:
            lines.append(f"ended with {self.process.returncode}")
        elif self._state() in "Tt":
            lines.append("was stopped")
        name = f"the bystander {self.pid} of {self.user or 'the same user'}"
        return [f"{name}: {line}" for line in lines]

    def _state(self) -> str:
        with open(f"/proc/{self.pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.file.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
