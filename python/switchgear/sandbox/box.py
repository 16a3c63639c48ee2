"""`Sandbox`: a running sandbox, in a thread of this process or in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from . import odata, rest
from .faults import Fault
from .model import Record
from .records import Dataset
from .server import serve
from .service import Settings

START_SECONDS = 30.0

_CHILD = """
import importlib.util, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
file, folder = sys.argv[1:]
spec = importlib.util.spec_from_file_location("switchgear_sandbox", file, submodule_search_locations=[folder])
module = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = module
spec.loader.exec_module(module)
from switchgear_sandbox.command import child
child()
"""
"""Starts the sandbox without importing the package around it, whose compiled module it does not need."""


class Sandbox:
    """A local fake maintenance system over HTTP.

    records       work orders; a fifth as many purchase orders, a tenth parts, a twentieth assets, a hundredth vendors
    faults        what goes wrong, as `Fault` objects or their JSON form
    process       serve from a process of its own, so that client and server do not share an interpreter lock
    port          0 takes a free one
    The other arguments are those of `Settings`: seed, page_size, max_page_size, absolute_links, public_url, user,
    password, token, cache_bytes, and warm (render all records before it starts). ValueError for contradicting ones,
    OSError when it cannot listen.

    Use it in a `with` statement, or call `start` and `stop`. Its methods may be called from any thread.
    """

    def __init__(
        self,
        records: int = 100_000,
        *,
        faults: Iterable[Fault | Mapping[str, object]] = (),
        process: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        **settings: Any,
    ) -> None:
        self.settings = Settings(records=records, faults=[Fault.of(item) for item in faults], **settings)
        self._data = Dataset(self.settings.records, self.settings.seed)
        self._changing = threading.Lock()
        self._process = process
        self._host = host
        self._wanted_port = port
        self._port: int | None = None
        self._runner: _Thread | _Process | None = None

    def start(self) -> Sandbox:
        """Returns when the sandbox accepts connections."""
        if self._runner is None:
            self._data = Dataset(self.settings.records, self.settings.seed)
            runner: _Thread | _Process = _Process() if self._process else _Thread()
            self._port = runner.start(self.settings, self._host, self._wanted_port)
            self._runner = runner
        return self

    def stop(self) -> None:
        """Ends the sandbox and breaks its connections. Without effect when it does not run."""
        if self._runner is not None:
            self._runner.stop()
            self._runner = self._port = None

    def __enter__(self) -> Sandbox:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        where = f"at {self.url}" if self._port is not None else "not running"
        return f"<Sandbox of {self.settings.records} work orders, {where}>"

    @property
    def port(self) -> int:
        if self._port is None:
            raise RuntimeError("the sandbox does not run; use it in a with statement, or call start()")
        return self._port

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self.port}"

    @property
    def odata_url(self) -> str:
        return self.url + odata.ROOT

    @property
    def rest_url(self) -> str:
        return self.url + rest.ROOT

    def truth(self, entity: str) -> Iterator[Record]:
        """Every record of an entity as Python values, in key order, computed without asking the server.

        With what `grow`, `change` and `remove` did, but not what others did by POST to /_grow, /_change and /_remove.
        """
        return self._data.truth(entity)

    def count(self, entity: str) -> int:
        return len(self._data.entities[entity].rows())

    def stats(self) -> dict[str, Any]:
        """What the server counted since it started: requests, records, pages, connections, bytes, status, faults."""
        return self._control("GET", "/_stats")

    def set_faults(self, *faults: Fault | Mapping[str, object]) -> None:
        """Puts these faults in force instead of the present ones; none clears them. ValueError for a wrong one."""
        self._control("POST", "/_faults", [Fault.of(fault).to_dict() for fault in faults])

    def grow(self, records: int = 1, entity: str = "WorkOrders") -> list[Record]:
        """Adds records at the end, with a `ChangedAt` after all others. Returns them. ValueError: no such entity."""
        return self._change("/_grow", records, entity)

    def change(self, records: int = 1, entity: str = "WorkOrders") -> list[Record]:
        """Gives some records, at most so many, other values and a `ChangedAt` after all others. Returns them."""
        return self._change("/_change", records, entity)

    def remove(self, records: int = 1, entity: str = "WorkOrders") -> list[Record]:
        """Deletes some records, at most so many. Returns them as they were."""
        return self._change("/_remove", records, entity)

    def _change(self, path: str, records: int, entity: str) -> list[Record]:
        with self._changing:
            told = self._control("POST", f"{path}?n={records}&entity={entity}")
            rows = self._data.act(path.removeprefix("/_"), entity, records)
            if told != {"rows": rows, "changes": self._data.changes}:
                raise RuntimeError("somebody else has changed the records of this sandbox: its truth is not known here")
            return [self._data.entities[entity].record(row) for row in rows]

    def _control(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self._host, self.port, timeout=START_SECONDS)
        try:
            connection.request(method, quote(path, safe="/?=&"), None if body is None else json.dumps(body))
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
            if response.status != 200:
                raise ValueError(answer["error"]["message"])
            return answer
        finally:
            connection.close()


class _Thread:
    """Serves from a daemon thread."""

    def start(self, settings: Settings, host: str, port: int) -> int:
        self._listening = threading.Event()
        self._port = 0
        self._error: BaseException | None = None
        self._thread = threading.Thread(
            target=self._run, args=(settings, host, port), name="switchgear-sandbox", daemon=True
        )
        self._thread.start()
        self._listening.wait()
        error = self._failure()
        if error is not None:
            self._thread.join()
            raise error
        return self._port

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_SECONDS)

    def _failure(self) -> BaseException | None:
        return self._error

    def _run(self, settings: Settings, host: str, port: int) -> None:
        try:
            asyncio.run(self._serve(settings, host, port))
        except BaseException as error:
            self._error = error
        finally:
            self._listening.set()

    async def _serve(self, settings: Settings, host: str, port: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        await serve(settings, host, port, self._ready, self._stop)

    def _ready(self, port: int) -> None:
        self._port = port
        self._listening.set()


class _Process:
    """Serves from a child process, which ends when its standard input does: it cannot outlive its parent."""

    def start(self, settings: Settings, host: str, port: int) -> int:
        here = Path(__file__).parent
        command = [sys.executable, "-c", _CHILD, str(here / "__init__.py"), str(here)]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            line = self._set_up(json.dumps({"settings": settings.to_json(), "host": host, "port": port}))
        except BaseException:  # Ctrl-C among them: no child is left behind
            self.stop()
            raise
        if not line.startswith("READY "):
            self.stop()
            raise OSError(f"the sandbox process did not start: {line.strip() or 'it ended without a word'}")
        return int(line.split()[1])

    def _set_up(self, setup: str) -> str:
        """Tells the child what to serve; what it answers."""
        if self._child.stdin is None or self._child.stdout is None:
            return ""
        self._child.stdin.write(setup + "\n")
        self._child.stdin.flush()
        return self._child.stdout.readline()

    def stop(self) -> None:
        if self._child.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it ended by itself
                self._child.stdin.close()
        try:
            self._child.wait(START_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
        if self._child.stdout is not None:
            self._child.stdout.close()
