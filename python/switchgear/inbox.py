"""Webhooks that come: verified before they are believed, kept before they are answered, and handled once.

>>> hub.inbox.accept("sap-mt", "env:SAP_WEBHOOK_SECRET", sync={"workorder.*": ["WorkOrders"]})
>>> reply = hub.inbox.receive("sap-mt", body, headers)     # in any framework; `switchgear serve` has the path
>>> reply.status, reply.headers, reply.body

What came is handled by `hub.run_forever()`, or by `hub.inbox.work()`: entities are synced, functions called, and the
message becomes an event of the hub, which flows and endpoints may wait for.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, TypeVar

from switchgear import _core, webhooks
from switchgear.diagnosis import iso
from switchgear.errors import ConfigError, Conflict, Error, InternalError, NotFound, SignatureError
from switchgear.request_values import json_value

if TYPE_CHECKING:
    from switchgear.hub import Hub

TYPE = re.compile(r"[A-Za-z0-9_.:/-]{1,200}")
PATTERN = re.compile(r"\*|[A-Za-z0-9_.:/-]{1,200}(\.\*)?")
MOST_ATTEMPTS = 12
FIRST_WAIT = 15.0
LONGEST_WAIT = 6 * 3600.0
ASKED_AGAIN = 5.0
LEASE = 600.0
_log = logging.getLogger("switchgear.inbox")
Handler = TypeVar("Handler", bound=Callable[["Received"], object])


@dataclass(frozen=True)
class Reply:
    """What to answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Received:
    """A webhook that came and verified.

    Attributes:
        id: of the message, by its sender; where it gives none, a hash of what was signed.
        type: as its sender calls it; "": it says none.
        data: what the body says; None: it is no JSON.
        body: the bytes that were signed. Empty in lists.
        state: waiting, in_progress, done or failed.
        error: of the last attempt to handle it.
    """

    connection_id: str
    id: str
    type: str
    data: Any
    body: bytes
    content_type: str
    occurred_at: datetime | None
    received_at: datetime
    state: str
    attempts: int
    due_at: datetime | None
    error: Mapping[str, Any] | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON, without the body."""
        times = {name: getattr(self, name) for name in ("occurred_at", "received_at", "due_at")}
        return {
            "connection_id": self.connection_id,
            "id": self.id,
            "type": self.type,
            "data": self.data,
            "state": self.state,
            "attempts": self.attempts,
            "error": self.error,
            **{name: None if at is None else iso(at) for name, at in times.items()},
        }


class Inbox:
    """What `hub.inbox` does. Threads may share it."""

    def __init__(self, hub: Hub, handlers: list[tuple[str, str, Callable[[Received], object]]]) -> None:
        self._hub = hub
        self._store = _core.InboxStore(hub._store)
        self._handlers = handlers

    # -- who may send

    def accept(
        self,
        connection_id: str,
        secret: str | Sequence[str],
        *,
        scheme: webhooks.Scheme | webhooks.Hmac = "standard",
        tolerance: float | None = 300.0,
        sync: Mapping[str, Sequence[str] | None] | Sequence[str] | None = None,
        origins: Sequence[str] = (),
        url: str | None = None,
    ) -> None:
        """Takes webhooks of a connection from now on, verified by these rules; replaces the rules before.

        Args:
            secret: where it is: `env:NAME`, `file:PATH`, `keyring:SERVICE/NAME`; several while it rotates. It is read
                when a message comes.
            scheme, tolerance: as for `webhooks.verify`.
            sync: entities that a message makes to be synced, by the message's type (`workorder.*` is all below it, `*`
                all); None: all entities. A list: these, whatever the type.
            origins: names that may ask, by OPTIONS, to send CloudEvents; "*": everybody.
            url: as the sender calls it, where it signs that (Twilio).

        Raises:
            NotFound: there is no such connection. ConfigError: `config.secret` for a secret itself, which is not
                stored; `config.webhook` for the rest.
        """
        references = [secret] if isinstance(secret, str) else list(secret)
        for reference in references:
            if not re.match(r"(env|file|keyring):.", reference if isinstance(reference, str) else ""):
                raise ConfigError(
                    f"the webhook secret of '{connection_id}' is no reference, and secrets themselves are not stored",
                    code="config.secret",
                    hint='secret="env:PLANT_WEBHOOK_SECRET", "file:…" or "keyring:SERVICE/NAME"',
                    connection_id=connection_id,
                )
        if not references:
            raise ConfigError(
                f"the webhooks of '{connection_id}' have no secret",
                code="config.secret",
                hint='secret="env:…"',
                connection_id=connection_id,
            )
        recipe = None
        if isinstance(scheme, webhooks.Hmac):
            recipe, word = vars(scheme), "hmac"
        else:
            word = scheme
        syncs = _syncs(connection_id, sync)
        webhooks.Verifier("x" * 40 if word not in ("standard", "svix") else b"x" * 32, scheme, tolerance=tolerance)
        settings = {
            "secrets": references,
            "scheme": word,
            "recipe": recipe,
            "tolerance": tolerance,
            "syncs": syncs,
            "origins": list(origins),
            "url": url,
        }
        self._store.set_sender(connection_id, json.dumps(settings))

    def rules(self, connection_id: str) -> dict[str, Any] | None:
        """As `accept` was told; None: none are taken."""
        kept = self._store.sender(connection_id)
        return None if kept is None else dict(json.loads(kept))

    def refuse(self, connection_id: str) -> None:
        """Takes none any more; what came stays. Raises NotFound: there is no such connection."""
        self._store.set_sender(connection_id, "")

    def on(self, connection_id: str = "*", type: str = "*") -> Callable[[Handler], Handler]:
        """A decorator: calls a function with each message, in the processes that have it. It is called again with one
        whose handling failed, or whose process died.

        >>> @hub.inbox.on("sap-mt", "workorder.*")
        ... def tell(message): ...
        """
        _check_pattern(type)

        def taken(handler: Handler) -> Handler:
            self._handlers.append((connection_id, type, handler))
            return handler

        return taken

    # -- receiving

    def receive(
        self,
        connection_id: str,
        body: bytes,
        headers: webhooks.Pairs,
        *,
        method: str = "POST",
        url: str | None = None,
    ) -> Reply:
        """Verifies a request and keeps what it brings; says what to answer. For any framework.

        A message that came before is answered as the first time, and not kept again. When the store can't be used, the
        answer is 503, so that its sender tries again.

        Args:
            body, headers: as they came.
            url: as its sender called it; Twilio signs it. Else what `accept` was told.
        """
        try:
            return self._receive(connection_id, body, headers, method, url)
        except SignatureError as error:
            return _refused(413 if error.code == "signature.too_large" else 400, error)
        except NotFound as error:
            return _refused(404, error)
        except ConfigError as error:  # ours: the secret is not where it should be
            _log.error("a webhook of '%s' can't be verified: %s", connection_id, error)
            hidden = InternalError("the receiver is not set up as it should be", hint="its log says why")
            return _refused(500, hidden)
        except Error as error:
            _log.error("a webhook of '%s' can't be kept: %s", connection_id, error)
            return _refused(503, error, {"Retry-After": "30"})

    def _receive(self, connection_id: str, body: bytes, headers: webhooks.Pairs, method: str, url: str | None) -> Reply:
        kept = self._store.sender(connection_id)
        if kept is None:
            raise NotFound(
                f"no webhooks are taken for '{connection_id[:100]}'",
                code="not_found.webhook",
                hint="hub.inbox.accept() says whose are",
            )
        settings = json.loads(kept)
        if method == "OPTIONS":
            granted = webhooks.handshake(headers, settings["origins"])
            return Reply(200 if granted is not None else 403, granted or {}, b"")
        if method != "POST":
            return Reply(405, {"Allow": "POST, OPTIONS"}, b"")
        scheme = webhooks.Hmac(**settings["recipe"]) if settings["recipe"] else settings["scheme"]
        secrets = [_core.Secret.from_reference(reference) for reference in settings["secrets"]]
        verifier = webhooks.Verifier(secrets, scheme, tolerance=settings["tolerance"])
        pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers)
        event = verifier.verify(body, pairs, url or settings["url"])
        kind = next((_text(value) for name, value in pairs if _text(name).lower() == "content-type"), "")
        events = webhooks.parse(body, pairs) if "cloudevents" in kind.lower() else [event]
        came = 0
        for each in events:
            came += self._store.put(
                connection_id=connection_id,
                id=each.id or "sha256_" + hashlib.sha256(body).hexdigest(),
                type=each.type or "",
                occurred_at=None if each.timestamp is None else each.timestamp.timestamp(),
                content_type=kind[:200],
                body=bytes(body),
                data_json="" if each.data is None else json.dumps(each.data, default=json_value),
            )
        return _json(202, {"received": len(events), "new": came})

    # -- what came

    def messages(
        self, connection_id: str | None = None, *, state: str | None = None, limit: int = 50
    ) -> list[Received]:
        """The newest first, without bodies and data.

        Args:
            state: waiting, in_progress, done or failed.
        """
        return [_received(row) for row in self._store.list(connection_id or "", state, limit)]

    def get(self, connection_id: str, id: str) -> Received:
        """Raises NotFound (`not_found.webhook`)."""
        return _received(self._store.get(connection_id, id))

    def again(self, connection_id: str, id: str) -> Received:
        """Handles one again that is done or has failed.

        Raises:
            NotFound. Conflict (`conflict.webhook_state`): it waits already, or is being handled.
        """
        return _received(self._store.again(connection_id, id))

    def remove_before(self, before: datetime) -> int:
        """Removes messages that came before and are done or have failed; returns how many. One of them that is sent
        once more is a new one then; `hub.retention(deliveries=…)` does it."""
        return self._store.remove_before(before.timestamp())

    # -- handling

    def work(self, most: int = 100) -> int:
        """Handles what waits, and returns how many messages that were.

        Each becomes an event of the hub, `webhook.` and its type; then the functions for it are called, and the
        entities for it synced, those of several messages of a connection at once. What fails is tried again, for about
        a day, and has failed then.
        """
        claimed = self._store.claim(LEASE, most)
        by_connection: dict[str, list[Any]] = {}
        for row in claimed:
            by_connection.setdefault(row.connection_id, []).append(row)
        for connection_id, rows in by_connection.items():
            self._handle(connection_id, rows)
        return len(claimed)

    def _handle(self, connection_id: str, rows: list[Any]) -> None:
        told: list[Any] = []
        for row in rows:
            try:
                self._tell(_received(row))
                told.append(row)
            except Exception as error:
                self._failed(row, error)
        try:
            self._sync(connection_id, told)
        except Conflict as error:  # somebody syncs it now, perhaps from before the change
            again = datetime.now(timezone.utc) + timedelta(seconds=ASKED_AGAIN)
            for row in told:
                self._store.settle(row, json.dumps(error.to_dict()), again.timestamp())
        except Exception as error:
            for row in told:
                self._failed(row, error)
        else:
            for row in told:
                self._store.settle(row, "", None)

    def _tell(self, message: Received) -> None:
        self._hub.events.emit(
            event_type(message.type),
            _event_data(message),
            connection_id=message.connection_id,
            id="in_" + hashlib.sha256(f"{message.connection_id}\n{message.id}".encode()).hexdigest()[:32],
            occurred_at=message.received_at,
        )
        for connection_id, pattern, handler in self._handlers:
            if connection_id in ("*", message.connection_id) and matches(pattern, message.type):
                handler(message)

    def _sync(self, connection_id: str, rows: list[Any]) -> None:
        kept = self._store.sender(connection_id)
        wanted: set[str] | None = set()
        for row in rows:
            for pattern, entities in json.loads(kept)["syncs"] if kept else ():
                if not matches(pattern, row.type):
                    continue
                wanted = None if wanted is None or entities is None else wanted | set(entities)
        if wanted is None or wanted:
            names = None if wanted is None else sorted(wanted)
            run = self._hub._syncs.run(connection_id, names, cause="webhook")
            run.raise_for_error()

    def _failed(self, row: Any, error: Exception) -> None:
        """Tried again later, and later each time; in the end it has failed."""
        if not isinstance(error, Error):
            _log.exception("a webhook of '%s' could not be handled", row.connection_id, exc_info=error)
            error = InternalError(f"{type(error).__name__}: {error}", code="internal.handler")
        wait = min(FIRST_WAIT * 2.0 ** (row.attempts - 1), LONGEST_WAIT)
        due = None if row.attempts >= MOST_ATTEMPTS else datetime.now(timezone.utc) + timedelta(seconds=wait)
        self._store.settle(row, json.dumps(error.to_dict()), None if due is None else due.timestamp())


def event_type(type: str) -> str:
    """Of the hub's event that a message becomes: `WorkOrder.Updated` is `webhook.workorder.updated`."""
    words = [re.sub(r"[^a-z0-9_]+", "_", word).strip("_") for word in re.split(r"[./:]", type.lower())]
    return ".".join(["webhook", *([word for word in words if word] or ["received"])])[:100].rstrip("._")


def matches(pattern: str, type: str) -> bool:
    """`*` is any type, `workorder.*` all below it."""
    if pattern.endswith(".*"):
        return type.startswith(pattern[:-1])
    return pattern in ("*", type)


def _event_data(message: Received) -> dict[str, Any]:
    data: dict[str, Any] = {"webhook_id": message.id, "webhook_type": message.type, "data": message.data}
    if len(json.dumps(data, default=json_value)) > 15_000:
        data |= {"data": None, "truncated": True}  # hub.inbox.get() has it whole
    return data


def _syncs(connection_id: str, sync: Any) -> list[list[Any]]:
    given = sync if isinstance(sync, Mapping) else {} if sync is None else {"*": sync}
    made = []
    for pattern, entities in given.items():
        _check_pattern(pattern)
        if isinstance(entities, str) or (entities is not None and not all(isinstance(name, str) for name in entities)):
            raise ConfigError(
                f"what a webhook of '{connection_id}' makes to be synced is {entities!r}",
                code="config.webhook",
                hint='a list of entities, sync={"workorder.*": ["WorkOrders"]}; None for all',
                connection_id=connection_id,
            )
        made.append([pattern, None if entities is None else list(entities)])
    return made


def _check_pattern(pattern: str) -> None:
    if not isinstance(pattern, str) or not PATTERN.fullmatch(pattern):
        raise ConfigError(
            f"{pattern!r} is no type of webhooks",
            code="config.webhook",
            hint='such as "workorder.updated", "workorder.*" or "*"',
        )


def _received(row: Any) -> Received:
    return Received(
        connection_id=row.connection_id,
        id=row.id,
        type=row.type,
        data=json.loads(row.data_json) if row.data_json else None,
        body=row.body,
        content_type=row.content_type,
        occurred_at=row.occurred_at,
        received_at=row.received_at,
        state=row.state,
        attempts=row.attempts,
        due_at=row.due_at if row.state == "waiting" else None,
        error=json.loads(row.error) if row.error else None,
    )


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, (bytes, bytearray)) else str(value)


def _json(status: int, value: object, headers: Mapping[str, str] | None = None) -> Reply:
    body = json.dumps(value, ensure_ascii=False).encode()
    return Reply(status, {"Content-Type": "application/json", **(headers or {})}, body)


def _refused(status: int, error: Error, headers: Mapping[str, str] | None = None) -> Reply:
    """Its sender is told what was wrong with the message, and nothing of what is here."""
    said = {name: value for name, value in error.to_dict().items() if name in ("code", "category", "message", "hint")}
    if status == 503:
        said = {
            "code": error.code,
            "category": error.category,
            "message": "it can't be kept now",
            "hint": "send it again",
        }
    return _json(status, {"error": said}, headers)
