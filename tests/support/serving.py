"""`switchgear serve` in a process of its own, and a client that sends what it is told, byte by byte if need be."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import subprocess
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from support.running import Shell


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        error: dict[str, Any] = self.json["error"]
        assert error["request_id"] == self.headers["X-Request-Id"]
        assert error["category"] == error["code"].partition(".")[0]
        return error


class Serving:
    """A running server; use it in a `with` statement."""

    def __init__(self, shell: Shell, *options: str) -> None:
        self.shell = shell
        self._log = shell.folder / "serve.log"  # a pipe would be full one day, and hold the server up
        with self._log.open("w") as log:
            self.process = shell.start_telling(log, "serve", "--port", "0", "--json", *options)
        self.told: dict[str, Any] = {}

    @property
    def log(self) -> str:
        """What it said on stderr so far."""
        return self._log.read_text(encoding="utf-8")

    def __enter__(self) -> Serving:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.process.wait(30)
            raise AssertionError(f"it did not start: {self.log}")
        self.told = json.loads(line)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.stop()

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.told["url"])
        assert parts.hostname is not None
        assert parts.port is not None
        return parts.hostname, parts.port

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Its exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        try:
            self.process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise AssertionError(f"it did not end: {self.log}") from None
        return self.process.returncode

    def __call__(self, method: str, path: str, body: Any = None, *, token: str = "", **headers: str) -> Answer:
        """`body`: sent as JSON, bytes as they are. `headers` with underscores: Idempotency_Key="…"."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection(*self.address, timeout=60)
        try:
            connection.request(method, path, body=body, headers=sent)
            reply = connection.getresponse()
            answer = Answer(reply.status, reply.headers, reply.read())
        finally:
            connection.close()
        assert answer.headers["Content-Type"] == "application/json"
        return answer

    def raw(self, text: bytes) -> bytes:
        """What is answered to these bytes, until the server closes the connection."""
        with socket.create_connection(self.address, timeout=30) as line:
            line.sendall(text)
            parts = []
            while part := line.recv(65536):
                parts.append(part)
            return b"".join(parts)
