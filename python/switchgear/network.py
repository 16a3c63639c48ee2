"""How a connection reaches its source: waits, certificates, and what may stand in for the network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from switchgear import _core


@dataclass(frozen=True)
class Timeouts:
    """Seconds: `connect` for DNS, TCP and TLS together; `stalled` without a byte; `total` for one attempt in all."""

    connect: float = 10.0
    stalled: float = 30.0
    total: float = 300.0


@dataclass(frozen=True)
class Tls:
    """How the source's certificate is checked.

    Attributes:
        ca_file: PEM file of the authorities to trust, instead of the system's.
        verify: False switches the check off: whoever sits between can read and change everything.
        pinned_public_key: `sha256//…` (curl's form), several separated by `;`.
    """

    ca_file: str = ""
    verify: bool = True
    pinned_public_key: str = ""


class HasTransport(Protocol):
    """Anything that stands in for the network: `switchgear.testing.RecordedTransport`."""

    def _transport(self, options: _core.TransportOptions, redactor: _core.Redactor) -> _core.Transport: ...


@lru_cache(maxsize=1)
def use_certifi() -> None:
    """Minimal containers have no CA store; certifi's is better than none."""
    try:
        import certifi
    except ImportError:
        return
    _core.set_fallback_ca_file(certifi.where())
