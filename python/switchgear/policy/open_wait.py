"""How long a circuit breaker stays open."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from switchgear.errors import ConfigError

Seconds: TypeAlias = "float | datetime.timedelta"


@dataclass(frozen=True)
class Backoff:
    """Waits that grow: `initial` seconds, each next one `factor` times as long, at most `cap`.

    Raises:
        ConfigError: for waits that can't be: `initial` not above 0, `factor` not from 1 to 100, `cap` below `initial`.
    """

    initial: Seconds
    factor: float = 1.5
    cap: Seconds = 300.0

    def __post_init__(self) -> None:
        initial, cap = _number("initial", self.initial), _number("cap", self.cap)
        if not 0 < cap <= 365 * 86400:
            raise _refusal("cap", self.cap, "above 0 s and at most 365 days")
        if not 0 < initial <= cap:
            raise _refusal("initial", self.initial, f"above 0 s and at most cap, {cap:g} s")
        if not 1 <= _number("factor", self.factor) <= 100:
            raise _refusal("factor", self.factor, "from 1 to 100")


OpenFor: TypeAlias = "Seconds | Backoff | Callable[[int], Seconds]"


def _number(field: str, value: object) -> float:
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refusal(field, value, "a number")
    return float(value)


def _refusal(field: str, value: object, allowed: str) -> ConfigError:
    return ConfigError(f"Backoff.{field} is {value!r}; it must be {allowed}", hint=f"correct {field}")
