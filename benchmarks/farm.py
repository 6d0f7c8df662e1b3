"""Many pairs under one supervisord, made from the files of conf.d/: real instances of uWSGI, one pool for all of them."""

import re
import time

from supervisor_zerg.demo.stack import Stack

from .load import STALL, TOP

BOOT_S = 180.0
MINFDS = 16384
PLUGIN = "[rpcinterface:zerg]\nsupervisor.rpcinterface_factory = supervisor_zerg.rpcinterface:make_zerg_rpcinterface\n"
LISTENER = "[eventlistener:zerg]\ncommand = zerg-listener\nevents = PROCESS_STATE,PROCESS_COMMUNICATION,TICK_5\nbuffer_size = 256\n"
PAIR = """\
[zerg:{name}]
programs = {name},{name}bak
fifos = {run}/new.fifo,{run}/running.fifo,{run}/sleeping.fifo
stats = {run}/%(program_name)s.stats
pool = zergpool
{options}
"""


class Farm(Stack):
    """:param pairs: how many; the pairs are ``p0`` and ``p0bak``, ``p1`` and ``p1bak`` ... :param plugin: with supervisor_zerg?"""

    def __init__(self, pairs, app=None, pair=None, plugin=True):
        super().__init__(app=app or {"processes": 1}, environment={"PYTHONPATH": TOP})
        self.names, self.plugin = ["p%d" % number for number in range(pairs)], plugin
        self.conf.write_text(
            self.conf.read_text().replace("[supervisord]", "[supervisord]\nminfds = %d" % MINFDS)
        )
        program = (self.conf_d / "pybossa.conf").read_text()
        options = "\n".join("{} = {}".format(*item) for item in (pair or {}).items())
        parts = [PLUGIN, LISTENER] if plugin else []
        for name in self.names:
            self.place(name).mkdir()
            parts += [self.program(program, name, name), self.program(program, f"{name}bak", name)]
            parts += (
                [PAIR.format(name=name, run=self.place(name), options=options)] if plugin else []
            )
        for filename in ("pybossa.conf", "pybossabak.conf", "zerg.conf"):
            (self.conf_d / filename).unlink()
        (self.conf_d / "00-stall.conf").write_text(STALL)
        (self.conf_d / "farm.conf").write_text("\n".join(parts))
        self.write_pool()

    def place(self, name):
        return self.run / name

    def program(self, text, program, pair):
        return text.replace(
            "[program:pybossa]",
            f'[program:{program}]\nenvironment = ZERG_RUN="{self.place(pair)}"',
        )

    def write_pool(self):
        ini = self.conf_d / "uwsgi" / "zergpool.ini"
        lines = [
            f"zerg-pool = {self.place(name)}/pool.sock:{self.place(name)}/web.sock"
            for name in self.names
        ]
        ini.write_text(re.sub(r"(?m)^zerg-pool = .*$", "\n".join(lines), ini.read_text()))

    def address(self, name):
        return str(self.place(name) / "web.sock")

    def __enter__(self):
        try:
            return self.boot()
        except BaseException:
            self.stop()
            raise

    def boot(self):
        """Start, and wait until every instance is up and, with the plugin, every pair has a serving and a parked one."""
        self.start(wait=False)
        self.until(self._whole if self.plugin else self._up, BOOT_S, every=0.5)
        time.sleep(1)
        return self

    def _whole(self):
        return self._up() and all(info["warm"] for info in self.zerg.getAllPairInfo())

    def _up(self):
        return all(info["statename"] == "RUNNING" for info in self.supervisor.getAllProcessInfo())

    def masters(self):
        """How many instances really run."""
        return sum(
            info["statename"] == "RUNNING" and info["name"].startswith("p")
            for info in self.supervisor.getAllProcessInfo()
        )
