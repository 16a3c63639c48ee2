"""The hub's deliveries: sent, listed, and sent again by hand."""

from __future__ import annotations

import datetime
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from switchgear import _core
from switchgear.diagnosis import iso

State: TypeAlias = Literal["pending", "sending", "delivered", "retry", "dead"]


@dataclass(frozen=True)
class Delivery:
    """An event on its way to an endpoint.

    Attributes:
        state: pending, sending, retry (at `due_at`), delivered, or dead: not tried again by itself.
        attempts: that were made.
        status: that the last one was answered with; None: no reply came.
        error: of the last attempt: category, code, message, hint.
        response: what the last reply said, its first 20,000 bytes.
    """

    id: int
    event_id: str
    type: str
    connection_id: str | None
    endpoint_id: str
    state: str
    attempts: int
    due_at: datetime.datetime | None
    last_at: datetime.datetime | None
    status: int | None
    error: Mapping[str, Any] | None
    response: str
    created_at: datetime.datetime
    finished_at: datetime.datetime | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "id": self.id,
            "event_id": self.event_id,
            "type": self.type,
            "connection_id": self.connection_id,
            "endpoint_id": self.endpoint_id,
            "state": self.state,
            "attempts": self.attempts,
            "due_at": iso(self.due_at),
            "last_at": iso(self.last_at),
            "status": self.status,
            "error": None if self.error is None else dict(self.error),
            "response": self.response,
            "created_at": iso(self.created_at),
            "finished_at": iso(self.finished_at),
        }

    def __repr__(self) -> str:
        to = f"{self.type} to {self.endpoint_id}"
        return f"<Delivery {self.id} of {to}: {self.state}, {self.attempts} attempts>"

    def _repr_html_(self) -> str:
        from switchgear.display import delivery_html

        return delivery_html(self)


class Deliveries:
    """What the hub does with deliveries. Threads may share it."""

    def __init__(self, store: _core.Store, sealed: _core.SecretStore) -> None:
        self._store = store
        self._sealed = sealed
        self._deliveries = _core.DeliveryStore(store)
        self._events = _core.EventStore(store)
        self._senders: list[_core.WebhookSender] = []
        self._lock = threading.Lock()

    def list(
        self, *, state: State | None, endpoint: str | None, event: str | None, before: int | None, limit: int
    ) -> list[Delivery]:
        """See Hub.deliveries()."""
        rows = self._deliveries.page(
            state=state, endpoint_id=endpoint or "", event_id=event or "", before=before or 0, limit=limit
        )
        return [_delivery(row) for row in rows]

    def get(self, id: int) -> Delivery:
        """The delivery of this id."""
        return _delivery(self._deliveries.get(id))

    def redeliver(self, id: int) -> Delivery:
        """See Hub.redeliver()."""
        return _delivery(self._deliveries.redeliver(id))

    def send(
        self,
        *,
        until_idle: bool,
        concurrency: int = 64,
        per_endpoint: int = 16,
        lease: float = 30.0,
        timeout: float = 10.0,
        ending: threading.Event | None = None,
    ) -> _core.SenderStats:
        """See Hub.send_webhooks()."""
        sender = _core.WebhookSender(
            self._store,
            self._sealed,
            concurrency=concurrency,
            per_endpoint=per_endpoint,
            lease=lease,
            timeout=timeout,
            until_idle=until_idle,
        )
        with self._lock:
            self._senders.append(sender)
        try:
            if ending is None or not ending.is_set():  # whoever sets it stops the senders that are here by then
                sender.run()
        finally:
            with self._lock:
                self._senders.remove(sender)
        return sender.stats()

    def next_due(self) -> datetime.datetime | None:
        """When the next attempt is due, or what a sender that died had can be taken over."""
        due: datetime.datetime | None = self._deliveries.next_due()
        return due

    def stop(self) -> None:
        """Ends every `send()`: what is under way is waited for; again: it is cut off."""
        with self._lock:
            for sender in self._senders:
                sender.stop()

    def remove_before(self, before: datetime.datetime) -> int:
        """Removes deliveries that came to their end before, and events that have none left."""
        removed = self._deliveries.remove_before(before.timestamp())
        self._events.remove_before(before.timestamp())
        return removed


def _delivery(row: _core.DeliveryRow) -> Delivery:
    """A row as users see it."""
    return Delivery(
        id=row.id,
        event_id=row.event_id,
        type=row.type,
        connection_id=row.connection_id or None,
        endpoint_id=row.endpoint_id,
        state=row.state,
        attempts=row.attempts,
        due_at=row.due_at,
        last_at=row.last_at,
        status=row.status or None,
        error=json.loads(row.error) if row.error else None,
        response=row.response,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )
