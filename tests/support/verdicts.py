"""What a check or a diagnosis says, as JSON, taken apart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from support.running import Shell

SERVICE = "/odata/v4/maintenance"
Plant = Callable[..., Shell]


def states(health: dict[str, Any]) -> dict[str, str]:
    """Stage -> state."""
    return {step["name"]: step["state"] for step in health["steps"]}


def stage(health: dict[str, Any]) -> str | None:
    """The stage that failed; all before it went well, none after it was tried."""
    words = list(states(health).values())
    if "failed" not in words:
        return None
    at = words.index("failed")
    assert words == ["ok"] * at + ["failed"] + ["skipped"] * (len(words) - at - 1)
    return list(states(health))[at]


def affected(diagnosis: dict[str, Any]) -> list[tuple[str | None, str, str]]:
    """(entity, operation, code)."""
    return [(each["entity"], each["operation"], each["code"]) for each in diagnosis["affected"]]
