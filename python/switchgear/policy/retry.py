"""Trying again: full jitter, a quota shared by all calls, and the wait that the source asks for."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from switchgear import _core
from switchgear.errors import ConfigError, Error
from switchgear.policy.open_wait import Seconds
from switchgear.policy.outcome import code_of, retry_after_of
from switchgear.policy.waiting import sleep

if TYPE_CHECKING:
    from typing_extensions import ParamSpec

    P = ParamSpec("P")

R = TypeVar("R")
RetryOn: TypeAlias = "type[Exception] | tuple[type[Exception], ...] | Callable[[Exception], bool]"


class Retry(_core.Retry):
    """Calls again what may succeed then: `retry.call(fn, …)`, `await retry.acall(fn, …)`, or `@retry`.

    What may: a `switchgear.Error` as its category says (offline, timeout, rate_limit, server, unavailable), and
    Python's own ConnectionError and TimeoutError; everything else, only by `retry_on`. The n-th wait is random, from 0
    to base x 2^(n-1) seconds, at most `cap`; an error's `retry_after` lengthens it. May be shared by threads and
    tasks; pickles as its parameters.

    Args:
        attempts: from 1 to 100, the first one included.
        base, cap: seconds or timedeltas, above 0; `base` at most `cap`, `cap` at most an hour.
        quota: tokens that all calls share; without tokens there is no second attempt. 0: never.
        retry_cost, timeout_cost: tokens for a retry (None: 5), and after a timeout (None: 10), at most `quota`. A call
            that succeeds at once gives one back, one that succeeds later what its last retry cost.
        idempotent: False: only where the source can't have worked on the call (it was refused, or throttled).
        retry_on: exception classes, or a function of an exception, to try again besides.
        clock: to wait on; None: the real one.
        random: a function that gives numbers from 0 to below 1, for tests; None: the system's.

    Raises:
        ConfigError: for parameters out of range, naming field, value and range.
    """

    def __init__(
        self,
        attempts: int = 3,
        base: Seconds = 1.0,
        cap: Seconds = 20.0,
        *,
        quota: int = 500,
        retry_cost: int | None = None,
        timeout_cost: int | None = None,
        idempotent: bool = True,
        retry_on: RetryOn | None = None,
        clock: _core.Clock | None = None,
        random: Callable[[], float] | None = None,
    ) -> None:
        self._parameters = {
            "attempts": attempts,
            "base": base,
            "cap": cap,
            "quota": quota,
            "retry_cost": retry_cost,
            "timeout_cost": timeout_cost,
            "idempotent": idempotent,
            "retry_on": retry_on,
        }
        super().__init__(
            attempts=attempts,
            base=base,
            cap=cap,
            quota=quota,
            retry_cost=_cost(retry_cost, 5, quota),
            timeout_cost=_cost(timeout_cost, 10, quota),
            random=random,
        )
        self._idempotent = idempotent
        self._retry_on = retry_on
        self._clock = clock

    def call(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls `function` until it succeeds or may not be tried again; raises what it raised last.

        Of an async function, what is returned has to be awaited.
        """
        run = self._start()
        while True:
            try:
                result = function(*args, **kwargs)
            except Exception as error:
                wait = self._wait_after(run, error)
                if wait is None:
                    raise
            else:
                if hasattr(type(result), "__await__"):
                    again = functools.partial(function, *args, **kwargs)
                    return self._awaited(run, result, again)  # type: ignore[return-value, arg-type]
                run.success()
                return result
            _core.sleep(self._clock, wait)

    async def acall(self, function: Callable[P, Awaitable[R]], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """As `call()`, for asyncio: only this task waits."""
        return await self.call(function, *args, **kwargs)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """As a decorator, of plain and async functions."""
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise ConfigError(
                f"{function.__name__} is a generator, which can't be tried again once it has given something",
                code="config.retry",
                hint="retry what it calls",
            )

        @functools.wraps(function)
        def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
            return self.call(function, *args, **kwargs)

        if not inspect.iscoroutinefunction(function):
            return wrapped

        @functools.wraps(function)
        async def wrapped_async(*args: Any, **kwargs: Any) -> Any:
            return await self.acall(function, *args, **kwargs)

        return wrapped_async  # type: ignore[return-value]

    async def _awaited(self, run: _core.RetryRun, first: Awaitable[R], again: Callable[[], Awaitable[R]]) -> R:
        make: Callable[[], Awaitable[R]] = lambda: first  # noqa: E731
        while True:
            try:
                result = await make()
            except Exception as error:
                wait = self._wait_after(run, error)
                if wait is None:
                    raise
            else:
                run.success()
                return result
            make = again
            await sleep(self._clock, wait)

    def _wait_after(self, run: _core.RetryRun, error: Exception) -> float | None:
        code = code_of(error)
        idempotent = self._idempotent
        if self._is_asked_for(error):
            code, idempotent = "timeout" if code.startswith("timeout") else "offline.lost", True
        status = error.http_status if isinstance(error, Error) else 0
        return run.next(code, retry_after_of(error), status, idempotent)

    def _is_asked_for(self, error: Exception) -> bool:
        if self._retry_on is None:
            return False
        if isinstance(self._retry_on, type | tuple):
            return isinstance(error, self._retry_on)
        return bool(self._retry_on(error))

    def _as_template(self) -> _core.Retry:
        """For a connection, which knows by itself what may be tried again."""
        if self._retry_on is not None or not self._idempotent:
            raise ConfigError(
                "retry_on and idempotent are for calls of your own; a connection goes by error and method",
                code="config.retry",
                hint="leave them out",
            )
        return self

    def __repr__(self) -> str:
        return f"<Retry up to {self._parameters['attempts']} attempts, {self.tokens} tokens left>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self._parameters)


def _cost(given: int | None, usual: int, quota: int) -> int:
    return min(usual, quota) if given is None and isinstance(quota, int) else usual if given is None else given


def _restored(cls: type[Retry], parameters: dict[str, Any]) -> Retry:
    return cls(**parameters)
