"""Blocking calls of the hub, in threads that the event loop waits for: it never blocks itself.

Calls of the store and calls that reach a source have threads apart, and of the latter each connection has a share: a
source that hangs keeps neither the status nor other connections from being asked for.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import ParamSpec, TypeVar

import anyio.to_thread
from anyio import CapacityLimiter

from switchgear.server.replies import refused

P = ParamSpec("P")
T = TypeVar("T")

STORE_THREADS = 8  # as many sessions as a store opens
SOURCE_THREADS = 64
SYNCS = 16
AT_ONCE = 16  # requests of one connection


class Threads:
    """Used from one event loop."""

    def __init__(self) -> None:
        self._store: CapacityLimiter | None = None
        self._source: CapacityLimiter | None = None
        self._sync: CapacityLimiter | None = None
        self._under_way: dict[str, int] = {}
        self._counting = threading.Condition()
        self._at_sources = 0

    async def store(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A call that reaches the store and nothing else."""
        if self._store is None:  # a limiter belongs to a loop, and there may be none yet when the application is made
            self._store = CapacityLimiter(STORE_THREADS)
        return await anyio.to_thread.run_sync(lambda: function(*args, **kwargs), limiter=self._store)

    async def source(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A call that waits for a source. When the task is cancelled the thread goes on by itself, to no avail."""
        if self._source is None:
            self._source = CapacityLimiter(SOURCE_THREADS)
        return await self._apart(partial(function, *args, **kwargs), self._source)

    async def sync(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A call that may take hours. Raises 503 when too many go on already."""
        if self._sync is None:
            self._sync = CapacityLimiter(SYNCS)
        if self._sync.available_tokens < 1:
            message = f"{SYNCS} syncs that were asked for here go on already"
            raise refused(503, "unavailable.busy", message, "ask again later", Retry_After="60")
        return await self._apart(partial(function, *args, **kwargs), self._sync)

    async def _apart(self, function: Callable[[], T], limiter: CapacityLimiter) -> T:
        def call() -> T:
            self._count(1)
            try:
                return function()
            finally:
                self._count(-1)

        return await anyio.to_thread.run_sync(call, limiter=limiter, abandon_on_cancel=True)

    def wait(self, seconds: float) -> int:
        """Waits, at most so long, until no call waits for a source any more. How many still do."""
        with self._counting:
            self._counting.wait_for(lambda: self._at_sources == 0, seconds)
            return self._at_sources

    def _count(self, change: int) -> None:
        with self._counting:
            self._at_sources += change
            self._counting.notify_all()

    @contextlib.asynccontextmanager
    async def slot(self, connection_id: str) -> AsyncIterator[None]:
        """A place among those that ask this connection's source. Raises 503 when all are taken."""
        if self._under_way.get(connection_id, 0) >= AT_ONCE:
            message = f"{AT_ONCE} requests for connection '{connection_id}' are under way already"
            raise refused(503, "unavailable.busy", message, "ask again in a moment", Retry_After="1")
        self._under_way[connection_id] = self._under_way.get(connection_id, 0) + 1
        try:
            yield
        finally:
            self._under_way[connection_id] -= 1
            if self._under_way[connection_id] == 0:
                del self._under_way[connection_id]
