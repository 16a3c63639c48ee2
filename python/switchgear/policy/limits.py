"""Limits: how many calls a second, and how many at once."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from switchgear import _core
from switchgear.errors import ConfigError, TimeoutError
from switchgear.policy.open_wait import Seconds
from switchgear.policy.waiting import sleep

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop, Future

    from typing_extensions import Self


class RateLimiter(_core.RateLimiter):
    """Keeps calls to a rate (GCRA), in the order in which they come: `limiter.acquire()`, `await limiter.aacquire()`,
    or `with limiter:` and `async with limiter:`, which wait before the block.

    Args:
        rate: "100/s", "6000/5min", "10/h"; None: no limit until a throttle is told.
        burst: how many may pass at once after a pause, from 1 to 1,000,000.
        adaptive: slow down on `throttled()`, and recover with each `succeeded()`.
        clock: to look at; None: the real one.

    Raises:
        ConfigError: for a rate or burst that can't be, naming field, value and range.
    """

    def __init__(
        self, rate: str | None = None, burst: int = 1, *, adaptive: bool = True, clock: _core.Clock | None = None
    ) -> None:
        if rate is not None and not isinstance(rate, str):
            raise ConfigError(
                f"rate_limit is {rate!r}; it must be a text like '100/s', '6000/5min' or '10/h'",
                hint="correct rate_limit",
            )
        super().__init__(rate=rate, burst=burst, adaptive=adaptive, clock=clock)
        self._parameters = {"rate": rate, "burst": burst, "adaptive": adaptive}
        self._clock = clock

    async def aacquire(self, n: int = 1, *, timeout: Seconds | None = None) -> float:
        """As `acquire()`, for asyncio: only this task waits. A cancelled one gives its place back."""
        longest = None if timeout is None else _seconds(timeout)
        waited = 0.0
        while True:
            place = self._reserve(n, None if longest is None else longest - waited)
            if place.wait > 0:
                try:
                    await sleep(self._clock, place.wait)
                except BaseException:
                    self._withdraw(place)
                    raise
            waited += place.wait
            if self._is_valid(place):
                return waited

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, *_: object) -> None:
        pass

    async def __aenter__(self) -> Self:
        await self.aacquire()
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def __repr__(self) -> str:
        rate = self._parameters["rate"]
        return f"<RateLimiter {rate or 'without limit'}, burst {self._parameters['burst']}>"

    def _repr_html_(self) -> str:
        from switchgear.display import limiter_html

        return limiter_html(repr(self), self.metrics, ("per_second", "adapted", "throttles", "waiting"))

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self._parameters)


class ConcurrencyLimiter(_core.ConcurrencyLimiter):
    """How many calls may be under way at once, found by trying: one more while the limit is used and replies come, a
    tenth less on a drop or a timeout (AIMD).

        with limiter.acquire():        # or: with await limiter.aacquire():
            ask_the_erp()

    Args:
        initial: the first limit, from `least` to `most`.
        least: from 1 to `most`.
        most: up to 100,000.

    Raises:
        ConfigError: for numbers that contradict each other, naming field, value and range.
    """

    def __init__(self, initial: int = 20, *, least: int = 1, most: int = 200) -> None:
        super().__init__(initial=initial, least=least, most=most)
        self._parameters = {"initial": initial, "least": least, "most": most}
        self._tasks: deque[tuple[AbstractEventLoop, Future[None]]] = deque()

    def acquire(self, *, timeout: Seconds | None = None) -> _core.Slot:
        """Waits for a slot. Raises TimeoutError if none is free within `timeout` (seconds or a timedelta)."""
        slot = self._acquire(timeout)
        if slot is None:
            raise _no_slot(timeout)
        return slot

    async def aacquire(self, *, timeout: Seconds | None = None) -> _core.Slot:
        """As `acquire()`, for asyncio: only this task waits."""
        import asyncio

        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + _seconds(timeout)
        while True:
            waiter = (loop, loop.create_future())
            self._tasks.append(waiter)  # before it looks: a slot that is freed in between wakes it
            try:
                slot = self.try_acquire()
                if slot is not None:
                    return slot
                left = None if deadline is None else max(0.0, deadline - loop.time())
                await asyncio.wait({waiter[1]}, timeout=left)
                if not waiter[1].done():
                    raise _no_slot(timeout)
            finally:
                if waiter in self._tasks:
                    self._tasks.remove(waiter)

    def _wake(self) -> None:
        """A slot is free; the limit may have grown with it, so all look. Called by the compiled part, on any thread."""
        while self._tasks:
            try:
                loop, future = self._tasks.popleft()
            except IndexError:  # another thread was faster
                return
            if not loop.is_closed():
                loop.call_soon_threadsafe(_set, future)

    def __repr__(self) -> str:
        metrics = self.metrics
        return f"<ConcurrencyLimiter {metrics.in_flight} of {metrics.limit}>"

    def _repr_html_(self) -> str:
        from switchgear.display import limiter_html

        return limiter_html(repr(self), self.metrics, ("limit", "in_flight", "waiting", "drops"))

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self._parameters)


def _set(future: Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _seconds(value: Seconds) -> float:
    return _core.seconds(value, "timeout")


def _no_slot(timeout: Seconds | None) -> TimeoutError:
    return TimeoutError(
        f"no slot was free within {timeout} s",
        code="timeout.limiter",
        hint="wait longer, or allow more calls at once",
        retryable=True,
    )


def _restored(cls: type[Any], parameters: dict[str, Any]) -> Any:
    return cls(**parameters)
