"""A TCP proxy on loopback that behaves like a bad network, for tests of code that must survive one.

    with FaultProxy("127.0.0.1", server_port, seed=7) as proxy:
        url = f"http://{proxy.address}/odata"
        proxy.set(latency=0.05, jitter=0.2, reset_probability=0.05)
        proxy.black_hole(seconds=20)

It knows nothing of HTTP or TLS. An *exchange* is what a client sends and what comes back until it sends again: a
request and its reply on a kept-alive HTTP/1.1 connection; with TLS the handshake has exchanges of its own.

`FaultProxy` runs an asyncio loop in a thread of its own. All methods may be called from any thread and take effect for
the next bytes. The same seed draws the same fates, in the order in which exchanges begin, whatever the jitter does.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, TypeVar

_READ_SIZE = 64 * 1024
_MAX_HELD = 1024 * 1024  # bytes on the way in one direction, before its sender is no longer read from
_RESET_WITHIN = 16 * 1024  # a reset in mid-reply comes within this many bytes

T = TypeVar("T")


@dataclass(frozen=True)
class Faults:
    """What the line does to every connection.

    latency, jitter: seconds by which replies come later; latency, plus up to jitter more, drawn for each piece.
    The order stays. bandwidth: bytes a second in each direction, shared by all connections. reset_probability: of an
    exchange to end in a TCP reset, before the request is passed on, before the reply, or in the midst of it (where
    the reply is too short for that, when the connection is used again).
    """

    latency: float = 0.0
    jitter: float = 0.0
    bandwidth: float | None = None
    reset_probability: float = 0.0

    def __post_init__(self) -> None:
        for name in ("latency", "jitter"):
            value = getattr(self, name)
            if not 0 <= value <= 3600:
                raise ValueError(f"FaultProxy: {name}={value!r} must be between 0 and 3600 seconds")
        if self.bandwidth is not None and not self.bandwidth > 0:
            raise ValueError(f"FaultProxy: bandwidth={self.bandwidth!r} must be positive bytes per second, or None")
        if not 0 <= self.reset_probability <= 1:
            raise ValueError(f"FaultProxy: reset_probability={self.reset_probability!r} must be between 0 and 1")


@dataclass(frozen=True)
class ProxyStats:
    """Counts since the start. unreachable: connections that were reset because the target could not be reached."""

    connections: int = 0
    exchanges: int = 0
    resets: int = 0
    cuts: int = 0
    unreachable: int = 0
    bytes_up: int = 0
    bytes_down: int = 0


class FaultProxy:
    """Passes TCP connections on to a target, and faults into them. A context manager, or call `start` and `stop`.

    Raises OSError from `start` when there is no port to be had, ValueError for settings out of range.
    """

    def __init__(self, target_host: str, target_port: int, *, seed: int | None = None, port: int = 0) -> None:
        self.target = (target_host, target_port)
        self.host = "127.0.0.1"
        self.port = port
        self._faults = Faults()
        # Apart, because how many delays are drawn between two fates depends on how the kernel cuts the bytes.
        self._random = random.Random(seed)  # noqa: S311 - faults, not secrets
        self._delays = random.Random(seed)  # noqa: S311
        self._stats = ProxyStats()
        self._cut_after = 0
        self._cuts_left = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._reserved: socket.socket | None = None
        # Below here: touched by the loop's thread only.
        self._listener: socket.socket | None = None
        self._connections: dict[asyncio.Task[None], _Connection] = {}
        self._open = asyncio.Event()
        self._restore: dict[str, asyncio.TimerHandle] = {}
        self._line_free_at = {"up": 0.0, "down": 0.0}

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def faults(self) -> Faults:
        return self._faults

    @property
    def stats(self) -> ProxyStats:
        return self._stats

    def start(self) -> FaultProxy:
        if self._thread is not None:
            raise RuntimeError("FaultProxy is running already")
        # Bound but not listening, it keeps the port ours while `refuse` has the listener closed.
        self._open = asyncio.Event()
        self._reserved = _bound_socket(self.host, self.port)
        self.port = int(self._reserved.getsockname()[1])
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._thread.start()
        self._run(self._heal())
        return self

    def stop(self) -> None:
        """Resets what is open and frees the port. Does nothing if it is not running."""
        if self._loop is None or self._thread is None:
            return
        self._run(self._shut_down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = None
        if self._reserved is not None:
            self._reserved.close()

    def __enter__(self) -> FaultProxy:
        return self if self._thread is not None else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- switches

    def set(self, **faults: Any) -> Faults:
        """Changes the named fields of `faults`, leaves the others, and returns all of them."""
        self._faults = replace(self._faults, **faults)
        return self._faults

    def clear(self) -> None:
        """Back to a good network: no faults, nothing refused, nothing held back."""
        self._faults = Faults()
        self._cuts_left = 0
        self._run(self._heal())

    def cut(self, after_bytes: int, times: int = 1) -> None:
        """Closes the connection, as if complete, after so many bytes of the reply, in the next `times` exchanges.

        Only a reply that is longer is cut. The exchange that is under way now is not.
        """
        if after_bytes < 0 or times < 1:
            raise ValueError(f"FaultProxy: cut({after_bytes}, times={times}) wants after_bytes >= 0 and times >= 1")
        self._cut_after, self._cuts_left = after_bytes, times

    def black_hole(self, seconds: float | None = None) -> None:
        """Passes nothing on, in neither direction, for that time or until `clear`. Then what was held back arrives.

        Connections are still accepted, as by a firewall that drops what comes after.
        """
        self._run(self._close_line(seconds))

    def refuse(self, seconds: float | None = None) -> None:
        """Resets all connections and refuses new ones (ECONNREFUSED), for that time or until `clear`."""
        self._run(self._close_door(seconds))

    def reset_connections(self) -> int:
        """Resets what is open now, and returns how many connections that were."""
        return self._run(self._reset_all())

    # --- in the loop's thread

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            work.close()
            raise RuntimeError("FaultProxy is not running; call start() first")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _heal(self) -> None:
        for timer in self._restore.values():
            timer.cancel()
        self._restore.clear()
        self._open.set()
        self._listen()

    def _listen(self) -> None:
        if self._listener is None:
            self._listener = _bound_socket(self.host, self.port)
            self._listener.listen(128)
            asyncio.get_running_loop().add_reader(self._listener, self._accept)

    async def _close_line(self, seconds: float | None) -> None:
        self._open.clear()
        self._after(seconds, "line", self._open.set)

    async def _close_door(self, seconds: float | None) -> None:
        if self._listener is not None:
            asyncio.get_running_loop().remove_reader(self._listener)
            self._listener.close()
            self._listener = None
        await self._reset_all()
        self._after(seconds, "door", self._listen)

    async def _shut_down(self) -> None:
        await self._close_door(None)
        tasks = list(self._connections)
        for task in tasks:
            self._connections[task].abort()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # aborted transports close their sockets in the next round

    async def _reset_all(self) -> int:
        connections = list(self._connections.values())
        for connection in connections:
            connection.reset()
        return len(connections)

    def _after(self, seconds: float | None, name: str, action: Callable[[], object]) -> None:
        if name in self._restore:
            self._restore.pop(name).cancel()
        if seconds is not None:
            self._restore[name] = asyncio.get_running_loop().call_later(seconds, action)

    def _count(self, **more: int) -> None:
        # Written by the loop's thread alone; readers see one whole snapshot or the next.
        self._stats = replace(self._stats, **{name: getattr(self._stats, name) + n for name, n in more.items()})

    def _accept(self) -> None:
        if self._listener is None:
            return
        try:
            client, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        self._count(connections=1)
        connection = _Connection(self, client)
        task = asyncio.ensure_future(connection.run())
        self._connections[task] = connection

        def ended(_: asyncio.Task[None]) -> None:
            del self._connections[task]
            client.close()

        task.add_done_callback(ended)

    def _draw_fate(self) -> _Fate | None:
        if self._random.random() < self._faults.reset_probability:
            moment = self._random.choice(("request", "reply", "midst"))
            if moment == "request":
                return _Fate(reset=True, before_request=True)
            return _Fate(reset=True, after_bytes=self._random.randrange(1, _RESET_WITHIN) if moment == "midst" else 0)
        if self._cuts_left > 0:
            self._cuts_left -= 1
            return _Fate(after_bytes=self._cut_after)
        return None

    def _delay(self) -> float:
        return self._faults.latency + self._delays.random() * self._faults.jitter

    async def _wait_for_line(self, direction: str, size: int) -> None:
        await self._open.wait()
        bandwidth = self._faults.bandwidth
        if bandwidth is not None:
            now = asyncio.get_running_loop().time()
            free_at = max(now, self._line_free_at[direction]) + size / bandwidth
            self._line_free_at[direction] = free_at
            await asyncio.sleep(free_at - now)
            await self._open.wait()


@dataclass
class _Fate:
    """How an exchange ends early: by a reset or, as if complete, by closing, after so many bytes of the reply."""

    reset: bool = False
    before_request: bool = False
    after_bytes: int = 0


class _EndedError(Exception):
    """The connection's fate was met, or its other side is gone."""


@dataclass
class _Held:
    """Bytes on the way in one direction. None ends them."""

    pieces: asyncio.Queue[tuple[float, bytes | None]] = field(default_factory=asyncio.Queue)
    size: int = 0
    room: asyncio.Event = field(default_factory=asyncio.Event)


class _Connection:
    """One client's connection and ours to the target. Each direction has a task that reads and one that passes on."""

    def __init__(self, proxy: FaultProxy, accepted: socket.socket) -> None:
        accepted.setblocking(False)
        self.proxy = proxy
        self.accepted = accepted
        self.writers: list[asyncio.StreamWriter] = []
        self.doomed = False  # reset while it was still being opened
        self.fate: _Fate | None = None
        self.replied = True  # the next bytes of the client begin an exchange
        self.reply_bytes = 0

    async def run(self) -> None:
        client = await asyncio.open_connection(sock=self.accepted, limit=_READ_SIZE)
        self.writers.append(client[1])
        try:
            target = await asyncio.open_connection(*self.proxy.target, limit=_READ_SIZE)
        except OSError:
            self.proxy._count(unreachable=1)
            self.reset()
            return
        self.writers.append(target[1])
        up, down = _Held(), _Held()
        tasks = [
            asyncio.ensure_future(work)
            for work in (
                self._read(client[0], up, "up"),
                self._pass_on(up, target[1], "up"),
                self._read(target[0], down, "down"),
                self._pass_on(down, client[1], "down"),
            )
        ]
        try:
            if self.doomed:
                raise _EndedError
            await asyncio.gather(*tasks)
        except (_EndedError, OSError):
            self.reset()  # what has been cut or reset is closed already; the other side learns of it now
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for writer in self.writers:
                writer.close()
            for writer in self.writers:
                with contextlib.suppress(OSError):
                    await writer.wait_closed()

    async def _read(self, reader: asyncio.StreamReader, held: _Held, direction: str) -> None:
        """Takes from one side, notes when each piece is due, and stops taking while too much is on the way."""
        loop = asyncio.get_running_loop()
        due = 0.0
        while True:
            data = await reader.read(_READ_SIZE)
            if direction == "down":
                due = max(due, loop.time() + self.proxy._delay())
            held.pieces.put_nowait((due, data or None))
            if not data:
                return
            held.size += len(data)
            while held.size > _MAX_HELD:
                held.room.clear()
                await held.room.wait()

    async def _pass_on(self, held: _Held, writer: asyncio.StreamWriter, direction: str) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due, data = await held.pieces.get()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            if data is None:
                await self.proxy._wait_for_line(direction, 0)
                with contextlib.suppress(OSError):
                    writer.write_eof()
                return
            for part in self._parts(data):
                await self.proxy._wait_for_line(direction, len(part))
                await self._send(part, writer, direction)
            held.size -= len(data)
            held.room.set()

    def _parts(self, data: bytes) -> Iterator[bytes]:
        """In steps of 50 ms where the line is slow, so that it trickles instead of stuttering."""
        start = 0
        while start < len(data):
            bandwidth = self.proxy.faults.bandwidth
            size = len(data) if bandwidth is None else max(1, int(bandwidth * 0.05))
            yield data[start : start + size]
            start += size

    async def _send(self, data: bytes, writer: asyncio.StreamWriter, direction: str) -> None:
        if direction == "up":
            self._begin_exchange()
            self.proxy._count(bytes_up=len(data))
        else:
            data = await self._meet_fate(data, writer)
            self.proxy._count(bytes_down=len(data))
        writer.write(data)
        await writer.drain()

    def _begin_exchange(self) -> None:
        if not self.replied:
            return
        missed = self.fate is not None and self.fate.reset
        self.replied = False
        self.reply_bytes = 0
        self.proxy._count(exchanges=1)
        self.fate = self.proxy._draw_fate()
        if missed or (self.fate is not None and self.fate.before_request):
            self.proxy._count(resets=1)
            self.reset()
            raise _EndedError

    async def _meet_fate(self, data: bytes, writer: asyncio.StreamWriter) -> bytes:
        """What of this piece of a reply may pass: all of it, or it ends here."""
        self.replied = True
        self.reply_bytes += len(data)
        fate = self.fate
        if fate is None or self.reply_bytes <= fate.after_bytes:
            return data
        allowed = data[: len(data) - (self.reply_bytes - fate.after_bytes)]
        if allowed:
            writer.write(allowed)
            await writer.drain()
        self.proxy._count(bytes_down=len(allowed))
        if fate.reset:
            self.proxy._count(resets=1)
            self.reset()
        else:
            self.proxy._count(cuts=1)
            writer.close()
        raise _EndedError

    def abort(self) -> None:
        for writer in self.writers:
            writer.transport.abort()

    def reset(self) -> None:
        """Ends both sides with a TCP reset. A side that has been closed in order stays so."""
        self.doomed = True
        for writer in self.writers:
            if writer.is_closing():
                continue
            raw = writer.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()


def _bound_socket(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setblocking(False)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
