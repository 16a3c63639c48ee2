"""The hub: connections by name, and the queue of what is to be written to them, in one store that processes share."""

from __future__ import annotations

import dataclasses
import datetime
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from typing import TYPE_CHECKING, Any

from switchgear import _core
from switchgear import retention as retentions
from switchgear.connection import Connection, connect
from switchgear.diagnosis import iso
from switchgear.errors import CircuitOpenError, Conflict
from switchgear.jobs import Queue
from switchgear.specification import Specification
from switchgear.stored import from_row, keeping_tokens, to_row

if TYPE_CHECKING:
    from switchgear.auth import Auth
    from switchgear.project import Project

_ROW_FIELDS = ("schedule", "timezone", "destination", "entities")
_OPTIONS = tuple(
    field.name for field in dataclasses.fields(Specification) if field.name not in ("id", "config", "secrets")
)


@dataclass(frozen=True)
class StoredConnectionInfo:
    """A connection as the store has it.

    Attributes:
        id, connector, config: as they were given; secrets are not among them.
        auth: the type of its credentials; None: it has none.
        state: active, paused or disconnected.
        owner: "hub", or "file": then the project file is the only place to change it.
        version: counts changes.
    """

    id: str
    connector: str
    config: Mapping[str, Any]
    auth: str | None
    state: str
    owner: str
    schedule: str
    timezone: str
    destination: str
    entities: Mapping[str, Any]
    version: int
    created_at: datetime.datetime
    updated_at: datetime.datetime

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        values = dataclasses.asdict(self)
        return {**values, "created_at": iso(self.created_at), "updated_at": iso(self.updated_at)}


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
        self._lock = threading.Lock()
        self.queue = Queue(self, _core.JobStore(self._store))

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
        row.schedule = _schedule_text(schedule)
        row.timezone, row.destination = timezone, destination
        row.entities_json = json.dumps(dict(entities or {}))
        self._connections.add(row)
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
        if "schedule" in changes:
            row.schedule = _schedule_text(changes["schedule"])
        row.timezone = changes.get("timezone", row.timezone)
        row.destination = changes.get("destination", row.destination)
        if "entities" in changes:
            row.entities_json = json.dumps(dict(changes["entities"] or {}))
        self._connections.update(row)
        return self.connection(id)

    def apply(self, project: Project, ids: Sequence[str] | None = None) -> list[str]:
        """Takes over the connections of a project file, which then owns them. Returns the ids that are new or changed.

        Args:
            project: as `Project.load()` gives it.
            ids: these only; None: all.

        Raises:
            ConfigError: for a connection that can't be made of its settings; those before it have been taken over.
            Conflict: one of these ids is the hub's own.
        """
        present = {row.id: row for row in self._connections.all()}
        changed = []
        for id in project.connection_ids if ids is None else ids:
            plant = project.connection(id)
            row = present.get(id, _core.StoredConnection())
            if id in present and row.owner != "file":
                said = f"connection '{id}' of the project file is in the store already, added by a program"
                raise _owned(id, said, "give one of them another id")
            before = _visible(row)
            row = to_row(plant._specification, row)
            row.owner = "file"
            if id not in present:
                self._connections.add(row)
            elif _visible(row) != before:
                self._connections.update(row)
            else:
                continue
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
        return [_info(row) for row in self._connections.all()]

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
        """Makes every `work()` of this hub return once what is under way has ended; again: end that now. Any thread."""
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


def _schedule_text(schedule: str | datetime.timedelta) -> str:
    return f"{schedule.total_seconds():g}s" if isinstance(schedule, datetime.timedelta) else schedule


def _visible(row: _core.StoredConnection) -> tuple[Any, ...]:
    auth = row.auth
    credentials = (auth.type, auth.settings_json, {k: str(v) for k, v in auth.secrets.items()}) if auth else None
    secrets = {name: str(secret) for name, secret in row.secrets.items()}
    return (row.connector, row.config_json, secrets, credentials, row.network_json, row.policies_json)


def _info(row: _core.StoredConnection) -> StoredConnectionInfo:
    return StoredConnectionInfo(
        id=row.id,
        connector=row.connector,
        config=json.loads(row.config_json),
        auth=row.auth.type if row.auth else None,
        state=row.state,
        owner=row.owner,
        schedule=row.schedule,
        timezone=row.timezone,
        destination=row.destination,
        entities=json.loads(row.entities_json),
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
