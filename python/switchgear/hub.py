"""The hub: connections by name, and the queue of what is to be written to them, in one store that processes share."""

from __future__ import annotations

import dataclasses
import datetime
import threading
from collections.abc import Callable, Mapping, Sequence
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any, overload

from switchgear import _core
from switchgear import retention as retentions
from switchgear.connection import Connection, connect
from switchgear.connection_info import StoredConnectionInfo, info_of, settings_of
from switchgear.errors import CircuitOpenError, Conflict
from switchgear.jobs import Queue
from switchgear.running import run_forever
from switchgear.specification import Specification
from switchgear.stored import from_row, keeping_tokens, to_row
from switchgear.sync_runs import HubStatus, SyncRuns
from switchgear.syncs import Run, RunEntity, StoredError, SyncStatus

if TYPE_CHECKING:
    from switchgear.auth import Auth
    from switchgear.project import Project

_ROW_FIELDS = ("schedule", "timezone", "destination", "entities")
_OPTIONS = tuple(
    field.name for field in dataclasses.fields(Specification) if field.name not in ("id", "config", "secrets")
)


class Hub:
    """Connections and their queue, in one store, which any number of processes may open. Threads may share a hub.

    Args:
        store: a file for SQLite (made where there is none), or `postgresql://user@host/name`.
        key: seals what the hub itself must keep secret, such as refresh tokens that a server rotates: base64 of 32
            bytes. None: `SWITCHGEAR_KEY`, else the file `<store>.key` beside a SQLite store, made when needed.

    Raises:
        StoreError: for a store that can't be opened, or that a newer switchgear has changed.
    """

    def __init__(self, store: str | PathLike[str] = "switchgear.db", *, key: _core.Secret | None = None) -> None:
        self._store = _core.Store(fspath(store))
        self._connections = _core.ConnectionStore(self._store)
        self._tokens = _core.StoredTokens(self._store, key)
        self._opened: dict[str, tuple[int, Connection]] = {}
        self._workers: list[_core.QueueWorker] = []
        self._ends: list[threading.Event] = []
        self._lock = threading.Lock()
        self.queue = Queue(self, _core.JobStore(self._store))
        self._syncs = SyncRuns(self, self._store)

    # -- connections

    def add(
        self,
        id: str,
        connector: str,
        config: Mapping[str, Any] | None = None,
        *,
        auth: Auth | None = None,
        schedule: str | datetime.timedelta = "",
        timezone: str = "UTC",
        destination: str = "",
        entities: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Connection:
        """Keeps a connection under its id, and opens it; nothing is sent.

        Args:
            id: its name, from now on.
            connector, auth: as in `connect()`. Secrets are kept by reference only: `Secret.env`, `.file`, `.keyring`.
            config: the connector's own settings and secrets.
            schedule, timezone, destination, entities: of its syncs.
            options: what else `connect()` takes: rate_limit, breaker, retry, timeout, tls, proxy …

        Raises:
            Conflict: there is one with this id (`hub.update()` changes it).
            ConfigError: for what `connect()` refuses, and a secret that is no reference.
        """
        auth = auth and keeping_tokens(auth, self._tokens)
        plant = connect(connector, id=id, auth=auth, **options, **dict(config or {}))
        row = to_row(plant._specification, _core.StoredConnection())
        syncs = {"schedule": schedule, "timezone": timezone, "destination": destination, "entities": entities}
        self._syncs.set_up(row, syncs)
        self._connections.add(row)
        self._syncs.plan(row)
        return self.connection(id)

    def update(self, id: str, config: Mapping[str, Any] | None = None, **changes: Any) -> Connection:
        """Changes what is given, and nothing else, for all processes: whoever uses it next gets it as it is now.

        Args:
            config: replaces these of the connector's own settings.
            changes: connector, auth, schedule, timezone, destination, entities, and the options of `add()`.

        Raises:
            NotFound: there is no such connection. Conflict: the project file owns it, or it was changed meanwhile.
        """
        row = self._row(id)
        if row.owner == "file":
            raise _owned(id, f"connection '{id}' is the project file's", "change it there")
        before = from_row(row)
        settings = {**before.config, **before.secrets, **dict(config or {})}
        given = {name: getattr(before, name) for name in _OPTIONS}
        given |= {name: value for name, value in changes.items() if name not in _ROW_FIELDS}
        given["auth"] = given["auth"] and keeping_tokens(given["auth"], self._tokens)
        plant = connect(given.pop("connector"), id=id, **given, **settings)
        row = to_row(plant._specification, row)
        self._syncs.set_up(row, changes)
        self._connections.update(row)
        self._syncs.plan(row)
        return self.connection(id)

    def apply(self, project: Project, ids: Sequence[str] | None = None) -> list[str]:
        """Takes over the connections of a project file, which then owns them. Returns the ids that are new or changed.

        Args:
            project: as `Project.load()` gives it.
            ids: these only; None: all.

        Raises:
            ConfigError: for a connection that can't be made of its settings, with `file:line`; those before it have
                been taken over.
            Conflict: one of these ids is the hub's own, or its tables would be another connection's.
        """
        present = {row.id: row for row in self._connections.all()}
        changed = []
        for id in project.connection_ids if ids is None else ids:
            plant = project.connection(id)
            row = present.get(id, _core.StoredConnection())
            if id in present and row.owner != "file":
                said = f"connection '{id}' of the project file is in the store already, added by a program"
                raise _owned(id, said, "give one of them another id")
            before = settings_of(row)
            row = to_row(plant._specification, row)
            syncs = project.syncs(id)
            try:
                self._syncs.set_up(row, syncs)
            except Conflict as error:
                raise project.located(error, "connections", id, "destination") from error
            row.owner = "file"
            if id not in present:
                self._connections.add(row)
            elif settings_of(row) != before:
                self._connections.update(row)
            else:
                continue
            self._syncs.plan(row)
            changed.append(id)
        return changed

    def connection(self, id: str) -> Connection:
        """The connection of this id, as the store has it now; the same object until it is changed.

        Raises:
            NotFound: there is none, with the nearest id.
        """
        row = self._row(id)
        with self._lock:
            known = self._opened.get(id)
            if known is None or known[0] != row.version:
                known = self._opened[id] = (row.version, Connection(from_row(row, self._tokens)))
            plant = known[1]
            if row.state == "active" and plant.status().state == "paused":
                plant.resume()
            elif row.state != "active" and plant.status().state != "paused":
                plant.pause()
            return plant

    def connections(self) -> list[StoredConnectionInfo]:
        """All of them, by id."""
        return [info_of(row) for row in self._connections.all()]

    def pause(self, id: str) -> None:
        """Nothing is sent through it any more, by any process, until `resume()`. Its jobs wait."""
        self._set_state(id, "paused")

    def resume(self, id: str) -> None:
        """Lets it send again."""
        self._set_state(id, "active")

    def disconnect(self, id: str) -> None:
        """As `pause()`, for good; what there is to know of it stays. `reconnect()` takes it back."""
        self._set_state(id, "disconnected")

    def reconnect(self, id: str, auth: Auth | None = None) -> Connection:
        """Sends again after `disconnect()`, with other credentials where they are given."""
        if auth is not None:
            self.update(id, auth=auth)
        self._set_state(id, "active")
        return self.connection(id)

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
            StoreError: the store can't be used. CircuitOpenError: the connection is paused or disconnected.
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

    def runs(self, id: str | None = None, limit: int = 50) -> list[Run]:
        """The runs of a connection, or of all, the latest first."""
        return self._syncs.runs(id, limit)

    def run(self, run_id: str) -> Run:
        """A run, with `.messages`.

        Raises:
            NotFound: there is none, or it is old and was removed.
        """
        return self._syncs.get(run_id)

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

    def run_forever(self, *, concurrency: int = 4, poll: float = 1.0, workers: int = 4) -> None:
        """Syncs each connection when it is due, and writes what is queued, until SIGTERM or Ctrl-C, or `stop()`.

        Any number of processes may do it on one store: leases decide. After a pause (a laptop that slept) each
        connection is synced once, not once for each time it missed. Ending commits what was read.

        Args:
            concurrency: connections that are synced at once.
            poll: seconds between two looks at the store.
            workers: batches of queued writes under way at once; 0: none are written here.
        """
        run_forever(self, self._syncs, concurrency=concurrency, poll=poll, workers=workers)

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
        with self._lock:
            self._workers.append(worker)
        try:
            with retentions.removing(self.queue, retention):
                worker.run(self._open_for_work)
        finally:
            with self._lock:
                self._workers.remove(worker)
        return worker.stats()

    def stop(self) -> None:
        """Makes every `work()`, `sync()` and `run_forever()` of this hub return, from any thread.

        What is under way ends, or commits what was read, before; a second call ends it now.
        """
        for end in list(self._ends):
            end.set()
        self._syncs.stop()
        with self._lock:
            for worker in self._workers:
                worker.stop()

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

    def _row(self, id: str) -> _core.StoredConnection:
        return self._connections.get(id)

    def _set_state(self, id: str, state: str) -> None:
        row = self._row(id)
        if row.state != state:
            row.state = state
            self._connections.update(row)
        self.connection(id)

    def __repr__(self) -> str:
        return f"<Hub {self._store.display}>"

    def _repr_html_(self) -> str:
        from switchgear.display import hub_html

        return hub_html(self)


def _owned(id: str, message: str, hint: str) -> Conflict:
    return Conflict(message, code="conflict.owner", hint=hint, connection_id=id)
