"""A hub's events and where they go: recorded with what causes them, sent to endpoints, signed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from switchgear import _core
from switchgear.endpoints import Endpoints
from switchgear.events import Events, Troubles
from switchgear.inbox import Inbox, Received
from switchgear.sending import Deliveries, Delivery, State

if TYPE_CHECKING:
    from switchgear.hub import Hub
    from switchgear.project import Project


class HubWebhooks:
    """What a `Hub` does with events, endpoints and deliveries. Threads may share it."""

    def __init__(self, store: _core.Store, key: _core.Secret | None) -> None:
        sealed = _core.SecretStore(store, key)
        self.events = Events(store)
        self._troubles = Troubles(self.events)
        self._deliveries = Deliveries(store, sealed)
        self.endpoints = Endpoints(store, sealed, self._deliveries)
        self._inbox_handlers: list[tuple[str, str, Callable[[Received], object]]] = []

    @property
    def inbox(self) -> Inbox:
        """Webhooks that others send: who may, what came, and what it begins."""
        return Inbox(cast("Hub", self), self._inbox_handlers)

    def apply_endpoints(self, project: Project, ids: Sequence[str] | None = None) -> list[str]:
        """Takes over the endpoints of a project file, which then owns them. Returns the ids that are new or changed.

        Raises:
            ConfigError: for one that can't be, with `file:line`. Conflict: one of these ids is the hub's own.
        """
        chosen = project.endpoint_ids if ids is None else ids
        return [id for id in chosen if project.apply_endpoint(id, self.endpoints)]

    def deliveries(
        self,
        *,
        state: State | None = None,
        endpoint: str | None = None,
        event: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[Delivery]:
        """Events on their way to endpoints, and how they fared, the newest first.

        Args:
            state: pending, sending, delivered, retry or dead.
            endpoint, event: of this id.
            before: the last id of the page before.
        """
        return self._deliveries.list(state=state, endpoint=endpoint, event=event, before=before, limit=limit)

    def redeliver(self, id: int) -> Delivery:
        """Sends a delivery again, at once and with all its attempts before it: the same event under the same id.

        Raises:
            NotFound: there is none, or it is old and was removed. Conflict: it is under way, or its endpoint disabled.
        """
        return self._deliveries.redeliver(id)

    def send_webhooks(
        self,
        *,
        until_idle: bool = True,
        concurrency: int = 64,
        per_endpoint: int = 16,
        lease: float = 30.0,
        timeout: float = 10.0,
    ) -> _core.SenderStats:
        """Sends what is due to its endpoints, in this thread and threads of its own, and returns what was done.

        Any number of processes may do it on one store; `run_forever()` does.

        Args:
            until_idle: return when nothing is due now. False: go on until Ctrl-C or `stop()`.
            concurrency: attempts under way at once; `per_endpoint` of these to one endpoint.
            lease: seconds after which others take over from a sender that died; at least twice the timeout.
            timeout: seconds for an attempt in all.
        """
        return self._deliveries.send(
            until_idle=until_idle, concurrency=concurrency, per_endpoint=per_endpoint, lease=lease, timeout=timeout
        )
