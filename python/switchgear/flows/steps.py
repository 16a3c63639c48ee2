"""Steps: what is done once in an execution, however often it is begun anew."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from switchgear.errors import ConfigError, DataError, Error
from switchgear.flows.definition import MOST_RETRIES, Seconds, seconds_from
from switchgear.flows.execution import Execution, FlowTooLate, Scope
from switchgear.flows.halting import Overtaken, Stopped, as_error, clean, error_text
from switchgear.request_values import json_value

P = ParamSpec("P")
R = TypeVar("R")
LONGEST_NAME = 200
LARGEST_RESULT = 16 << 20
LONGEST_WAIT = 60.0


class Step:
    """What `ctx.step(name)` gives: called with a function, it gives that function as a step."""

    def __init__(
        self, execution: Execution, used: set[str], name: str, retries: int | None, timeout: Seconds | None, wait: float
    ) -> None:
        flow = execution.flow.name
        if not isinstance(name, str) or not name or len(name) > LONGEST_NAME or clean(name) != name:
            raise _bad(flow, f"a step's name is {name!r}", f"a text of 1 to {LONGEST_NAME} characters")
        if retries is not None and (isinstance(retries, bool) or not isinstance(retries, int) or retries < 0):
            raise _bad(flow, f"retries of step '{name}' is {retries!r}", f"a whole number from 0 to {MOST_RETRIES}")
        self._execution = execution
        self._used = used
        self._name = name
        self._retries = min(execution.flow.retries if retries is None else retries, MOST_RETRIES)
        self._timeout = seconds_from(flow, f"timeout of step '{name}'", timeout)
        self._wait = float(wait)
        self._attempt = 0

    def __call__(self, work: Callable[P, R]) -> Callable[P, R]:
        """The function as a step; an async one stays async."""
        if not callable(work):
            raise _bad(self._execution.flow.name, f"step '{self._name}' is {work!r}", "a function")
        if inspect.iscoroutinefunction(work):

            @functools.wraps(work)
            async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:
                found, value = self._begin()
                return value if found else await self._acall(functools.partial(work, *args, **kwargs))

            return awaited  # type: ignore[return-value]

        @functools.wraps(work)
        def called(*args: P.args, **kwargs: P.kwargs) -> Any:
            found, value = self._begin()
            return value if found else self._call(functools.partial(work, *args, **kwargs))

        return called

    def _begin(self) -> tuple[bool, Any]:
        """Whether it was finished before, and what it returned then."""
        execution = self._execution
        execution.check()
        outer = execution.scope().name
        flow = execution.flow.name
        if outer:
            raise _bad(flow, f"step '{self._name}' begins inside of step '{outer}'", "one step after the other")
        if self._name in self._used:
            raise _bad(
                flow,
                f"step '{self._name}' is used twice in one execution",
                "a name of its own for each, such as f'close {number}'",
            )
        self._used.add(self._name)
        kept = execution.core.step(self._name)
        self._again = kept is not None
        if kept is None or kept.status != "completed":
            return False, None
        execution.say("info", f"step '{self._name}' was finished before; its result is taken")
        return True, json.loads(kept.result_json)

    def _call(self, work: Callable[[], Any]) -> Any:
        while True:
            with self._scope():
                try:
                    result = work()
                    if not inspect.isawaitable(result):
                        return self._finished(result)
                except Exception as error:
                    wait = self._failed(error)
                else:
                    return self._acall(work, result)  # a plain function that gave something to await
            self._execution.sleep_until(self._execution.time.now() + wait)

    async def _acall(self, work: Callable[[], Awaitable[Any]], begun: Awaitable[Any] | None = None) -> Any:
        while True:
            with self._scope(begun is None):
                try:
                    result = await self._execution.within(work() if begun is None else begun)
                    return self._finished(result)
                except Exception as error:
                    wait = self._failed(error)
            begun = None
            await self._execution.asleep_until(self._execution.time.now() + wait)

    @contextmanager
    def _scope(self, begins: bool = True) -> Iterator[None]:
        execution = self._execution
        if begins:
            self._attempt += 1
            execution.keep(execution.core.step_started, self._name)
        began = self._began = execution.time.now()
        until = None if self._timeout is None else began + self._timeout
        scope = Scope(execution, self._name, until, self._timeout or 0.0, again=self._again or self._attempt > 1)
        with execution.inside(scope):
            if begins:
                execution.say("info", "begins" if self._attempt == 1 else f"begins for the {self._attempt}. time")
            yield

    def _finished(self, result: Any) -> Any:
        execution = self._execution
        execution.check()  # one that took too long has failed, be it done
        text = result_text(result, self._name)
        execution.keep(execution.core.step_finished, self._name, text)
        execution.say("info", f"finished in {execution.time.now() - self._began:.3g} s")
        return json.loads(text)  # as it will be when it is taken from the store

    def _failed(self, error: Exception) -> float:
        """Seconds until the next attempt; raises where there is none."""
        execution = self._execution
        if isinstance(error, (Stopped, Overtaken, FlowTooLate)) or execution.lost:
            raise error
        told = as_error(error)
        execution.keep(execution.core.step_failed, self._name, error_text(told))
        final = isinstance(error, ConfigError) or told.code == "data.step_result"
        if final or self._attempt > self._retries:
            execution.say("error", f"failed, in attempt {self._attempt} of {self._retries + 1}: {told}")
            raise error
        wait = min(self._wait * 2.0 ** min(self._attempt - 1, 16), LONGEST_WAIT)
        wait = max(wait, told.retry_after or 0.0)
        attempt = f"attempt {self._attempt} of {self._retries + 1}"
        execution.say("warning", f"failed, in {attempt}, which is tried again in {wait:g} s: {told}")
        return wait


def result_text(result: Any, step: str) -> str:
    """A step's result as JSON: dates and decimals become texts, a number that JSON lacks is refused.

    Raises:
        DataError (`data.step_result`): naming what in it can't be kept.
    """
    try:
        text = json.dumps(result, default=json_value, allow_nan=False)
    except (TypeError, ValueError, RecursionError, Error) as error:
        why = error.message if isinstance(error, Error) else str(error)
        raise DataError(
            f"what step '{step}' returned can't be kept as JSON: {why}",
            code="data.step_result",
            hint="return texts, numbers, booleans, dates, None, and lists and dicts of them: reader.to_pylist()",
        ) from error
    if len(text) > LARGEST_RESULT:
        raise DataError(
            f"what step '{step}' returned has {len(text):,} bytes as JSON; {LARGEST_RESULT:,} at most are kept",
            code="data.step_result",
            hint="write it to a file, and return the file's name",
        )
    return text


def _bad(flow: str, why: str, hint: str) -> ConfigError:
    return ConfigError(f"flow '{flow}': {why}", code="config.step", hint=hint)
