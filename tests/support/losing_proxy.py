"""An HTTP proxy on loopback that loses replies: the source has answered, and the caller sees the connection end.

Unlike `FaultProxy`, which cuts a line when it is told to, it knows where a request ends: what it loses was acted upon.
"""

from __future__ import annotations

import contextlib
import http.client
import http.server
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class LosingProxy:
    """`loses(n)` says of the n-th request that writes, from 0, whether its reply is lost. A context manager.

    Attributes:
        writes: requests other than GET and HEAD that were answered by the source.
        lost: those of them whose reply was lost.
    """

    def __init__(self, host: str, port: int, loses: Callable[[int], bool]) -> None:
        self.target = (host, port)
        self.writes = 0
        self.lost = 0
        self._loses = loses
        self._lock = threading.Lock()
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> LosingProxy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def is_lost(self) -> bool:
        """The fate of the reply to one more write."""
        with self._lock:
            lost = self._loses(self.writes)
            self.writes += 1
            self.lost += lost
        return lost


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: LosingProxy

    def pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        source = http.client.HTTPConnection(*self.owner.target, timeout=60)
        with contextlib.closing(source):
            source.request(self.command, self.path, body, dict(self.headers))
            reply = source.getresponse()
            content = reply.read()
        if self.command not in ("GET", "HEAD") and self.owner.is_lost():
            self.close_connection = True
            return
        self.send_response_only(reply.status, reply.reason)
        for name, value in reply.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on  # noqa: N815 - the names that the base looks for

    def log_message(self, *arguments: Any) -> None:
        pass
