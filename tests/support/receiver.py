"""A receiver of webhooks: a small ASGI app, behind nginx with TLS where it is asked for, that keeps what came in."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import uvicorn


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """Answers by its paths.

    `/hook/…` 200, or `fail` while that is set; `/status/N` N; `/throttle/N` 429 with that Retry-After; `/redirect` to
    `/hook/moved`; `/hang` nothing until `release()`.
    """

    def __init__(self) -> None:
        self._received: list[Received] = []
        self._changed = threading.Condition()
        self.fail: int | None = None
        self.says: str | None = None  # instead of `answered N`
        config = uvicorn.Config(
            self._app, host="127.0.0.1", port=0, log_level="error", lifespan="off", interface="asgi3"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run)
        self._ended: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __enter__(self) -> Receiver:
        self._thread.start()
        deadline = time.monotonic() + 30
        while not self._server.started:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
        self._server.should_exit = True
        self._thread.join(30)

    def release(self) -> None:
        """What hangs is answered now, and from now on at once."""
        if self._loop is not None and self._ended is not None:
            self._loop.call_soon_threadsafe(self._ended.set)

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.servers[0].sockets[0].getsockname()[1]}"

    def received(self, path: str = "") -> list[Received]:
        """So far, to paths that begin so."""
        with self._changed:
            return [one for one in self._received if one.path.startswith(path)]

    def wait(self, enough: Callable[[list[Received]], bool], within: float = 30) -> list[Received]:
        """All that came, once that is enough."""
        with self._changed:
            assert self._changed.wait_for(lambda: enough(self._received), within), self._received
            return list(self._received)

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        if self._ended is None:
            self._ended, self._loop = asyncio.Event(), asyncio.get_running_loop()
        body = b""
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        path = scope["path"]
        with self._changed:
            self._received.append(Received(path, headers, body))
            self._changed.notify_all()
        status, answer = 200, [(b"content-type", b"text/plain")]
        kind, _, rest = path.strip("/").partition("/")
        if kind == "status":
            status = int(rest)
        elif kind == "throttle":
            status = 429
            answer.append((b"retry-after", rest.encode()))
        elif kind == "redirect":
            status = 302
            answer.append((b"location", b"/hook/moved"))
        elif kind == "hang":
            await self._ended.wait()
        elif self.fail is not None:
            status = self.fail
        await send({"type": "http.response.start", "status": status, "headers": answer})
        await send({"type": "http.response.body", "body": (self.says or f"answered {status}").encode()})
