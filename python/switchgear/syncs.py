"""Runs: what `hub.sync()` and `hub.runs()` give, the same JSON everywhere."""

from __future__ import annotations

import datetime
from typing import Any

from switchgear import _core
from switchgear.diagnosis import iso
from switchgear.errors import Error
from switchgear.stored_rows import EntityRow, StoredRow, error_dict, error_of, time_text


class RunEntity(EntityRow):
    """An entity's part of a run: what was read and written, and how it ended."""

    __slots__ = ()

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
        """read, written, unchanged, rejected, rescued, deleted, pages, bytes, requests, retries, waited_seconds,
        checkpoints.
        """
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

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        row = self._row
        return {
            "entity": row.entity,
            "status": row.status,
            "mode": row.mode,
            "is_initial": row.is_initial,
            "started_at": time_text(row.started_at),
            "finished_at": time_text(row.finished_at),
            "watermark": row.watermark or None,
            "records_read": row.counts.read,
            "records_written": row.counts.written,
            "records_unchanged": row.counts.unchanged,
            "records_rejected": row.counts.rejected,
            "records_rescued": row.counts.rescued,
            "records_deleted": row.counts.deleted,
            "pages": row.counts.pages,
            "bytes": row.counts.bytes,
            "requests": row.counts.requests,
            "retries": row.counts.retries,
            "waited_seconds": row.counts.waited_seconds,
            "checkpoints": row.counts.checkpoints,
            "error": error_dict(row.error),
        }

    def __repr__(self) -> str:
        return f"<RunEntity {self.entity} {self.status}: {self.records_written} of {self.records_read} written>"


class RunMessage(StoredRow):
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


class Run(StoredRow):
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
            "finished_at": time_text(self.finished_at),
            "records_read": self.records_read,
            "records_written": self.records_written,
            "error": error_dict(self._row.error),
            "entities": [entity.to_dict() for entity in self.entities],
        }

    def __repr__(self) -> str:
        return f"<Run {self.id} of {self.connection_id}: {self.status}, {self.records_written:,} records written>"

    def _repr_html_(self) -> str:
        from switchgear.display import run_html

        return run_html(self)
