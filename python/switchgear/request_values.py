"""Python's values on their way into a request: conditions, orders, instants, settings. Wrong ones are refused here."""

from __future__ import annotations

import datetime
import decimal
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, overload

from switchgear.errors import ConfigError


@dataclass(frozen=True)
class raw:  # noqa: N801 - reads as a function: where=sg.raw("…")
    """A filter in the source's own language, passed on as it is."""

    text: str


Condition = tuple[str, str, Any]
Where = Sequence[Condition] | raw | None

OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "in")


def json_value(value: object) -> Any:
    """What JSON has for a value it does not know: `default=` of json.dumps."""
    if isinstance(value, datetime.date):
        return instant_text(value)
    if isinstance(value, datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset | Iterator):
        return list(cast("Iterable[Any]", value))
    raise ConfigError(f"a value of type {type(value).__name__} can't be sent: {value!r}", code="config.value")


def instant_text(value: str | datetime.date) -> str:
    """A date as it is; an instant in UTC. One without zone is refused: nobody can know which was meant."""
    if isinstance(value, str):
        return value
    if not isinstance(value, datetime.datetime):
        return value.isoformat()
    if value.tzinfo is None:
        raise ConfigError(
            f"{value!r} has no time zone",
            code="config.time_zone",
            hint="datetime(…, tzinfo=timezone.utc), or a date, or text such as '2026-01-31T00:00:00Z'",
        )
    return value.astimezone(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


def conditions_json(where: Sequence[Condition]) -> str:
    """Conditions that must all hold, as connectors take them."""
    for condition in where:
        if not isinstance(condition, tuple | list) or len(condition) != 3:
            raise ConfigError(f"{condition!r} is no condition", code="config.where", hint='("Status", "=", "OPEN")')
        if condition[1] not in OPERATORS:
            raise ConfigError(
                f"{condition[1]!r} is no operator of a condition",
                code="config.where",
                hint=f"one of {' '.join(OPERATORS)}",
            )
    return json.dumps([list(condition) for condition in where], default=json_value) if where else ""


def order_json(order: Sequence[tuple[str, str] | str] | None) -> str:
    """An order, as connectors take it."""
    if not order:
        return ""
    pairs = [(entry, "asc") if isinstance(entry, str) else tuple(entry) for entry in order]
    for pair in pairs:
        if len(pair) != 2 or pair[1] not in ("asc", "desc"):
            raise ConfigError(f"{pair!r} is no order", code="config.order", hint='["ChangedAt", ("Priority", "desc")]')
    return json.dumps(pairs)


@overload
def at_least(name: str, value: int, least: int) -> int: ...
@overload
def at_least(name: str, value: int | None, least: int) -> int | None: ...
def at_least(name: str, value: int | None, least: int) -> int | None:
    """The same number, or none; refused where it is below `least` or no whole number."""
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
        raise ConfigError(f"{name}={value!r} must be a whole number from {least} on", code=f"config.{name}")
    return value
