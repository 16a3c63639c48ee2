"""Waiting for the core in asyncio: a descriptor tells when there is something, and no thread of the core takes the GIL.

Of the loop nothing but `add_reader` is used, so that any selector loop will do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from switchgear import _core
from switchgear.errors import Unsupported


class Watch:
    """Waits for descriptors in the loop that it was made in, one at a time, until it is ended."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.ended = False
        self._waiter: asyncio.Future[None] | None = None
        self._descriptor = -1

    async def readable(self, descriptor: int) -> None:
        """Returns when there is something. Raises Unsupported (`unsupported.closed`) once it is ended."""
        if self.ended:
            raise closed()
        waiter = self._waiter = self.loop.create_future()
        self._descriptor = descriptor
        self.loop.add_reader(descriptor, _wake, waiter)
        try:
            await waiter
        finally:
            self._forget()
        if self.ended:
            raise closed()

    def end(self) -> None:
        """Wakes who waits. After that the descriptor may be closed: the loop knows it no more."""
        self.ended = True
        waiter = self._waiter
        self._forget()
        if waiter is not None and not self.loop.is_closed():
            _wake(waiter)

    def _forget(self) -> None:
        # Only once: a closed descriptor's number may be somebody else's by now.
        if self._descriptor >= 0 and not self.loop.is_closed():
            self.loop.remove_reader(self._descriptor)
        self._descriptor, self._waiter = -1, None

    def check_loop(self) -> None:
        """Raises Unsupported (`unsupported.other_loop`) in any other loop, and so in any other thread."""
        if asyncio.get_running_loop() is self.loop:
            return
        state = "closed" if self.loop.is_closed() else "another one"
        raise Unsupported(
            f"this reader was begun in one event loop and is used in another (the first is {state})",
            code="unsupported.other_loop",
            hint="connection.aread(...) gives a fresh one for each loop and thread",
        )


async def result_of(call: _core.PendingCall, watch: Watch | None = None) -> Any:
    """What a call returns. A task that is cancelled meanwhile cancels the call, too."""
    try:
        await (watch or Watch()).readable(call.ready_fd())
    except BaseException:
        call.cancel()
        await off_loop(call.close)
        raise
    return call.result()


async def off_loop(release: Callable[[], None]) -> None:
    """Gives something back in a thread, because the end of a request may take a moment, and sees it through."""
    try:
        work = asyncio.get_running_loop().run_in_executor(None, release)
    except RuntimeError:  # the loop is about to end and has no threads any more
        release()
        return
    await asyncio.shield(work)


def closed() -> Unsupported:
    """What the core says of a reader that is closed."""
    return Unsupported("this reader is closed", code="unsupported.closed", hint="aread() gives a fresh one")


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
