"""The hub's syncs: runs them, and tells from the store how they stand."""

from __future__ import annotations

import datetime
import json
import logging
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from switchgear import _core
from switchgear.connection_info import naming_of, put_naming
from switchgear.diagnosis import iso
from switchgear.errors import CircuitOpenError, Conflict, Error, StoreError
from switchgear.kept_policies import KeptPolicies
from switchgear.schedule import check_timezone, parse_schedule
from switchgear.stored_rows import error_text
from switchgear.sync_destinations import check_destination, kept_destination, opener
from switchgear.sync_status import StoredError, SyncStatus
from switchgear.syncing import (
    check_entities,
    check_naming,
    json_duration,
    plans,
    schedule_text,
    table_names,
)
from switchgear.syncs import Run, RunEntity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from switchgear.hub import Hub

_log = logging.getLogger("switchgear.sync")
_NOT_THE_SOURCES = ("cancelled", "config", "internal", "store", "unsupported")
_OFFLINE = ("offline", "timeout", "unavailable", "circuit_open")


@dataclass(frozen=True)
class HubStatus:
    """How a connection is.

    Attributes:
        state: unknown, online, offline, auth_required, degraded, paused or disconnected.
        since: when that was seen first, as far as it is known.
        error: why it is not online.
    """

    connection_id: str
    state: str
    since: datetime.datetime | None
    error: Error | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "connection_id": self.connection_id,
            "status": self.state,
            "since": None if self.since is None else iso(self.since),
            "error": None if self.error is None else self.error.to_dict(),
        }


class SyncRuns:
    """What `hub.sync()` and its kin do. Threads may share it."""

    def __init__(self, hub: Hub, store: _core.Store) -> None:
        # The hub has this, and goes, with its connections to the store, as soon as nobody has it.
        self._hub: Hub = weakref.proxy(hub)
        self._store = store
        self._runs = _core.RunStore(store)
        self.statuses = _core.SyncStatusStore(store)
        self.policies = KeptPolicies(store)
        self._controls: set[_core.SyncControl] = set()
        self._lock = threading.Lock()

    def run(
        self,
        id: str,
        entities: Sequence[str] | None,
        *,
        full: bool = False,
        cause: str = "manual",
        progress: Callable[[RunEntity], object] | None = None,
        concurrency: int = 4,
        lease: float = 60.0,
        passed: Callable[[str], object] | None = None,
    ) -> Run:
        """See Hub.sync(); `passed` is told the places in which a crash is tried."""
        troubles = self._hub._troubles
        try:
            done = self._run(id, entities, full, cause, progress, concurrency, lease, passed)
        except StoreError as error:
            _log.error("the sync of %s could not go on: %s", id, error)
            troubles.met("store", error)
            raise
        with suppress(StoreError):  # it is kept, and told by the next one
            troubles.tell()
            troubles.over("store")
        return done

    def _run(
        self,
        id: str,
        entities: Sequence[str] | None,
        full: bool,
        cause: str,
        progress: Callable[[RunEntity], object] | None,
        concurrency: int,
        lease: float,
        passed: Callable[[str], object] | None,
    ) -> Run:
        row = self._hub._row(id)
        if row.state != "active":
            raise CircuitOpenError(
                f"connection '{id}' is {row.state}, and is not synced",
                code=f"circuit_open.{row.state}",
                hint="hub.resume() or hub.reconnect() lets it go on",
                connection_id=id,
            )
        where = opener(row.destination, id)
        plant = self._hub.connection(id)
        settings: dict[str, Any] = json.loads(row.entities_json)
        naming = naming_of(row)
        try:
            known = {entity.name: entity for entity in plant.entities()}
        except Error as error:
            if error.category in _NOT_THE_SOURCES:
                raise
            self.policies.keep(plant, well=False)
            said = error_text(error)
            failed = _core.failed_sync(
                self._store, plant._core, display=where.display, full=full, cause=cause, error_json=said
            )
            return Run(failed, self._runs)
        made = plans(id, known, settings, entities)
        tables = table_names(id, settings or known, settings, naming, any_case=where.one_writer)
        with self._control() as control:
            try:
                done = _core.run_sync(
                    self._store,
                    plant._core,
                    where.open,
                    display=where.display,
                    one_writer=where.one_writer,
                    plans=made,
                    tables=tables,
                    full=full,
                    cause=cause,
                    schema="",
                    concurrency=concurrency,
                    lease=lease,
                    control=control,
                    progress=None if progress is None else lambda entity: progress(RunEntity(entity)),
                    passed=passed,
                    snake_case=naming == "snake_case",
                    judge=self._hub._rules.judge_of(plant, settings),
                )
            except BaseException:
                self.policies.keep(plant, well=False)
                raise
        self.policies.keep(plant, well=done.status == "completed")
        return Run(done, self._runs)

    @contextmanager
    def _control(self) -> Iterator[_core.SyncControl]:
        control = _core.SyncControl()
        with self._lock:
            self._controls.add(control)
        try:
            yield control
        finally:
            with self._lock:
                self._controls.discard(control)

    def stop(self) -> None:
        """Ends every sync of this hub once it has committed what was read; again: at once."""
        with self._lock:
            for control in self._controls:
                control.stop()

    def status(self, id: str) -> SyncStatus:
        """See Hub.sync_status()."""
        return SyncStatus(self.statuses.get(id))

    def all_statuses(self) -> list[SyncStatus]:
        """See Hub.sync_status()."""
        return [SyncStatus(row) for row in self.statuses.all()]

    def runs(self, id: str | None, limit: int) -> list[Run]:
        """See Hub.runs()."""
        if id is not None:
            self._hub._row(id)
        return [Run(row, self._runs) for row in self._runs.latest(id or "", limit)]

    def get(self, run_id: str) -> Run:
        """See Hub.run()."""
        return Run(self._runs.get(run_id), self._runs)

    def errors(self, id: str | None, entity: str | None, since: datetime.datetime | None) -> list[StoredError]:
        """See Hub.errors()."""
        if id is not None:
            self._hub._row(id)
        seconds = None if since is None else since.timestamp()
        return [StoredError(row) for row in self._runs.errors(id or "", entity or "", seconds)]

    def remove_old(self, *, runs: datetime.timedelta | None, errors: datetime.timedelta | None) -> None:
        """Removes runs that ended, and errors that were last met, longer ago; None: none of them."""
        now = datetime.datetime.now(datetime.timezone.utc)
        before = [0.0 if age is None else max(0.0, now.timestamp() - age.total_seconds()) for age in (runs, errors)]
        self._runs.remove_before(*before)

    def connection_status(self, id: str) -> HubStatus:
        """See Hub.status()."""
        row = self._hub._row(id)
        if row.state != "active":
            return HubStatus(id, row.state, row.updated_at)
        live = self._hub.connection(id).status()
        if live.state != "unknown":
            return HubStatus(id, str(live.state), live.since, live.error)
        kept = self.status(id)
        error = kept.error
        if error is not None and error.category in _OFFLINE:
            return HubStatus(id, "offline", kept.last_finished_at, error)
        if error is not None and error.category.startswith("auth"):
            return HubStatus(id, "auth_required", kept.last_finished_at, error)
        if kept.last_finished_at is None:
            return HubStatus(id, "unknown", live.since, None)
        state = "online" if error is None else "degraded"
        return HubStatus(id, state, kept.last_finished_at, error)

    def plan(self, row: _core.StoredConnection) -> None:
        """Writes down when a connection is due next, and how often, by its schedule."""
        schedule = parse_schedule(row.schedule)
        at = schedule.next_after(datetime.datetime.now(datetime.timezone.utc), row.timezone, jitter_key=row.id)
        period = schedule.period(row.timezone)
        if at is not None or self.statuses.get(row.id).next_sync_at is not None:
            usual = None if period is None else period.total_seconds()
            self.statuses.set_next(row.id, None if at is None else at.timestamp(), usual)

    def set_up(self, row: _core.StoredConnection, given: Mapping[str, Any]) -> None:
        """Puts what is given of schedule, timezone, destination, entities and naming into the row, checked.

        Raises:
            ConfigError: for what can't be meant. Conflict: see refuse_collision().
        """
        if "schedule" in given:
            row.schedule = schedule_text(given["schedule"], row.id)
        zone = given.get("timezone", row.timezone)
        check_timezone(zone)
        row.timezone = zone
        parse_schedule(row.schedule)
        if "destination" in given:
            check_destination(given["destination"], row.id)
            row.destination = kept_destination(given["destination"])
        if "entities" in given:
            check_entities(row.id, given["entities"] or {})
            row.entities_json = json.dumps(dict(given["entities"] or {}), default=json_duration)
        if "naming" in given:
            check_naming(given["naming"], row.id)
            put_naming(row, given["naming"])
        self.refuse_collision(row)

    def refuse_collision(self, row: _core.StoredConnection) -> None:
        """Two connections whose ids give one schema's name would mix their tables.

        Raises:
            Conflict (`conflict.schema`): with the other's id.
        """
        if not row.destination:
            return
        mine = _core.schema_name(row.id)
        for info in self._hub.connections():
            if info.id != row.id and info.destination == row.destination and _core.schema_name(info.id) == mine:
                raise Conflict(
                    f"'{row.id}' and '{info.id}' would both write to the schema '{mine}' of {row.destination}",
                    code="conflict.schema",
                    hint="choose an id that differs in more than case and punctuation, or another destination",
                    connection_id=row.id,
                )
