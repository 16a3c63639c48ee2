"""PostgreSQL on loopback, started by `run` beside this file (which C++ tests start, too): an empty database `maint`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import quote

from servers.process import Server, free_ports

DATABASE = "maint"
USER = ("sg", "s g")  # the blank is meant: connection strings must survive it


class Postgres(Server):
    """The newest PostgreSQL that is installed. Stopped, it forgets its data; started again, it takes its port again."""

    name = "postgres"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = 0
        self.log_path = folder / "run.log"  # the server's own log is postgres.log

    def start(self) -> Postgres:
        if self.port == 0:
            (self.port,) = free_ports(1)
        run = Path(__file__).resolve().parent / "run"
        self.launch([run, self.folder, str(self.port)], lambda: "READY" in self.log_text())
        return self

    @property
    def url(self) -> str:
        return f"postgresql://{USER[0]}:{quote(USER[1])}@127.0.0.1:{self.port}/{DATABASE}"

    def psql(self, sql: str) -> str:
        """What psql prints, unaligned and without headings. CalledProcessError if the statement fails."""
        command = ["psql", self.url, "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", sql]
        env = {**os.environ, "PATH": f"{programs()}{os.pathsep}{os.environ.get('PATH', '')}"}
        return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.strip()


def programs() -> Path | None:
    """The folder of the newest PostgreSQL's programs, where Debian puts them."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None
