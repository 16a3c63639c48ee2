"""A hub's connections: kept by id in its store, opened when they are asked for, paused and disconnected for all."""

from __future__ import annotations

import dataclasses
import datetime
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from switchgear import _core, dropped
from switchgear.connecting import connect
from switchgear.connection import Connection
from switchgear.connection_info import StoredConnectionInfo, info_of, naming_of, settings_of
from switchgear.errors import Conflict
from switchgear.hub_webhooks import HubWebhooks
from switchgear.specification import Specification
from switchgear.stored import from_row, keeping_tokens, to_row

if TYPE_CHECKING:
    from switchgear.auth import Auth
    from switchgear.project import Project
    from switchgear.sync_runs import SyncRuns

_ROW_FIELDS = ("schedule", "timezone", "destination", "entities", "naming")
_OPTIONS = tuple(
    field.name for field in dataclasses.fields(Specification) if field.name not in ("id", "config", "secrets")
)


class HubConnections(HubWebhooks):
    """What a `Hub` does with its connections. Threads may share it."""

    _syncs: SyncRuns

    def __init__(self, store: _core.Store, key: _core.Secret | None) -> None:
        super().__init__(store, key)
        self._store = store
        self._connections = _core.ConnectionStore(store)
        self._tokens = _core.StoredTokens(store, key)
        self._opened: dict[str, tuple[int, Connection]] = {}
        self._lock = threading.Lock()

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
        naming: str = "exact",
        **options: Any,
    ) -> Connection:
        """Keeps a connection under its id, and opens it; nothing is sent.

        Args:
            id: its name, from now on.
            connector, auth: as in `connect()`. Secrets are kept by reference only: `Secret.env`, `.file`, `.keyring`.
            config: the connector's own settings and secrets.
            schedule, timezone, destination, entities: of its syncs.
            naming: of their tables and columns: "exact", as the source has them, or "snake_case".
            options: what else `connect()` takes: rate_limit, breaker, retry, timeout, tls, proxy …

        Raises:
            Conflict: there is one with this id (`hub.update()` changes it).
            ConfigError: for what `connect()` refuses, and a secret that is no reference.
        """
        auth = auth and keeping_tokens(auth, self._tokens)
        plant = connect(connector, id=id, auth=auth, **options, **dict(config or {}))
        syncs = {"schedule": schedule, "timezone": timezone, "destination": destination, "entities": entities}
        syncs["naming"] = naming
        return self._keep(plant, syncs)

    def _keep(self, plant: Connection, syncs: Mapping[str, Any]) -> Connection:
        row = to_row(plant._specification, _core.StoredConnection())
        self._syncs.set_up(row, syncs)
        self._connections.add(row)
        self._syncs.plan(row)
        return self.connection(row.id)

    def update(self, id: str, config: Mapping[str, Any] | None = None, **changes: Any) -> Connection:
        """Changes what is given, and nothing else, for all processes: whoever uses it next gets it as it is now.

        Args:
            config: replaces these of the connector's own settings.
            changes: connector, auth, schedule, timezone, destination, entities, naming, and the options of `add()`.

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
        mark, naming = dropped.mark_of(row), naming_of(row)
        row = to_row(plant._specification, row)
        if row.auth is None:
            dropped.keep_mark(row, mark)
        self._syncs.set_up(row, {"naming": naming, **changes})
        self._connections.update(row)
        self._syncs.policies.forget(id)
        self._syncs.plan(row)
        return self.connection(id)

    def apply(self, project: Project, ids: Sequence[str] | None = None) -> list[str]:
        """Takes over the connections of a project file, which then owns them. Returns the ids that are new or changed.

        Args:
            project: as `Project.load()` gives it.
            ids: these connections only; None: all, and all endpoints.

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
                self._syncs.policies.forget(id)
            else:
                continue
            self._syncs.plan(row)
            changed.append(id)
        if ids is None:
            self.apply_endpoints(project)
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
                known[1].on_status(self.events.connection_changed)
                self._syncs.policies.restore(known[1])
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
        """Nothing is sent through it any more, by any process, until `resume()`. Its jobs wait.

        Raises:
            Conflict (`conflict.disconnected`): it is out of use; so does `resume()`.
        """
        self._set_state(id, "paused")

    def resume(self, id: str) -> None:
        """Lets it send again."""
        self._set_state(id, "active")

    def disconnect(self, id: str) -> None:
        """As `pause()`, for good, and its credentials are dropped: references, and what the hub had sealed. What there
        is to know of it stays. `reconnect()` takes it back.

        What the project file says of it stays in the file, and so do the references in the store.
        """
        row = self._row(id)
        if row.state != "disconnected":
            row.state = "disconnected"
            dropped.drop(row)
            self._connections.update(row)
        dropped.drop_tokens(self._store, id, [info.id for info in self.connections()])
        with self._lock:
            known = self._opened.pop(id, None)
        if known is not None:
            known[1].pause()

    def reconnect(
        self, id: str, auth: Auth | None = None, *, secrets: Mapping[str, _core.Secret] | None = None
    ) -> Connection:
        """Sends again after `disconnect()`, with credentials anew.

        Args:
            auth: as in `add()`; may be left out where there was none.
            secrets: the connector's own, by name.

        Raises:
            ConfigError (`config.credentials`): it had some, and they are not given.
        """
        row = self._row(id)
        dropped.refuse_without(row, auth, list(secrets or {}))
        if auth is not None or secrets:
            self.update(id, secrets, **({} if auth is None else {"auth": auth}))
        self._set_state(id, "active", reconnecting=True)
        return self.connection(id)

    def _keep_policies(self) -> None:
        """Writes down what the breakers and limiters of all open connections have learnt."""
        with self._lock:
            opened = [plant for _, plant in self._opened.values()]
        for plant in opened:
            self._syncs.policies.keep(plant, well=False)

    def _row(self, id: str) -> _core.StoredConnection:
        return self._connections.get(id)

    def _set_state(self, id: str, state: str, *, reconnecting: bool = False) -> None:
        row = self._row(id)
        if row.state == "disconnected" and not reconnecting:
            raise Conflict(
                f"connection '{id}' is disconnected",
                code="conflict.disconnected",
                hint="hub.reconnect(id, auth=…), or switchgear reconnect",
                connection_id=id,
            )
        if row.state != state:
            row.state = state
            self._connections.update(row)
        self.connection(id)


def _owned(id: str, message: str, hint: str) -> Conflict:
    return Conflict(message, code="conflict.owner", hint=hint, connection_id=id)
