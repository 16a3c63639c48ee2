"""Which connectors there are."""

from __future__ import annotations

from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path

from switchgear import _core


def registry() -> _core.ConnectorRegistry:
    """Where connectors are looked for: environment, installed packages, the user's folder, the bundled ones."""
    bundled = Path(_core.__file__).parent / "connectors"
    return _core.ConnectorRegistry(_core.ConnectorRegistry.default_places(_package_places(), str(bundled)))


@lru_cache(maxsize=1)
def _package_places() -> list[_core.ConnectorPlace]:
    places = []
    for point in entry_points(group="switchgear.connectors"):
        found = point.load()
        path = found() if callable(found) else found
        places.append(_core.ConnectorPlace(str(path), f"entry point {point.name} of {point.value.split(':')[0]}"))
    return places
