"""The hub: connections by name, and the queue of what is to be written to them, in one store that processes share."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable, Sequence
from os import PathLike, fspath
from typing import overload

from switchgear import _core
from switchgear import retention as retentions
from switchgear.errors import CircuitOpenError, NotFound
from switchgear.flows.hub_flows import HubFlows
from switchgear.flows.methods import FlowMethods
from switchgear.hub_connections import HubConnections
from switchgear.jobs import Queue
from switchgear.retention import Retention
from switchgear.rules import Rule, Rules, When
from switchgear.rules import define as define_rule
from switchgear.running import run_forever
from switchgear.specification import OMITTED, Omitted
from switchgear.sync_runs import HubStatus, SyncRuns
from switchgear.sync_status import StoredError, SyncStatus
from switchgear.syncs import Run, RunEntity


class Hub(HubConnections, FlowMethods):
    """Connections and their queue, in one store, which any number of processes may open. Threads may share a hub.

    Args:
        store: a file for SQLite (made where there is none), or `postgresql://user@host/name`.
        key: seals what the hub itself must keep secret, such as refresh tokens that a server rotates: base64 of 32
            bytes. None: `SWITCHGEAR_KEY`, else the file `<store>.key` beside a SQLite store, made when needed.
        clock: what the store and flows take for the time; None: the system's.

    Raises:
        StoreError: for a store that can't be opened, or that a newer switchgear has changed.
    """

    def __init__(
        self,
        store: str | PathLike[str] = "switchgear.db",
        *,
        key: _core.Secret | None = None,
        clock: _core.Clock | None = None,
    ) -> None:
        super().__init__(_core.Store(fspath(store)) if clock is None else _core.Store(fspath(store), clock), key)
        self._workers: list[_core.QueueWorker] = []
        self._ends: list[threading.Event] = []
        self._syncs = SyncRuns(self, self._store)
        self._rules = Rules()
        self._flows = HubFlows(self, self._store, clock)

    @property
    def queue(self) -> Queue:
        """The jobs of this hub: what is to be written."""
        return Queue(self, _core.JobStore(self._store))

    # -- syncs

    def sync(
        self,
        id: str,
        entities: Sequence[str] | None = None,
        *,
        full: bool = False,
        progress: Callable[[RunEntity], object] | None = None,
        concurrency: int = 4,
        lease: float = 60.0,
    ) -> Run:
        """Brings what is new into the connection's destination, now, and returns what became of it.

        Each entity goes on where it was committed last: in a listing that was broken off, else with the records that
        changed since. Ctrl-C commits what was read and stops; a second one stops at once.

        Args:
            entities: these only; None: all that are to be synced.
            full: reads everything again, and marks what the source has no longer.
            progress: called with a `RunEntity` after each checkpoint.
            concurrency: entities at once, where the destination bears it.
            lease: seconds after which another process may take over from a dead one; renewed while it goes on.

        Returns:
            The run. What the source or the destination did wrong is in it: `run.raise_for_error()`.

        Raises:
            NotFound: there is no such connection or entity. ConfigError: it can't be synced as it is set up.
            Conflict: other runs sync all of these entities at the moment (`conflict.locked`).
            StoreError: the store can't be used; it is logged, and a `system.error` once this hub can record it.
            CircuitOpenError: the connection is paused or disconnected.
        """
        return self._syncs.run(id, entities, full=full, progress=progress, concurrency=concurrency, lease=lease)

    @overload
    def sync_status(self, id: str) -> SyncStatus: ...
    @overload
    def sync_status(self, id: None = None) -> list[SyncStatus]: ...
    def sync_status(self, id: str | None = None) -> SyncStatus | list[SyncStatus]:
        """How the syncs of a connection stand, or of all connections, by id.

        Raises:
            NotFound: there is no such connection, with the nearest id.
        """
        return self._syncs.all_statuses() if id is None else self._syncs.status(id)

    def runs(self, id: str | None = None, limit: int = 50, *, flow: str | None = None) -> list[Run]:
        """The runs of a connection, of a flow (`FlowRun`), or of all, the latest first."""
        if flow is not None:
            return list(self._flows.runs(flow, limit))
        syncs = self._syncs.runs(id, limit)
        if id is not None:
            return syncs
        return sorted([*syncs, *self._flows.runs("", limit)], key=lambda run: run.id, reverse=True)[:limit]

    def run(self, run_id: str) -> Run:
        """A run, with `.messages`; a `FlowRun`, with `.steps`, where it is a flow's.

        Raises:
            NotFound: there is none, or it is old and was removed.
        """
        try:
            return self._syncs.get(run_id)
        except NotFound:
            return self._flows.run_of(run_id)

    def errors(
        self, id: str | None = None, entity: str | None = None, since: datetime.datetime | None = None
    ) -> list[StoredError]:
        """What syncs have met, once for each entity and code, the latest first.

        Args:
            since: only what was met at or after that instant (an aware datetime).
        """
        return self._syncs.errors(id, entity, since)

    def status(self, id: str) -> HubStatus:
        """How the connection is, and since when: online, offline, auth_required, degraded, paused, disconnected …

        What this process has met itself counts first, then what the last run of any process met.
        """
        return self._syncs.connection_status(id)

    def diagnose(self, id: str) -> _core.Diagnosis:
        """Looks at the source as it is, and says what is wrong, how much of it, and what to do."""
        return self.connection(id).diagnose()

    # -- rules

    def rule(self, connection: str, entity: str, *, when: When, event: str, name: str | None = None) -> Rule:
        """Makes an event of each record that a sync brings and that fulfils a condition, once for each of its versions.

        Judged inside the sync, in this process, before the records are committed; the event is recorded when they are,
        whatever crashes in between. What versions are tells the entity's cursor, else the record's content. Its data
        are `entity`, `rule`, `key` and `record`.

        Args:
            when: a condition in DuckDB's SQL, `"Priority = 1 AND Status = 'OPEN'"`; or a function that is given a
                record as a dict, or, where its parameter is annotated so, a `pyarrow.RecordBatch`, and says yes or no
                (to each of its records). Where it can't be judged, the entity's sync fails with `config.rule`, and
                goes on there when the rule was mended.
            event: the event's type: "workorder.urgent".
            name: of the rule; None: the event's type. Another name fires anew.

        Raises:
            ConfigError (`config.rule`): for a condition that is none. Conflict: there is one of this name.
        """
        rule = define_rule(connection, entity, when, event, name)
        self._rules.add(rule)
        return rule

    def rules(self) -> list[Rule]:
        """The rules of this process."""
        return self._rules.all()

    def run_forever(self, *, concurrency: int = 4, poll: float = 1.0, workers: int = 4, webhooks: bool = True) -> None:
        """Syncs and runs flows when they are due, writes what is queued and sends webhooks, until Ctrl-C or `stop()`.

        Any number of processes may do it on one store: leases decide. After a pause (a laptop that slept) each
        connection is synced once, not once for each time it missed. Ending commits what was read.

        Args:
            concurrency: connections that are synced at once.
            poll: seconds between two looks at the store.
            workers: batches of queued writes under way at once; 0: none are written here.
            webhooks: whether events are sent to their endpoints here.
        """
        run_forever(
            self,
            self._syncs,
            concurrency=concurrency,
            poll=poll,
            workers=workers,
            deliveries=self._deliveries if webhooks else None,
        )
        self._keep_policies()

    def retention(
        self,
        *,
        runs: str | datetime.timedelta | Omitted | None = OMITTED,
        errors: str | datetime.timedelta | Omitted | None = OMITTED,
        deliveries: str | datetime.timedelta | Omitted | None = OMITTED,
    ) -> Retention:
        """How long this store keeps what is over, for all processes: what is given is changed. Returns what holds.

        `run_forever()` and `switchgear serve` remove what is older, now and every hour.

        Args:
            runs: of syncs and flows, that ended, with their messages: "90d" (the default), a timedelta, or None for
                ever.
            errors: since they were last met; "90d" by default.
            deliveries: webhooks that were sent or came, and are through; "30d" by default.

        Raises:
            ConfigError (`config.retention`): for what is no age.
        """
        given = {"runs": runs, "errors": errors, "deliveries": deliveries}
        settings = _core.SettingStore(self._store)
        return retentions.change(settings, {name: age for name, age in given.items() if age is not OMITTED})

    # -- work

    def work(
        self,
        concurrency: int = 4,
        *,
        until_idle: bool = False,
        lease: float = 60.0,
        name: str = "",
        retention: datetime.timedelta | None = retentions.DEFAULT,
    ) -> _core.WorkerStats:
        """Writes what is queued, in this thread and threads of its own, until Ctrl-C or until nothing is left.

        Any number of processes may work on the same store. When one is killed, the others take over what it had after
        `lease` seconds, and send again only what that can't double. Ctrl-C lets what is under way end; a second one
        ends it at once, and it is tried again later.

        Args:
            concurrency: batches under way at once, 1 to 64.
            until_idle: return when nothing is queued, waits for its time, or is under way in any process.
            lease: seconds, renewed while a batch goes on.
            name: who worked, for people to read. "": host and process.
            retention: jobs that ended longer ago are removed, now and every hour. None: none are.
        """
        worker = _core.QueueWorker(self._store, name=name, concurrency=concurrency, lease=lease, until_idle=until_idle)
        return self._work(worker, retention, None)

    def _work(
        self, worker: _core.QueueWorker, retention: datetime.timedelta | None, ending: threading.Event | None
    ) -> _core.WorkerStats:
        with self._lock:
            self._workers.append(worker)
        try:
            with retentions.removing_jobs(self.queue, retention):
                if ending is None or not ending.is_set():  # whoever sets it stops the workers that are here by then
                    worker.run(self._open_for_work)
        finally:
            with self._lock:
                self._workers.remove(worker)
            self._keep_policies()
        return worker.stats()

    def stop(self) -> None:
        """Ends `work()`, `sync()`, `run_flow()`, `send_webhooks()` and `run_forever()` of this hub, from any thread.

        What is under way ends, or commits what was read, before; a second call ends it now. A flow ends at the next
        call of its `ctx`, and goes on there when it is run again.
        """
        for end in list(self._ends):
            end.set()
        self._syncs.stop()
        self._deliveries.stop()
        self._flows.stop()
        with self._lock:
            for worker in self._workers:
                worker.stop()

    def _remove_old(self) -> None:
        keep = self.retention()
        self._syncs.remove_old(runs=keep.runs, errors=keep.errors)
        now = datetime.datetime.now(datetime.timezone.utc)
        if keep.runs is not None:
            self._flows.store.remove_before((now - keep.runs).timestamp())
        if keep.deliveries is not None:
            self._deliveries.remove_before(now - keep.deliveries)
            self.inbox.remove_before(now - keep.deliveries)

    def _open_for_work(self, id: str) -> _core.Connection:
        row = self._row(id)
        if row.state != "active":
            raise CircuitOpenError(
                f"connection '{id}' is {row.state}",
                code=f"circuit_open.{row.state}",
                hint="its jobs wait; hub.resume() or hub.reconnect() lets them go on",
                connection_id=id,
            )
        return self.connection(id)._core

    def __repr__(self) -> str:
        return f"<Hub {self._store.display}>"

    def _repr_html_(self) -> str:
        from switchgear.display import hub_html

        return hub_html(self)
