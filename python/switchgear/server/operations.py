"""What an operation of the interface is: its place, who may call it, what it takes, what it does.

One table of them makes both the routes and /openapi.json, and what a request brings is checked against it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from switchgear import _core
from switchgear.server.schemas import Schema
from switchgear.server.threads import Threads
from switchgear.server.tokens import store_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from switchgear.hub import Hub
    from switchgear.server.access import Access

_log = logging.getLogger("switchgear.server")
T = TypeVar("T")
NOTHING: Schema = {"type": "object", "properties": {}, "additionalProperties": False}


class Services:
    """What the operations share: the hub, its tokens and kept replies, the threads that reach them."""

    def __init__(self, hub: Hub, max_body_bytes: int) -> None:
        self.hub = hub
        self.max_body_bytes = max_body_bytes
        self.threads = Threads()
        self.tokens = store_of(hub)
        self.kept_replies = _core.IdempotencyStore(hub._store)
        self._signing_key = b""
        self._going_on: set[asyncio.Future[Any]] = set()

    def keep(self, work: asyncio.Future[T]) -> asyncio.Future[T]:
        """What goes on after its request was answered: the loop itself would forget it."""
        self._going_on.add(work)
        work.add_done_callback(self._gone)
        return work

    def _gone(self, work: asyncio.Future[Any]) -> None:
        self._going_on.discard(work)
        if not work.cancelled() and (error := work.exception()) is not None:
            _log.error("a sync that was asked for ended: %s", error)

    async def signing_key(self) -> bytes:
        """For what is handed out and must come back unchanged."""
        if not self._signing_key:
            self._signing_key = await self.threads.store(self.tokens.signing_key)
        return self._signing_key


@dataclass
class Call:
    """One request for an operation, checked."""

    services: Services
    request: Request
    access: Access
    path: Mapping[str, str]
    query: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    body: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    raw_body: bytes = b""

    @property
    def hub(self) -> Hub:
        return self.services.hub

    @property
    def threads(self) -> Threads:
        return self.services.threads

    def url_of(self, path: str) -> str:
        """A path of the interface as the client sees it, wherever it is mounted."""
        return f"{self.request.scope.get('root_path', '').rstrip('/')}{path}"


Handler = Callable[[Call], Awaitable["Response"]]


@dataclass(frozen=True)
class Operation:
    """A method of a path.

    Attributes:
        name: its `operationId`.
        scope: read or operate; "": everybody, without a token.
        query: parameters by name.
        body: of the request; None: it takes none.
        answers: by status: what it says, and the schema of the body.
        once: it honours `Idempotency-Key`.
        reads: it changes nothing, so it is given up when the client has gone.
    """

    method: str
    path: str
    name: str
    summary: str
    handler: Handler
    scope: str = "read"
    query: Mapping[str, Schema] = field(default_factory=dict)
    body: Schema | None = None
    answers: Mapping[int, tuple[str, Schema]] = field(default_factory=dict)
    once: bool = False

    @property
    def reads(self) -> bool:
        return self.method == "GET"
