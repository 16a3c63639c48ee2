"""What a flow is: a function with a name, and when it runs. Checked here, before anything is stored."""

from __future__ import annotations

import difflib
import inspect
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from switchgear import _core
from switchgear.errors import ConfigError
from switchgear.schedule import Schedule, parse_schedule

if TYPE_CHECKING:
    from switchgear.flows.context import FlowContext

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
EVENT_TYPE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")
MOST_AT_ONCE, MOST_RETRIES = 1000, 1000
Seconds = float | timedelta


@dataclass(frozen=True)
class Flow:
    """A flow as it was defined.

    Attributes:
        name: its name.
        function: what runs, with a `FlowContext`; it may be async.
        schedule, timezone: when it is due by itself; "": by hand.
        on: the type of the events that begin it; None: none does.
        concurrency: executions that may be under way at once, in all processes.
        retries: of each step that does not say otherwise.
        timeout: seconds that an execution may take, each time that it is begun or taken up; None: as long as it wants.
        params: the parameters there are, with what they are when not given; None: any may be given.
        source: where it is defined: `flows.py:12`.
    """

    name: str
    function: Callable[[FlowContext], Any]
    schedule: str
    timezone: str
    on: str | None
    concurrency: int
    retries: int
    timeout: float | None
    params: Mapping[str, Any] | None
    source: str

    @property
    def due(self) -> Schedule:
        """Its schedule, read."""
        return parse_schedule(self.schedule)

    def params_from(self, given: Mapping[str, Any] | None) -> dict[str, Any]:
        """All parameters of an execution.

        Raises:
            ConfigError (`config.params`): for one that the flow does not have, with the nearest, and what JSON has not.
        """
        given = dict(given or {})
        for name in given:
            if not isinstance(name, str):
                raise _bad(self.name, f"a parameter's name is {name!r}, no text", code="config.params")
            if self.params is not None and name not in self.params:
                near = difflib.get_close_matches(name, self.params, n=1)
                suggestion = f"did you mean '{near[0]}'?" if near else f"it has: {', '.join(self.params) or 'none'}"
                raise _bad(self.name, f"it has no parameter '{name}'", suggestion, "config.params")
        return json_copy({**(self.params or {}), **given}, self.name)


def json_copy(params: Mapping[str, Any], flow: str) -> dict[str, Any]:
    """The same, as JSON has it."""
    try:
        copy: dict[str, Any] = json.loads(json.dumps(dict(params), allow_nan=False))
    except (TypeError, ValueError) as error:
        raise _bad(flow, f"its parameters can't be put into JSON: {error}", code="config.params") from error
    return copy


def define(
    function: Callable[[FlowContext], Any],
    name: str,
    *,
    schedule: str | timedelta,
    timezone: str,
    on: str | None,
    concurrency: int,
    retries: int,
    timeout: Seconds | None,
    params: Mapping[str, Any] | None,
) -> Flow:
    """See `Hub.flow()`."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise _bad(str(name)[:100], "that is no name", "letters, digits, '-', '_' and '.', 100 at most: 'close-stale'")
    _check_function(name, function)
    if on is not None and not (isinstance(on, str) and EVENT_TYPE.fullmatch(on)):
        raise _bad(name, f"on is {on!r}, no type of an event", "lower-case words with dots: 'workorder.urgent'")
    _whole(name, "concurrency", concurrency, 1, MOST_AT_ONCE)
    _whole(name, "retries", retries, 0, MOST_RETRIES)
    text = schedule if isinstance(schedule, str) else f"{schedule.total_seconds():g}s"
    try:
        parse_schedule(text).period(timezone)
    except ConfigError as error:
        message = f"flow '{name}' can't be set up: {error.message}"
        raise ConfigError(message, code=error.code, hint=error.hint) from error
    return Flow(
        name=name,
        function=function,
        schedule=text,
        timezone=timezone,
        on=on,
        concurrency=concurrency,
        retries=retries,
        timeout=seconds_from(name, "timeout", timeout),
        params=None if params is None else json_copy(params, name),
        source=source_of(function),
    )


def seconds_from(flow: str, field: str, value: Seconds | None) -> float | None:
    """Seconds above 0, or None."""
    if value is None:
        return None
    seconds = float(_core.seconds(value, field))
    if seconds <= 0:
        raise _bad(flow, f"{field} is {value!r}; it must be more than 0 seconds")
    return seconds


def source_of(function: Callable[..., Any]) -> str:
    """`file:line` of a function; its name where it has no file."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None:
        return repr(function)
    file = Path(code.co_filename)
    return f"{file.resolve() if file.exists() else file}:{code.co_firstlineno}"


def _check_function(name: str, function: Any) -> None:
    if not callable(function):
        raise _bad(name, f"{function!r} can't be called", "put @hub.flow(…) above a function that takes ctx")
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise _bad(name, "its function is a generator", "return what it gives, or work with it in ctx.step()")
    try:
        inspect.signature(function).bind(None)
    except TypeError as error:
        raise _bad(name, f"its function does not take ctx alone: {error}", "def close_stale(ctx): …") from error
    except ValueError:
        pass  # a function of C, which tells nothing of itself


def _whole(flow: str, field: str, value: Any, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise _bad(flow, f"{field} is {value!r}; it must be a whole number from {least} to {most}")


def _bad(flow: str, why: str, hint: str = "", code: str = "config.flow") -> ConfigError:
    return ConfigError(f"flow '{flow}' can't be set up: {why}", code=code, hint=hint)
