"""Many pairs of real uWSGI instances under one supervisord, with one pool for all of them."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from supervisor_zerg.demo.stack import Stack

from .load import STALL, TOP

BOOT_S = 180.0
MINFDS = 16384
PLUGIN = """\
[rpcinterface:zerg]
supervisor.rpcinterface_factory = supervisor_zerg.rpcinterface:make_zerg_rpcinterface
"""
LISTENER = """\
[eventlistener:zerg]
command = zerg-listener
events = PROCESS_STATE,PROCESS_COMMUNICATION,TICK_5,ZERG_JOB
buffer_size = 256
"""
PAIR = """\
[zerg:{name}]
programs = {name},{name}bak
fifos = {run}/new.fifo,{run}/running.fifo,{run}/sleeping.fifo
stats = {run}/%(program_name)s.stats
pool = zergpool
{options}
"""


class Farm(Stack):
    """A stack of many pairs: ``p0`` of ``p0`` and ``p0bak``, ``p1`` of ``p1`` and ``p1bak`` ...

    Args:
        pair: Options of each pair.
        plugin: Whether supervisor_zerg is loaded.
    """

    def __init__(
        self,
        pairs: int,
        app: Mapping[str, Any] | None = None,
        pair: Mapping[str, str] | None = None,
        plugin: bool = True,
    ) -> None:
        super().__init__(app=app or {"processes": 1}, environment={"PYTHONPATH": TOP})
        self.names = [f"p{number}" for number in range(pairs)]
        self.plugin = plugin
        main = self.conf.read_text()
        self.conf.write_text(main.replace("[supervisord]", f"[supervisord]\nminfds = {MINFDS}"))
        self._write_programs(pair or {})
        self._write_pool()

    @property
    def pid(self) -> int:
        """The pid of supervisord."""
        return self.process.pid if self.process else 0

    def _write_programs(self, pair: Mapping[str, str]) -> None:
        program = (self.conf_d / "pybossa.conf").read_text()
        options = "\n".join(f"{option} = {value}" for option, value in pair.items())
        parts = [PLUGIN, LISTENER] if self.plugin else []
        for name in self.names:
            self.place(name).mkdir()
            for process in (name, f"{name}bak"):
                header = f'[program:{process}]\nenvironment = ZERG_RUN="{self.place(name)}"'
                parts.append(program.replace("[program:pybossa]", header))
            if self.plugin:
                parts.append(PAIR.format(name=name, run=self.place(name), options=options))
        for filename in ("pybossa.conf", "pybossabak.conf", "zerg.conf"):
            (self.conf_d / filename).unlink()
        (self.conf_d / "00-stall.conf").write_text(STALL)
        (self.conf_d / "farm.conf").write_text("\n".join(parts))

    def _write_pool(self) -> None:
        ini = self.conf_d / "uwsgi" / "zergpool.ini"
        places = map(self.place, self.names)
        lines = [f"zerg-pool = {place}/pool.sock:{place}/web.sock" for place in places]
        ini.write_text(re.sub(r"(?m)^zerg-pool = .*$", "\n".join(lines), ini.read_text()))

    def place(self, name: str) -> Path:
        """The folder of a pair."""
        return self.run / name

    def address(self, name: str) -> str:
        """The served socket of a pair."""
        return str(self.place(name) / "web.sock")

    def __enter__(self) -> Farm:
        try:
            return self._boot()
        except BaseException:
            self.stop()
            raise

    def _boot(self) -> Farm:
        """Start, and wait until every pair has a serving and a parked instance."""
        self.start(wait=False)
        self.until(self._all_warm if self.plugin else self._all_run, BOOT_S, every=0.5)
        time.sleep(1)
        return self

    def _all_warm(self) -> bool:
        return self._all_run() and all(info["warm"] for info in self.zerg.getAllPairInfo())

    def _all_run(self) -> bool:
        processes = self.supervisor.getAllProcessInfo()
        return all(info["statename"] == "RUNNING" for info in processes)

    def masters(self) -> int:
        """How many instances run."""
        processes = self.supervisor.getAllProcessInfo()
        return sum(
            info["statename"] == "RUNNING" and info["name"].startswith("p") for info in processes
        )
