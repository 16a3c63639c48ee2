"""How syncs stand, and what they have met: `hub.sync_status()` and `hub.errors()`, the same JSON everywhere."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from switchgear.diagnosis import iso
from switchgear.errors import Error
from switchgear.stored_rows import EntityRow, StoredRow, error_dict, error_from, error_of, time_text


class EntitySyncStatus(EntityRow):
    """How an entity's sync stands."""

    __slots__ = ()

    @property
    def last_success_at(self) -> datetime.datetime | None:
        """In UTC."""
        at: datetime.datetime | None = self._row.last_success_at
        return at

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        row = self._row
        return {
            "entity": row.entity,
            "status": row.status,
            "last_success_at": time_text(row.last_success_at),
            "watermark": row.watermark or None,
            "records_read": row.counts.read,
            "records_written": row.counts.written,
            "records_rejected": row.counts.rejected,
            "error": error_dict(row.error),
        }

    def __repr__(self) -> str:
        return f"<EntitySyncStatus {self.entity}: {self.status}>"


class SyncStatus(StoredRow):
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
            "last_success_at": time_text(row.last_success_at),
            "last_started_at": time_text(row.last_started_at),
            "last_finished_at": time_text(row.last_finished_at),
            "next_sync_at": time_text(row.next_sync_at),
            "is_initial": row.is_initial,
            "freshness": row.freshness,
            "error": error_dict(row.error, run_id=row.run_id),
            "entities": [EntitySyncStatus(entity).to_dict() for entity in row.entities],
        }

    def __repr__(self) -> str:
        return f"<SyncStatus {self.connection_id}: {self.status}, {self.freshness}>"

    def _repr_html_(self) -> str:
        from switchgear.display import sync_status_html

        return sync_status_html([self])


class StoredError(StoredRow):
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
        return error_from(self._row.error)

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
        said: Mapping[str, Any] = error_dict(row.error) or {}
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
