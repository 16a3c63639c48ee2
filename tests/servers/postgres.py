"""PostgreSQL on loopback: user sg, password sg, an empty database `maintenance`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

from servers.process import Server, StartError, free_ports

DATABASE = "maintenance"
USER = ("sg", "sg")


class Postgres(Server):
    """The newest PostgreSQL that is installed. Stopped and started again, it keeps its data and its port.

    It refuses to run as root: then it runs as Debian's user postgres, with its data in a temporary folder of that user.
    """

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast": open connections are ended

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = 0
        self._run_as = "postgres" if os.geteuid() == 0 else None
        self._home: Path | None = None

    @staticmethod
    def is_possible() -> bool:
        """Whether a PostgreSQL is installed."""
        return _programs() is not None

    @property
    def url(self) -> str:
        return f"postgresql://{USER[0]}:{USER[1]}@127.0.0.1:{self.port}/{DATABASE}"

    def start(self) -> Postgres:
        programs = _programs()
        if programs is None:
            raise StartError("PostgreSQL is not installed: apt-get install postgresql")
        is_new = self._home is None
        if self._home is None:
            self._home = Path(tempfile.mkdtemp(prefix="switchgear-postgres-"))
            self._make_cluster(programs, self._home)
        if self.port == 0:
            (self.port,) = free_ports(1)
        # Durability is not what tests test; a crash of the process alone loses nothing even so.
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off"}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command: list[str | Path] = [programs / "postgres", "-D", self._home / "data", "-p", str(self.port), *options]
        self.launch(command, lambda: "ready to accept connections" in self.log_text(), user=self._run_as)
        if is_new:
            self.psql(f"CREATE DATABASE {DATABASE}", database="postgres")
        return self

    def _make_cluster(self, programs: Path, home: Path) -> None:
        password = home / "password"
        password.write_text(USER[1])
        if self._run_as is not None:
            for path in (home, password):
                shutil.chown(path, self._run_as)
        options = ["-U", USER[0], f"--pwfile={password}", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8"]
        done = subprocess.run(
            [programs / "initdb", "-D", home / "data", "--no-sync", *options],
            cwd=home,
            user=self._run_as,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise StartError(f"initdb failed with code {done.returncode}:\n{done.stderr[-2000:]}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if self._home is not None:
            shutil.rmtree(self._home, ignore_errors=True)
            self._home = None

    def psql(self, sql: str, *, database: str = DATABASE) -> str:
        """What psql prints, unaligned and without headings. CalledProcessError if the statement fails."""
        address = ["-h", "127.0.0.1", "-p", str(self.port), "-U", USER[0], "-d", database]
        command: list[str | Path] = ["psql", *address, "-qAtX", "-v", "ON_ERROR_STOP=1", "-c", sql]
        path = f"{_programs()}{os.pathsep}{os.environ.get('PATH', '')}"
        env = {**os.environ, "PATH": path, "PGPASSWORD": USER[1]}
        return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout.strip()


def _programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return None if on_path is None else Path(on_path).resolve().parent
