"""Runs and how syncs stand: what `hub.sync()`, `hub.runs()` and `hub.sync_status()` give, the same JSON everywhere."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any

from switchgear import _core
from switchgear.diagnosis import iso
from switchgear.errors import Error, from_core


def error_of(text: str) -> Error | None:
    """An error as the store keeps it; None for ""."""
    return _error(text) if text else None


def _error(text: str) -> Error:
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


def _error_dict(text: str, **more: Any) -> dict[str, Any] | None:
    error = error_of(text)
    if error is None:
        return None
    said = error.to_dict()
    kept = ("category", "code", "message", "hint", "retry_after_seconds")
    return {name: said[name] for name in kept} | more


def _time(at: datetime.datetime | None) -> str | None:
    return None if at is None else iso(at)


class _Row:
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


class RunEntity(_Row):
    """An entity's part of a run: what was read and written, and how it ended."""

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
    def mode(self) -> str:
        """append, replace or upsert."""
        return str(self._row.mode)

    @property
    def is_initial(self) -> bool:
        """Whether it had never been read to its end when this began."""
        return bool(self._row.is_initial)

    @property
    def counts(self) -> _core.RunCounts:
        """read, written, unchanged, rejected, rescued, pages, bytes, requests, retries, waited_seconds, checkpoints."""
        counts: _core.RunCounts = self._row.counts
        return counts

    @property
    def records_read(self) -> int:
        """That the source sent."""
        return self.counts.read

    @property
    def records_written(self) -> int:
        """Of these: that were brought into the destination."""
        return self.counts.written

    @property
    def watermark(self) -> str | None:
        """How far it has come, as a value of its cursor."""
        return self._row.watermark or None

    @property
    def error(self) -> Error | None:
        """Why it failed."""
        return error_of(self._row.error)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        row = self._row
        return {
            "entity": row.entity,
            "status": row.status,
            "mode": row.mode,
            "is_initial": row.is_initial,
            "started_at": _time(row.started_at),
            "finished_at": _time(row.finished_at),
            "watermark": row.watermark or None,
            "records_read": row.counts.read,
            "records_written": row.counts.written,
            "records_unchanged": row.counts.unchanged,
            "records_rejected": row.counts.rejected,
            "records_rescued": row.counts.rescued,
            "pages": row.counts.pages,
            "bytes": row.counts.bytes,
            "requests": row.counts.requests,
            "retries": row.counts.retries,
            "waited_seconds": row.counts.waited_seconds,
            "checkpoints": row.counts.checkpoints,
            "error": _error_dict(row.error),
        }

    def __repr__(self) -> str:
        return f"<RunEntity {self.entity} {self.status}: {self.records_written} of {self.records_read} written>"


class RunMessage(_Row):
    """Something that a run had to say: `at`, `level` (info, warning, error), `entity`, `text`."""

    __slots__ = ()

    @property
    def at(self) -> datetime.datetime:
        """When, in UTC."""
        at: datetime.datetime = self._row.at
        return at

    @property
    def level(self) -> str:
        """info, warning or error."""
        return str(self._row.level)

    @property
    def entity(self) -> str:
        """What it is about; "": the whole run."""
        return str(self._row.entity)

    @property
    def text(self) -> str:
        """In words."""
        return str(self._row.text)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"at": iso(self.at), "level": self.level, "entity": self.entity or None, "text": self.text}

    def __repr__(self) -> str:
        return f"<{iso(self.at)} {self.level} {self.entity or '-'}: {self.text}>"


class Run(_Row):
    """One sync of a connection: when, what became of each entity, and what it had to say.

    `status` is queued, in_progress, completed, failed, partial (some entities failed) or cancelled. A run whose process
    died is failed, and its error has the code `failed.interrupted`.
    """

    __slots__ = ("_runs",)

    def __init__(self, row: _core.RunRow, runs: _core.RunStore) -> None:
        super().__init__(row)
        self._runs = runs

    @property
    def id(self) -> str:
        """Sorts by time."""
        return str(self._row.id)

    @property
    def connection_id(self) -> str:
        """What was synced."""
        return str(self._row.connection_id)

    @property
    def status(self) -> str:
        """queued, in_progress, completed, failed, partial or cancelled."""
        return str(self._row.status)

    @property
    def cause(self) -> str:
        """manual, schedule, flow or webhook."""
        return str(self._row.cause)

    @property
    def full(self) -> bool:
        """Whether everything was asked for, not only what changed."""
        return bool(self._row.full)

    @property
    def destination(self) -> str:
        """Where to, without a password."""
        return str(self._row.destination)

    @property
    def started_at(self) -> datetime.datetime:
        """In UTC."""
        at: datetime.datetime = self._row.started_at
        return at

    @property
    def finished_at(self) -> datetime.datetime | None:
        """In UTC; None while it is under way."""
        at: datetime.datetime | None = self._row.finished_at
        return at

    @property
    def entities(self) -> list[RunEntity]:
        """By name."""
        return [RunEntity(row) for row in self._row.entities]

    @property
    def error(self) -> Error | None:
        """The first that an entity failed with."""
        return error_of(self._row.error)

    @property
    def records_read(self) -> int:
        """Of all entities."""
        return int(self._row.counts.read)

    @property
    def records_written(self) -> int:
        """Of all entities."""
        return int(self._row.counts.written)

    @property
    def messages(self) -> list[RunMessage]:
        """What it had to say, the first 1,000."""
        return [RunMessage(row) for row in self._runs.messages(self.id)]

    def raise_for_error(self) -> Run:
        """Raises what it failed with, partly or whole; else gives the run back."""
        if (error := self.error) is not None:
            raise error
        return self

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "id": self.id,
            "connection_id": self.connection_id,
            "status": self.status,
            "cause": self.cause,
            "full": self.full,
            "destination": self.destination,
            "started_at": iso(self.started_at),
            "finished_at": _time(self.finished_at),
            "records_read": self.records_read,
            "records_written": self.records_written,
            "error": _error_dict(self._row.error),
            "entities": [entity.to_dict() for entity in self.entities],
        }

    def __repr__(self) -> str:
        return f"<Run {self.id} of {self.connection_id}: {self.status}, {self.records_written:,} records written>"

    def _repr_html_(self) -> str:
        from switchgear.display import run_html

        return run_html(self)


class EntitySyncStatus(_Row):
    """How an entity's sync stands."""

    __slots__ = ()

    @property
    def entity(self) -> str:
        """Its name."""
        return str(self._row.entity)

    @property
    def status(self) -> str:
        """Of its last run: queued, in_progress, completed, failed or cancelled."""
        return str(self._row.status)

    @property
    def last_success_at(self) -> datetime.datetime | None:
        """In UTC."""
        at: datetime.datetime | None = self._row.last_success_at
        return at

    @property
    def watermark(self) -> str | None:
        """How far it has come, as a value of its cursor."""
        return self._row.watermark or None

    @property
    def error(self) -> Error | None:
        """Why its last run failed."""
        return error_of(self._row.error)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        row = self._row
        return {
            "entity": row.entity,
            "status": row.status,
            "last_success_at": _time(row.last_success_at),
            "watermark": row.watermark or None,
            "records_read": row.counts.read,
            "records_written": row.counts.written,
            "records_rejected": row.counts.rejected,
            "error": _error_dict(row.error),
        }

    def __repr__(self) -> str:
        return f"<EntitySyncStatus {self.entity}: {self.status}>"


class SyncStatus(_Row):
    """How a connection's syncs stand, true at the moment it was asked for.

    `status` is never, queued, in_progress, completed, failed, partial, cancelled, or paused where nothing may be sent.
    `freshness` is on_time up to 1.5 times the usual distance of two syncs after the last success, late up to 3 times,
    else stale; unscheduled where there is no schedule.
    """

    __slots__ = ()

    @property
    def connection_id(self) -> str:
        """Whose."""
        return str(self._row.connection_id)

    @property
    def status(self) -> str:
        """never, queued, in_progress, completed, failed, partial, cancelled or paused."""
        return str(self._row.status)

    @property
    def last_success_at(self) -> datetime.datetime | None:
        """End of the last run that completed, in UTC."""
        at: datetime.datetime | None = self._row.last_success_at
        return at

    @property
    def last_started_at(self) -> datetime.datetime | None:
        """In UTC."""
        at: datetime.datetime | None = self._row.last_started_at
        return at

    @property
    def last_finished_at(self) -> datetime.datetime | None:
        """In UTC."""
        at: datetime.datetime | None = self._row.last_finished_at
        return at

    @property
    def next_sync_at(self) -> datetime.datetime | None:
        """In UTC; None where there is no schedule."""
        at: datetime.datetime | None = self._row.next_sync_at
        return at

    @property
    def is_initial(self) -> bool:
        """Whether an entity has never been read to its end."""
        return bool(self._row.is_initial)

    @property
    def freshness(self) -> str:
        """on_time, late, stale or unscheduled."""
        return str(self._row.freshness)

    @property
    def run_id(self) -> str | None:
        """The last run."""
        return self._row.run_id or None

    @property
    def error(self) -> Error | None:
        """What the last run failed with."""
        return error_of(self._row.error)

    @property
    def entities(self) -> list[EntitySyncStatus]:
        """By name: those that a run has had."""
        return [EntitySyncStatus(row) for row in self._row.entities]

    def to_dict(self) -> dict[str, Any]:
        """The same JSON as in `switchgear status --json` and `GET /sync-status`."""
        row = self._row
        return {
            "connection_id": row.connection_id,
            "status": row.status,
            "last_success_at": _time(row.last_success_at),
            "last_started_at": _time(row.last_started_at),
            "last_finished_at": _time(row.last_finished_at),
            "next_sync_at": _time(row.next_sync_at),
            "is_initial": row.is_initial,
            "freshness": row.freshness,
            "error": _error_dict(row.error, run_id=row.run_id),
            "entities": [EntitySyncStatus(entity).to_dict() for entity in row.entities],
        }

    def __repr__(self) -> str:
        return f"<SyncStatus {self.connection_id}: {self.status}, {self.freshness}>"

    def _repr_html_(self) -> str:
        from switchgear.display import sync_status_html

        return sync_status_html([self])


class StoredError(_Row):
    """An error of a connection, kept once for each entity and code, with how often it was met and when."""

    __slots__ = ()

    @property
    def connection_id(self) -> str:
        """Whose."""
        return str(self._row.connection_id)

    @property
    def entity(self) -> str | None:
        """Of which entity; None: of the whole connection."""
        return self._row.entity or None

    @property
    def error(self) -> Error:
        """The last one."""
        return _error(self._row.error)

    @property
    def count(self) -> int:
        """How often."""
        return int(self._row.count)

    @property
    def run_id(self) -> str:
        """Of the run that met it last."""
        return str(self._row.run_id)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        row = self._row
        said: Mapping[str, Any] = _error_dict(row.error) or {}
        return {
            "connection_id": row.connection_id,
            "entity": row.entity or None,
            **said,
            "count": row.count,
            "first_at": iso(row.first_at),
            "last_at": iso(row.last_at),
            "run_id": row.run_id,
        }

    def __repr__(self) -> str:
        return f"<StoredError {self.count} x {self.error}>"
