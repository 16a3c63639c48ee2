"""Executions of flows as users see them: runs among the other runs, with steps besides."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

from switchgear.diagnosis import iso
from switchgear.stored_rows import StoredRow, error_dict, error_of, time_text
from switchgear.syncs import Run

if TYPE_CHECKING:
    from switchgear import _core
    from switchgear.errors import Error


class FlowStepRun(StoredRow):
    """A step of a flow's run: how often it was begun, and what became of it."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """As the flow calls it."""
        return str(self._row.name)

    @property
    def status(self) -> str:
        """in_progress, completed or failed."""
        return str(self._row.status)

    @property
    def attempts(self) -> int:
        """How often it was begun."""
        return int(self._row.attempts)

    @property
    def result(self) -> Any:
        """What it returned; None unless it has completed."""
        return json.loads(self._row.result_json) if self._row.result_json else None

    @property
    def error(self) -> Error | None:
        """Why it failed."""
        return error_of(self._row.error)

    def to_dict(self) -> dict[str, Any]:
        """For JSON, without the result."""
        row = self._row
        return {
            "name": row.name,
            "status": row.status,
            "attempts": row.attempts,
            "started_at": iso(row.started_at),
            "finished_at": time_text(row.finished_at),
            "error": error_dict(row.error),
        }

    def __repr__(self) -> str:
        return f"<FlowStepRun {self.name}: {self.status}, {self.attempts} attempts>"

    def _repr_html_(self) -> str:
        from switchgear.display import steps_html

        return steps_html([self])


class FlowRun(Run):
    """An execution of a flow: when, what became of it, its steps, and what it had to say.

    `status` is in_progress, completed, partial (it came to its end, but records of its batches failed), failed or
    cancelled. A run whose process died is failed, and its error has the code `failed.interrupted`; it is taken up again
    when the flow is run again, and by `hub.run_forever()`.
    """

    __slots__ = ("_flows",)

    def __init__(self, row: _core.FlowRunRow, flows: _core.FlowStore) -> None:
        super().__init__(row, flows)  # type: ignore[arg-type]
        self._flows = flows

    @property
    def flow(self) -> str:
        """Its flow's name."""
        return str(self._row.flow)

    @property
    def connection_id(self) -> str:
        """A flow belongs to no connection."""
        return ""

    @property
    def cause(self) -> str:
        """manual, schedule, event or http."""
        return str(self._row.cause)

    @property
    def params(self) -> dict[str, Any]:
        """What it was begun with."""
        params: dict[str, Any] = json.loads(self._row.params_json)
        return params

    @property
    def event_id(self) -> str | None:
        """The event that began it."""
        return self._row.event_id or None

    @property
    def full(self) -> bool:
        """Of syncs."""
        return False

    @property
    def destination(self) -> str:
        """Of syncs."""
        return ""

    @property
    def entities(self) -> list[Any]:
        """Of syncs."""
        return []

    @property
    def attempts(self) -> int:
        """How often it was begun or taken up."""
        return int(self._row.token)

    @property
    def counts(self) -> dict[str, int]:
        """Records of its batches: ok, failed, unknown, skipped."""
        counts = self._row.counts
        return {name: int(getattr(counts, name)) for name in ("ok", "failed", "unknown", "skipped")}

    @property
    def records_read(self) -> int:
        """Of its batches."""
        return sum(self.counts.values())

    @property
    def records_written(self) -> int:
        """Of its batches."""
        return self.counts["ok"]

    @property
    def steps(self) -> list[FlowStepRun]:
        """In the order in which they began."""
        return [FlowStepRun(row) for row in self._flows.steps(self.id)]

    @property
    def started_at(self) -> datetime.datetime:
        """When it was begun first, in UTC."""
        at: datetime.datetime = self._row.started_at
        return at

    def raise_for_error(self) -> FlowRun:
        """Raises what it failed with; else gives the run back."""
        super().raise_for_error()
        return self

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "id": self.id,
            "flow": self.flow,
            "connection_id": None,
            "status": self.status,
            "cause": self.cause,
            "params": self.params,
            "event_id": self.event_id,
            "attempts": self.attempts,
            "started_at": iso(self.started_at),
            "finished_at": time_text(self.finished_at),
            "records": self.counts,
            "records_read": self.records_read,
            "records_written": self.records_written,
            "error": error_dict(self._row.error),
            "steps": [step.to_dict() for step in self.steps],
        }

    def _repr_html_(self) -> str:
        from switchgear.display import flow_run_html

        return flow_run_html(self)

    def __repr__(self) -> str:
        return f"<FlowRun {self.id} of flow {self.flow}: {self.status}>"
