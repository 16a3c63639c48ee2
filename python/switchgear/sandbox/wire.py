"""HTTP/1.1 as far as the sandbox needs it: requests with Content-Length, keep-alive, pipelining, HEAD, Expect.

One `Connection` per socket, all on one event loop. It answers its requests one after the other, and stops reading them
while its peer does not take what was sent.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import InitVar, dataclass, field
from http import HTTPStatus
from typing import cast
from urllib.parse import parse_qsl, unquote

MAX_HEAD_BYTES = 64 << 10
MAX_BODY_BYTES = 16 << 20
SEND_BUFFER_BYTES = 1 << 20
JSON = "application/json"


class HttpError(Exception):
    """A request that is understood and refused; each protocol writes it in its own form of error."""

    def __init__(self, status: int, code: str, message: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers


class WireError(ValueError):
    """A request that is no HTTP. The connection is closed after the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Request:
    """A request; header names are in lower case, `target` is as sent."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""
    keep_alive: bool = True

    @property
    def path(self) -> str:
        """The path with its percent escapes still in it: a slash in a key is no separator."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        """The query, decoded as forms are (a bare + is a space); of repeated names the last counts."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    def segments(self) -> list[str]:
        return [unquote(part) for part in self.path.split("/") if part]


@dataclass(frozen=True)
class Reply:
    """A reply, put together once: `wire` is what goes out for a GET on a connection that stays open."""

    status: int
    content: InitVar[bytes] = b""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()
    length: int = field(default=0, init=False)
    wire: bytes = field(default=b"", init=False, repr=False)

    def __post_init__(self, content: bytes) -> None:
        object.__setattr__(self, "length", len(content))
        object.__setattr__(self, "wire", self.head(keep_alive=True) + content)

    @property
    def body(self) -> bytes:
        return self.wire[len(self.wire) - self.length :]

    def head(self, *, keep_alive: bool) -> bytes:
        """The status line and the headers. A status that HTTP does not name goes without words."""
        known = self.status in HTTPStatus._value2member_map_
        lines = [f"HTTP/1.1 {self.status} {HTTPStatus(self.status).phrase if known else ''}"]
        lines += [f"Content-Type: {self.content_type}", f"Content-Length: {self.length}"]
        lines += [f"{name}: {value}" for name, value in self.headers]
        if not keep_alive:
            lines.append("Connection: close")
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")


@dataclass(frozen=True)
class Answer:
    """A reply and how it is to be delivered: after how long, and cut off after how many bytes of its body."""

    reply: Reply
    delay_seconds: float = 0.0
    cut_at: int | None = None
    reset: bool = False


class Handler:
    """What a connection needs of the server behind it."""

    def opened(self) -> None: ...
    def closed(self) -> None: ...
    def sent(self, byte_count: int) -> None: ...
    def waiting(self, change: int) -> None: ...
    def answer(self, request: Request) -> Answer:
        raise NotImplementedError


def parse_head(head: bytes) -> tuple[str, str, dict[str, str], bool]:
    """Method, target, headers and keep-alive of a request head. WireError for what is none."""
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or words[2] not in ("HTTP/1.1", "HTTP/1.0") or not words[1]:
        raise WireError(400, f"not an HTTP/1.1 request line: {lines[0][:80]!r}")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise WireError(400, f"not a header: {line[:80]!r}")
        headers[name.lower()] = value.strip()
    wish = headers.get("connection", "").lower()
    keep_alive = wish == "keep-alive" if words[2] == "HTTP/1.0" else wish != "close"
    target = words[1]
    if not target.startswith("/"):
        _, _, rest = target.partition("://")
        target = "/" + rest.partition("/")[2]
    return words[0], target, headers, keep_alive


class Connection(asyncio.Protocol):
    """One client. Bytes come in by `data_received`; whole requests are taken out of the buffer one at a time."""

    def __init__(self, handler: Handler, error_reply: Callable[[int, str], Reply]) -> None:
        self.handler = handler
        self.error_reply = error_reply
        self.buffer = bytearray()
        self.transport: asyncio.Transport | None = None
        self.waiting: asyncio.TimerHandle | None = None
        self.paused = False
        self.continued = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        connected = transport.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self.handler.opened()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.waiting is not None:
            self.waiting.cancel()
            self.handler.waiting(-1)
        self.transport = None
        self.handler.closed()

    def pause_writing(self) -> None:
        self.paused = True

    def resume_writing(self) -> None:
        self.paused = False
        self.pump()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self.pump()

    def pump(self) -> None:
        """Answers what has come in whole, until the peer is slow, a reply is delayed or the connection closes."""
        while self.transport is not None and not self.transport.is_closing() and not self.paused and not self.waiting:
            try:
                request = self.take_request()
            except WireError as error:
                reply = self.error_reply(error.status, str(error))
                self.write(reply.head(keep_alive=False) + reply.body)
                self.transport.close()
                return
            if request is None:
                return
            answer = self.handler.answer(request)
            if answer.delay_seconds > 0:
                loop = asyncio.get_running_loop()
                self.handler.waiting(+1)
                self.waiting = loop.call_later(answer.delay_seconds, self.deliver_late, request, answer)
            else:
                self.deliver(request, answer)

    def take_request(self) -> Request | None:
        buffer = self.buffer
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(buffer) > MAX_HEAD_BYTES:
                raise WireError(431, f"the request head exceeds {MAX_HEAD_BYTES} bytes")
            return None
        method, target, headers, keep_alive = parse_head(bytes(buffer[:end]))
        if "transfer-encoding" in headers:
            raise WireError(411, "send a Content-Length; chunked request bodies are not understood")
        length = headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()) or int(length) > MAX_BODY_BYTES:
            raise WireError(413, f"Content-Length {length[:20]!r} is not a number up to {MAX_BODY_BYTES}")
        stop = end + 4 + int(length)
        if len(buffer) < stop:
            if headers.get("expect", "").lower() == "100-continue" and not self.continued:
                self.continued = True
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return None
        body = bytes(buffer[end + 4 : stop])
        del buffer[:stop]
        self.continued = False
        return Request(method, target, headers, body, keep_alive)

    def deliver_late(self, request: Request, answer: Answer) -> None:
        self.waiting = None
        self.handler.waiting(-1)
        self.deliver(request, answer)
        self.pump()

    def deliver(self, request: Request, answer: Answer) -> None:
        transport, reply = self.transport, answer.reply
        if transport is None:
            return
        if answer.cut_at is not None:
            self.cut(transport, reply, answer)
        elif request.keep_alive and request.method != "HEAD":
            self.write(reply.wire)
        else:
            head = reply.head(keep_alive=request.keep_alive)
            self.write(head if request.method == "HEAD" else head + reply.body)
            if not request.keep_alive:
                transport.close()

    def cut(self, transport: asyncio.Transport, reply: Reply, answer: Answer) -> None:
        self.write(reply.head(keep_alive=True) + reply.body[: answer.cut_at])
        if not answer.reset:
            transport.close()
            return
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()

    def write(self, data: bytes) -> None:
        if self.transport is not None:
            self.handler.sent(len(data))
            self.transport.write(data)
