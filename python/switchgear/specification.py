"""All that makes a connection, as values: what `connect()` is given, what is pickled, and what a hub stores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

from switchgear import _core
from switchgear.auth import Auth, Secret
from switchgear.errors import ConfigError
from switchgear.network import Timeouts, Tls
from switchgear.policy import CircuitBreaker, RateLimiter, Retry

T = TypeVar("T")


class Omitted(Enum):
    """What stands where a setting was left out, so that None can mean "off"."""

    OMITTED = "the default"


OMITTED = Omitted.OMITTED


@dataclass(frozen=True)
class Specification:
    """All that makes a connection, without anything live: what is pickled, stored and shown."""

    connector: str
    id: str
    config: Mapping[str, Any]
    secrets: Mapping[str, Secret]
    auth: Auth | None = None
    timeout: Timeouts = field(default_factory=Timeouts)
    tls: Tls = field(default_factory=Tls)
    rate_limit: RateLimiter | Omitted | None = OMITTED
    breaker: CircuitBreaker | Omitted | None = OMITTED
    retry: Retry | Omitted | None = OMITTED
    proxy: str = ""
    max_reply_bytes: int = 256 << 20
    sha256: str = ""


def guard_of(specification: Specification) -> _core.GuardOptions:
    """The connection's policies, with a default where nothing was said."""
    retry, breaker, rate_limit = specification.retry, specification.breaker, specification.rate_limit
    if isinstance(breaker, Omitted):
        # A probe may take as long as any other call before it counts as lost.
        breaker = CircuitBreaker(half_open_max_wait=specification.timeout.total)
    return _core.GuardOptions(
        retry=Retry() if isinstance(retry, Omitted) else retry and retry._as_template(),
        breaker=breaker and breaker._as_template(),
        rate_limit=RateLimiter() if isinstance(rate_limit, Omitted) else rate_limit,
    )


def template(name: str, kind: type[T], given: T | Omitted | None) -> T | Omitted | None:
    """A policy whose parameters are to be taken. Raises ConfigError for what is none of that kind."""
    if given is None or isinstance(given, kind | Omitted):
        return given
    what = f"a text like '100/s', a {kind.__name__}" if name == "rate_limit" else f"a {kind.__name__}"
    raise ConfigError(f"{name} is {given!r}; it must be {what}, or None for none", hint=f"correct {name}")
