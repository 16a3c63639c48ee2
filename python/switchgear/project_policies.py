"""A connection's policies in the project file: what they may be, and the objects that they make.

rate_limit = "100/s"                                # or {rate = "100/s", burst = 20}, or false
breaker = {window = {seconds = 60}, open_for = {initial = 5, factor = 1.5}}     # or false
retry = {attempts = 5, cap = 60}                    # or false
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from switchgear.errors import ConfigError
from switchgear.policy import Backoff, CircuitBreaker, RateLimiter, Retry
from switchgear.toml_file import Either, Keys, Layer, Number, Off, Shape, Table, Text

_BREAKER = Table(
    {
        "failure_rate": Number(),
        "slow_rate": Number(),
        "window": Either(Table({"seconds": Number(whole=True)}, required=("seconds",)), Number(whole=True)),
        "min_calls": Number(whole=True),
        "open_for": Either(Table({"initial": Number(), "factor": Number(), "cap": Number()}, ("initial",)), Number()),
        "half_open_calls": Number(whole=True),
        "half_open_max_wait": Number(),
        "slow_call": Number(),
    }
)
_RETRY = Table(
    {
        "attempts": Number(whole=True),
        "base": Number(),
        "cap": Number(),
        **{name: Number(whole=True) for name in ("quota", "retry_cost", "timeout_cost")},
    }
)
POLICIES: dict[str, Shape] = {
    "rate_limit": Either(Table({"rate": Text(), "burst": Number(whole=True)}, ("rate",)), Off(or_text=True)),
    "breaker": Either(_BREAKER, Off()),
    "retry": Either(_RETRY, Off()),
}


def _rate_limit(given: Any) -> RateLimiter:
    return RateLimiter(**given) if isinstance(given, dict) else RateLimiter(given)


def _breaker(given: dict[str, Any]) -> CircuitBreaker:
    settings = dict(given)
    if isinstance(settings.get("window"), dict):
        settings["window"] = datetime.timedelta(seconds=settings["window"]["seconds"])
    if isinstance(settings.get("open_for"), dict):
        settings["open_for"] = Backoff(**settings["open_for"])
    return CircuitBreaker(**settings)


_MAKERS: dict[str, Callable[[Any], Any]] = {
    "rate_limit": _rate_limit,
    "breaker": _breaker,
    "retry": lambda given: Retry(**given),
}


def policy_from(layer: Layer, keys: Keys, given: Any) -> Any:
    """A policy of a connection, `false` being none."""
    if given is False:
        return None
    try:
        return _MAKERS[keys[-1]](given)
    except ConfigError as error:
        spoken_of = next((name for name in given if name in error.message), "") if isinstance(given, dict) else ""
        raise layer.fail((*keys, spoken_of) if spoken_of else keys, error.message, error.hint) from error
