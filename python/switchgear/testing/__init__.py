"""What tests of code that uses switchgear need: clocks to turn by hand, recorded exchanges, faulty networks."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from switchgear._core import ManualClock

if TYPE_CHECKING:
    from switchgear.testing.fault_proxy import FaultProxy as FaultProxy
    from switchgear.testing.fault_proxy import Faults as Faults
    from switchgear.testing.fault_proxy import ProxyStats as ProxyStats
    from switchgear.testing.recorded_transport import RecordedTransport as RecordedTransport

_HOMES = {
    "FaultProxy": "switchgear.testing.fault_proxy",
    "Faults": "switchgear.testing.fault_proxy",
    "ProxyStats": "switchgear.testing.fault_proxy",
    "RecordedTransport": "switchgear.testing.recorded_transport",
}

__all__ = ["FaultProxy", "Faults", "ManualClock", "ProxyStats", "RecordedTransport"]


def __getattr__(name: str) -> object:
    # Lazily: asyncio and the like are only loaded by those who ask.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
