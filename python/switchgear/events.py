"""Events of a hub: what happened, recorded once, and sent to every endpoint that wants it."""

from __future__ import annotations

import datetime
import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from switchgear import _core
from switchgear.diagnosis import iso
from switchgear.errors import ConfigError, Error
from switchgear.request_values import json_value

TYPES = (
    "sync.completed",
    "sync.failed",
    "connection.auth_required",
    "connection.online",
    "connection.offline",
    "system.error",
)
_REACH = {"online": "online", "degraded": "online", "offline": "offline", "auth_required": "auth_required"}
_log = logging.getLogger("switchgear.events")


@dataclass(frozen=True)
class StoredEvent:
    """Something that happened.

    Attributes:
        number: counts up in the order of recording.
        id: the `webhook-id` under which it is sent, however often.
        type: `sync.failed`, `workorder.urgent` …
        connection_id: whose; None: of no connection.
        data: what there is to say, as it is sent.
        occurred_at, recorded_at: when it happened, and when the store got it.
        test: a sample, made to try an endpoint.
    """

    number: int
    id: str
    type: str
    connection_id: str | None
    data: Mapping[str, Any]
    occurred_at: datetime.datetime
    recorded_at: datetime.datetime
    test: bool = False

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "number": self.number,
            "id": self.id,
            "type": self.type,
            "connection_id": self.connection_id,
            "data": dict(self.data),
            "occurred_at": iso(self.occurred_at),
            "recorded_at": iso(self.recorded_at),
            "test": self.test,
        }

    def __repr__(self) -> str:
        return f"<StoredEvent {self.number} {self.type} of {self.connection_id or 'no connection'}: {self.id}>"

    def _repr_html_(self) -> str:
        from switchgear.display import event_html

        return event_html(self)


class Events:
    """What `hub.events` does. Threads may share it."""

    def __init__(self, store: _core.Store) -> None:
        self._store = _core.EventStore(store)

    def emit(
        self,
        type: str,
        data: Mapping[str, Any] | None = None,
        *,
        connection_id: str | None = None,
        id: str | None = None,
        occurred_at: datetime.datetime | None = None,
    ) -> str:
        """Records an event, with a delivery for each endpoint that wants it; it is on disk when this returns.

        Args:
            type: words of a-z, 0-9 and _ with full stops between them, at least two: `workorder.urgent`.
            data: what JSON can say; with type and time under 20,000 bytes.
            connection_id: whose event it is, which decides who wants it; it goes into the data.
            id: the same for the same thing: told again, it stays one event, and is not sent again. None: a new one.
            occurred_at: an aware datetime; None: now.

        Returns:
            Its id.

        Raises:
            ConfigError (`config.event`): for a type, data or an id that can't be sent. DataError (`data.too_large`).
            StoreError: the store can't be used.
        """
        if occurred_at is not None and occurred_at.tzinfo is None:
            raise ConfigError(
                f"occurred_at {occurred_at} has no time zone",
                code="config.event",
                hint="an aware datetime, such as in UTC",
            )
        return self._store.record(
            type,
            json.dumps(dict(data or {}), default=json_value),
            connection_id=connection_id or "",
            id=id or "",
            occurred_at=None if occurred_at is None else occurred_at.timestamp(),
        )

    def list(
        self,
        connection_id: str | None = None,
        *,
        type: str | None = None,
        since: datetime.datetime | None = None,
        after: int | None = None,
        tests: bool = False,
        limit: int = 100,
    ) -> list[StoredEvent]:
        """Events, the newest first; or, behind a number, the oldest first.

        Args:
            connection_id: of this connection; None: all.
            type: of this type, or of all below one: `sync.*`.
            since: recorded then or later (an aware datetime).
            after: those whose `number` is greater, the oldest first.
            tests: samples too, by which endpoints were tried.
        """
        rows = self._store.page(
            connection_id=connection_id or "",
            type=type or "",
            since=None if since is None else since.timestamp(),
            after=after,
            tests=tests,
            limit=limit,
        )
        return [_event(row) for row in rows]

    def get(self, id: str) -> StoredEvent:
        """The event of this id.

        Raises:
            NotFound: there is none, or it is old and was removed.
        """
        return _event(self._store.get(id))

    def _repr_html_(self) -> str:
        from switchgear.display import events_html

        return events_html(self.list(limit=20))

    def connection_changed(self, change: _core.StatusChange) -> None:
        """Records that a connection went away, came back or wants credentials, if that was otherwise before."""
        reach = _REACH.get(str(change.to_state))
        if reach is None:
            return
        error = change.error
        try:
            self._store.connection_seen(
                change.connection_id, reach, "" if error is None or reach == "online" else json.dumps(error.to_dict())
            )
        except Error as problem:  # the next run, or whoever sees it next, tells it
            _log.warning("that %s is %s could not be recorded: %s", change.connection_id, reach, problem)


class Troubles:
    """What does not work of our own, told as system.error: once for each time that it begins, and as soon as the store
    takes it. Threads may share it."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._lock = threading.Lock()
        self._open: set[str] = set()
        self._untold: list[tuple[str, datetime.datetime, Error]] = []

    def met(self, what: str, error: Error) -> None:
        """It does not work; `what` until it is `over()`."""
        with self._lock:
            if what in self._open:
                return
            self._open.add(what)
            self._untold.append((what, datetime.datetime.now(datetime.timezone.utc), error))

    def over(self, what: str) -> None:
        """It works again."""
        with self._lock:
            self._open.discard(what)

    def tell(self) -> None:
        """Records what is not recorded yet. Raises StoreError, and keeps it, while that can't be."""
        with self._lock:
            for what, at, error in list(self._untold):
                said = {name: error.to_dict()[name] for name in ("category", "code", "message", "hint")}
                self._events.emit(
                    "system.error",
                    {"error": said},
                    connection_id=error.connection_id or None,
                    id=_core.event_id(f"trouble/{what}/{at.isoformat()}"),
                    occurred_at=at,
                )
                self._untold.remove((what, at, error))


def _event(row: _core.EventRow) -> StoredEvent:
    return StoredEvent(
        number=row.number,
        id=row.id,
        type=row.type,
        connection_id=row.connection_id or None,
        data=json.loads(row.body)["data"],
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        test=row.test,
    )
