"""One server process: started, waited for, its log kept, stopped by pid.

A `Server` owns its process and its folder's log file. It is used from one thread. `start` raises `StartError` with the
end of the log when the process dies or is not ready in time; nothing is left running then.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

Self = TypeVar("Self", bound="Server")


class StartError(RuntimeError):
    """A server could not be started; the message holds why, and the end of its log."""


class Server:
    """Runs `command` in `folder`; `ready` is asked until it says yes or the process has died.

    Subclasses set the command up in `start` and give URLs. As a context manager it stops the process on the way out.
    """

    name = "server"

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log_path = folder / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError(f"{self.name} is not running; call start() first")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self: Self) -> Self:
        raise NotImplementedError

    def launch(
        self,
        command: Sequence[str | os.PathLike[str]],
        ready: Callable[[], bool],
        *,
        env: Mapping[str, str] | None = None,
        within: float = 60.0,
    ) -> None:
        """Starts the process and returns once `ready()` is true; raises `StartError` after `within` seconds."""
        if self.running:
            raise RuntimeError(f"{self.name} is running already (pid {self.pid})")
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [os.fspath(part) for part in command],
                cwd=self.folder,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                preexec_fn=_die_with_parent,
            )
        deadline = time.monotonic() + within
        try:
            while not ready():
                code = self._process.poll()
                if code is not None:
                    raise StartError(f"{self.name} ended with code {code} before it was ready.\n{self.log_tail()}")
                if time.monotonic() > deadline:
                    raise StartError(f"{self.name} was not ready within {within:g} s.\n{self.log_tail()}")
                time.sleep(0.02)
        except BaseException:
            self.stop()
            raise

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def pause(self) -> None:
        """Freezes the process: connections are still accepted by the kernel, and nothing is answered."""
        self.signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def stop(self, within: float = 10.0) -> None:
        """Asks the process to end, kills it when it has not done so in time. Does nothing if it is not running."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.terminate()
        try:
            process.wait(within)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def log_text(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def log_tail(self, lines: int = 30) -> str:
        text = "\n".join(self.log_text().splitlines()[-lines:])
        return f"--- end of {self.log_path} ---\n{text or '(empty)'}"

    def __enter__(self: Self) -> Self:
        return self if self.running else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on now. Another process may take one before you do: prefer port 0."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]


def accepts(port: int) -> bool:
    """Whether somebody accepts TCP connections on this port of 127.0.0.1."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def find_program(name: str, package: str, *also: str) -> str:
    """The path of a system program, looked for in PATH, /usr/sbin and `also`; StartError names its Debian package."""
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", *also])
    found = shutil.which(name, path=path)
    if found is None:
        raise StartError(f"{name} is not installed. Run scripts/install-deps, or: apt-get install {package}")
    return found


def _die_with_parent() -> None:
    # A test run that is killed must not leave servers behind. The kernel ties this to the starting thread.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
