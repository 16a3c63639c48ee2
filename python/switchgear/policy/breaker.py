"""The circuit breaker: stops calling what does not answer, and finds out by few calls when it does again.

    closed --(a failure or slow call, and too many)--> open --(a call after the wait)--> half_open --> closed or open

`forced_open`, `disabled` and `metrics_only` are entered and left by hand.
"""

from __future__ import annotations

import datetime
import logging
import math
from collections.abc import Awaitable, Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from switchgear import _core
from switchgear.errors import ConfigError
from switchgear.policy.open_wait import Backoff, OpenFor, Seconds
from switchgear.policy.outcome import FAILURE, OUTCOMES, outcome_of, retry_after_of
from switchgear.policy.wrapping import inside

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import ParamSpec, Self

    P = ParamSpec("P")

R = TypeVar("R")

_LOG = logging.getLogger("switchgear.breaker")
_LONGEST = 365 * 86400.0
_FALLBACK_WAIT = 30.0
_ASKED_AHEAD = 32


class BreakerState(str, Enum):
    """A circuit breaker's state; prints and compares as the word."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"
    FORCED_OPEN = "forced_open"
    DISABLED = "disabled"
    METRICS_ONLY = "metrics_only"

    def __str__(self) -> str:
        return self.value


class CircuitBreaker(_core.CircuitBreaker):
    """Guards calls: `with breaker:`, `async with breaker:`, `breaker.call(fn, …)`, `@breaker`, or `acquire()` by hand.

    May be shared by threads and tasks; each `with` has its own permit. Pickles as its parameters: state, listeners
    and clock stay behind. The calls of a closed breaker cost about two readings of the clock.

    Args:
        failure_rate: opens at this share of failures, above 0 and at most 1.
        slow_rate: or at this share of slow calls.
        window: of the last calls (a number), or of the last seconds (a timedelta of whole seconds).
        min_calls: fewer in the window decide nothing. None: 10, or the window's calls if they are fewer.
        open_for: seconds until a probe is let through; `Backoff` makes them grow; or a function of 1, 2, 3 …, how
            often it has opened in a row. A longer `retry_after` of the error that opens it wins.
        half_open_calls: probes in all, not at a time.
        half_open_max_wait: a probe that has not come back after so many seconds has failed.
        slow_call: a call is slow if it takes longer than so many seconds.
        classify: what an exception counts as: "success", "failure" or "neutral" (not counted); None: as without
            it, which is: a `switchgear.Error` by its category, a cancelled caller as neutral, others as a failure.
        name: in errors and events.
        clock: to look at; None: the real one.

    Raises:
        ConfigError: for parameters out of range, naming field, value and range.
    """

    def __init__(
        self,
        *,
        failure_rate: float = 0.5,
        slow_rate: float = 1.0,
        window: int | datetime.timedelta = 100,
        min_calls: int | None = None,
        open_for: OpenFor = 30.0,
        half_open_calls: int = 3,
        half_open_max_wait: Seconds = 60.0,
        slow_call: Seconds = 60.0,
        classify: Callable[[BaseException], str | None] | None = None,
        name: str = "breaker",
        clock: _core.Clock | None = None,
    ) -> None:
        self._parameters = {
            "failure_rate": failure_rate,
            "slow_rate": slow_rate,
            "window": window,
            "min_calls": min_calls,
            "open_for": open_for,
            "half_open_calls": half_open_calls,
            "half_open_max_wait": half_open_max_wait,
            "slow_call": slow_call,
            "classify": classify,
            "name": name,
        }
        if classify is not None and not callable(classify):
            raise ConfigError(
                f"classify is {classify!r}; it must be a function of an exception", hint="correct classify"
            )
        self._classify = classify
        self._open_for = open_for
        self._listeners: list[Callable[[_core.BreakerEvent], object]] = []
        if min_calls is None:
            min_calls = min(10, window) if isinstance(window, int) else 10
        # A wait that does not grow is its own cap.
        fixed: Seconds = _FALLBACK_WAIT if callable(open_for) or isinstance(open_for, Backoff) else open_for
        waits = open_for if isinstance(open_for, Backoff) else None
        super().__init__(
            name=name,
            failure_rate=failure_rate,
            slow_rate=slow_rate,
            slow_call=slow_call,
            window=window,
            min_calls=min_calls,
            open_initial=waits.initial if waits else fixed,
            open_factor=waits.factor if waits else 1.0,
            open_cap=waits.cap if waits else fixed,
            asks_for_wait=callable(open_for),
            half_open_calls=half_open_calls,
            half_open_max_wait=half_open_max_wait,
            clock=clock,
        )

    if TYPE_CHECKING:
        # Compiled, and with a permit for each `with` statement: bindings/with_breaker.cpp.
        def __enter__(self) -> Self: ...
        def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
        ) -> None: ...
        async def __aenter__(self) -> Self: ...
        async def __aexit__(
            self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
        ) -> None: ...

    @property
    def state(self) -> BreakerState:
        """The state it is in. Reading moves nothing: an open breaker whose wait is over is open until a call comes."""
        return BreakerState(self._state)

    def call(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls `function` behind the breaker. What it raises is classified and passed on.

        Of an async function, what is returned has to be awaited, and the call lasts until then.

        Raises:
            CircuitOpenError: when the call is refused; the function was not called then.
        """
        try:
            with self:
                result = function(*args, **kwargs)
                if not hasattr(type(result), "__await__"):
                    return result
                raise _Later
        except _Later:
            return self._awaited(result)  # type: ignore[return-value, arg-type]

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """As a decorator: each call of the function goes through `with breaker:`. Takes async functions and generators,
        too.
        """
        return inside(lambda: self, function)

    def on_event(self, listener: Callable[[_core.BreakerEvent], object]) -> Callable[[_core.BreakerEvent], object]:
        """Calls `listener` with each event, in order, on the thread that caused one; it may call anything here.

        What it raises is logged. Returns the listener, so that it can be used as a decorator.
        """
        if not callable(listener):
            raise ConfigError(f"a listener must be callable, not {listener!r}")
        if not self._listeners:
            self._listen()
        self._listeners = [*self._listeners, listener]
        return listener

    def __repr__(self) -> str:
        return f"<CircuitBreaker {self.name}: {self._state}>"

    def _repr_html_(self) -> str:
        from switchgear.display import breaker_html

        return breaker_html(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self._parameters)

    async def _awaited(self, result: Awaitable[R]) -> R:
        try:
            with self:
                return await result
        finally:
            if hasattr(result, "close"):
                result.close()  # of a coroutine: it was refused, and will never be awaited

    # -- called by the compiled part

    def _outcome_of(self, exception: BaseException) -> tuple[int, int]:
        """What an exception counts as, and the nanoseconds that the source asked to wait."""
        said = self._classify(exception) if self._classify is not None and type(exception) is not _Later else None
        if said is None:
            outcome = outcome_of(exception)
        elif said in OUTCOMES:
            outcome = OUTCOMES[said]
        else:
            raise ConfigError(f"classify said {said!r}; it must be one of {', '.join(OUTCOMES)}, or None")
        wait = retry_after_of(exception) if outcome == FAILURE else None
        return outcome, int((wait or 0.0) * 1e9)

    def _deliver(self, event: _core.BreakerEvent) -> None:
        for listener in self._listeners:
            try:
                listener(event)
            except KeyboardInterrupt:
                import _thread

                _thread.interrupt_main()  # raised again, where it can reach the user
            except BaseException:
                _LOG.exception("a listener of circuit breaker %s raised", self.name)

    def _open_wait_ns(self, n: int) -> int:
        """What the function given for open_for says, cut to what can be."""
        try:
            wait: Any = self._open_for(n)  # type: ignore[operator]
            seconds = float(wait.total_seconds() if isinstance(wait, datetime.timedelta) else wait)
            if math.isnan(seconds):
                raise ValueError("it is no number")
        except Exception:
            _LOG.exception("open_for of circuit breaker %s raised; it stays open for 30 s", self.name)
            seconds = _FALLBACK_WAIT
        return int(min(max(seconds, 0.0), _LONGEST) * 1e9)

    def _as_template(self) -> _core.CircuitBreaker:
        """For a connection, whose threads never run Python: what a function would say is asked ahead."""
        if self._classify is not None:
            raise ConfigError(
                "breaker.classify is a function; a connection's breakers judge errors by their category",
                code="config.breaker",
                hint="leave classify out",
            )
        if callable(self._open_for):
            self._ask_ahead([self._open_wait_ns(n) for n in range(1, _ASKED_AHEAD + 1)])
        return self


class _Later(BaseException):
    """Leaves call() without counting anything: what was called has only given something to be awaited."""


def _restored(cls: type[CircuitBreaker], parameters: dict[str, Any]) -> CircuitBreaker:
    return cls(**parameters)
