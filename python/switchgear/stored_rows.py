"""What the core has looked up in the store, read as attributes, and its errors: runs and statuses are made of it."""

from __future__ import annotations

import datetime
import json
from typing import Any

from switchgear.diagnosis import iso
from switchgear.errors import Error, from_core


def error_of(text: str) -> Error | None:
    """An error as the store keeps it; None for ""."""
    return error_from(text) if text else None


def error_from(text: str) -> Error:
    """An error as the store keeps it."""
    said = json.loads(text)
    wait = said.get("retry_after_ms")
    return from_core(
        said["category"],
        said["message"],
        code=said["code"],
        hint=said.get("hint", ""),
        retryable=said.get("retryable", False),
        retry_after=None if wait is None else wait / 1000,
        connection_id=said.get("connection_id", ""),
        entity=said.get("entity", ""),
        http_status=said.get("http_status", 0),
        request_id=said.get("request_id", ""),
    )


def error_text(error: Error) -> str:
    """An error as the store keeps it."""
    said = {name: value for name, value in error.to_dict().items() if value not in (None, "", False)}
    wait = said.pop("retry_after_seconds", None)
    return json.dumps(said if wait is None else {**said, "retry_after_ms": int(wait * 1000)})


def error_dict(text: str, **more: Any) -> dict[str, Any] | None:
    """The same for JSON, without what stands beside it; with `more`."""
    error = error_of(text)
    if error is None:
        return None
    said = error.to_dict()
    kept = ("category", "code", "message", "hint", "retry_after_seconds")
    return {name: said[name] for name in kept} | more


def time_text(at: datetime.datetime | None) -> str | None:
    """For JSON."""
    return None if at is None else iso(at)


class StoredRow:
    """What the core has looked up, read as attributes."""

    __slots__ = ("_row",)

    def __init__(self, row: Any) -> None:
        self._row = row

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        raise NotImplementedError

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]


class EntityRow(StoredRow):
    """What a run and a status say of an entity alike."""

    __slots__ = ()

    @property
    def entity(self) -> str:
        """Its name."""
        return str(self._row.entity)

    @property
    def status(self) -> str:
        """queued, in_progress, completed, failed or cancelled."""
        return str(self._row.status)

    @property
    def watermark(self) -> str | None:
        """How far it has come, as a value of its cursor."""
        return self._row.watermark or None

    @property
    def error(self) -> Error | None:
        """Why it failed."""
        return error_of(self._row.error)
