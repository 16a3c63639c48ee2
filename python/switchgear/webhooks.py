"""Webhooks: signed, verified before they are believed, and read, whoever sent them.

>>> import switchgear as sg
>>> event = sg.webhooks.verify(body, headers, sg.Secret.env("PLANT_WEBHOOK_SECRET"))
>>> event.type, event.connection_id, event.data
('sync.failed', 'sap-mt', {...})

A receiver that takes many makes its keys ready once:

>>> verifier = sg.webhooks.Verifier(secret, seen=sg.webhooks.ReplayGuard())
>>> event = verifier.verify(body, headers)

`body` is what came over the wire, byte for byte: a signature is over bytes, not over what was made of them. `headers`
is
any mapping, or pairs of name and value, as texts or bytes: what Starlette, Django, Flask, aiohttp and ASGI have.
docs/webhooks.md has the schemes.
"""

from __future__ import annotations

import base64
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from switchgear import _core
from switchgear._core import Clock, Secret
from switchgear._core import WebhookEvent as Event
from switchgear.errors import ConfigError

__all__ = [
    "Event",
    "Hmac",
    "ReplayGuard",
    "Signer",
    "Verifier",
    "cloud_events",
    "handshake",
    "new_id",
    "new_secret",
    "parse",
    "sign",
    "verify",
]

Scheme: TypeAlias = Literal["standard", "svix", "stripe", "github", "slack", "shopify", "twilio", "hmac"]
OneSecret: TypeAlias = "str | bytes | Secret"
Secrets: TypeAlias = "OneSecret | Sequence[OneSecret]"
Body: TypeAlias = "bytes | bytearray | memoryview | str"
Pairs: TypeAlias = "Mapping[Any, Any] | Iterable[tuple[Any, Any]]"
Seen: TypeAlias = Callable[[str], bool]

MAX_BODY_BYTES = 4 << 20


@dataclass(frozen=True)
class Hmac:
    """A signature by any vendor's recipe: an HMAC over a template of id, timestamp and body.

    Attributes:
        header: holds the signature.
        algorithm: "sha1", "sha256" or "sha512".
        encoding: "hex" or "base64".
        prefix: in front of the signature, such as "sha256=".
        template: what is signed; {body} once, and {id} and {timestamp} where their headers are named.
        timestamp_header: seconds or milliseconds since 1970, or RFC 3339. Empty: there is none.
        id_header: empty: there is none.
    """

    header: str
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    template: str = "{body}"
    timestamp_header: str = ""
    id_header: str = ""


class Verifier(_core.WebhookVerifier):
    """Verifies the messages of one sender; its keys are made ready once. May be used from any thread.

    Args:
        secret: one, or a list: any of them will do, so that one can rotate. For `standard` and `svix` a `whsec_` key
            (or
            its base64 alone, or its bytes), or `whpk_` and `whsk_` for ed25519; for the others any text or bytes. A
            `Secret` is looked up now.
        scheme: by whose rules the message is signed, or a recipe of one's own (`Hmac`).
        tolerance: seconds (or a timedelta) that a message's time may be from now, both ways; None: any time will do.
        seen: asked with the id of each message that verifies (its signature where it has none) whether it was here
            before; keeps it.
        clock: of tests.
        max_body_bytes: a larger body is refused before anything is computed. GitHub sends up to 25 MB.

    Raises:
        ConfigError: `config.secret` for a secret that is empty, short or of another form; `config.webhook` for the
            rest.
    """

    def __init__(
        self,
        secret: Secrets,
        scheme: Scheme | Hmac = "standard",
        *,
        tolerance: float | timedelta | None = 300,
        seen: Seen | None = None,
        clock: Clock | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        word, recipe = _scheme(scheme)
        super().__init__(
            _secrets(secret, word),
            scheme=word,
            recipe=recipe,
            tolerance=tolerance,
            max_body_bytes=max_body_bytes,
            seen=seen,
            clock=clock,
        )

    if TYPE_CHECKING:

        def verify(self, body: Body, headers: Pairs, url: str | None = None, params: Pairs | None = None) -> Event:
            """The event of a message that is signed as it should be. See `switchgear.webhooks.verify`."""


class Signer(_core.WebhookSigner):
    """Signs messages; its keys are made ready once. May be used from any thread.

    Args:
        secret: one, or a list: while a secret rotates, `standard`, `svix` and `stripe` sign with all of them.
        scheme: by whose rules, or a recipe of one's own (`Hmac`).
        clock: of tests.

    Raises:
        ConfigError: as for a Verifier, and for several secrets where a scheme has one signature.
    """

    def __init__(self, secret: Secrets, scheme: Scheme | Hmac = "standard", *, clock: Clock | None = None) -> None:
        word, recipe = _scheme(scheme)
        super().__init__(_secrets(secret, word), scheme=word, recipe=recipe, clock=clock)

    if TYPE_CHECKING:

        def sign(
            self,
            body: Body,
            id: str | None = None,
            timestamp: datetime | float | None = None,
            url: str | None = None,
            params: Pairs | None = None,
        ) -> dict[str, str]:
            """The headers to send with a body. See `switchgear.webhooks.sign`."""


class ReplayGuard:
    """Remembers the ids of messages for a while, in this process: `Verifier(seen=ReplayGuard())`. May be used from any
    thread.

    Args:
        keep: seconds or a timedelta; twice the tolerance is enough, because what is older is refused for its age.
        most: ids; beyond, the oldest ones are forgotten.
        clock: of tests.
    """

    def __init__(
        self, keep: float | timedelta = 600, *, most: int = 100_000, clock: Clock | _core.ManualClock | None = None
    ) -> None:
        import time

        self._keep = keep.total_seconds() if isinstance(keep, timedelta) else float(keep)
        self._most = most
        self._now: Callable[[], float] = time.monotonic if clock is None else clock.now
        self._ids: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, id: str) -> bool:
        """Whether it was here before; from now on it was."""
        now = self._now()
        with self._lock:
            while self._ids and (now - next(iter(self._ids.values())) > self._keep or len(self._ids) > self._most):
                self._ids.popitem(last=False)
            if id in self._ids:
                return True
            self._ids[id] = now
            return False

    def __len__(self) -> int:
        return len(self._ids)


def verify(
    body: Body,
    headers: Pairs,
    secret: Secrets,
    scheme: Scheme | Hmac = "standard",
    *,
    tolerance: float | timedelta | None = 300,
    url: str | None = None,
    params: Pairs | None = None,
    seen: Seen | None = None,
    clock: Clock | None = None,
    max_body_bytes: int = MAX_BODY_BYTES,
) -> Event:
    """The event of a message that is signed as it should be; anything else raises.

    Args:
        body, headers: as they came.
        secret, scheme, tolerance, seen, clock, max_body_bytes: as for a `Verifier`, which is faster for the second
            message.
        url: as its sender called it; Twilio signs it.
        params: a form that was decoded already, for Twilio; left out, the body is decoded.

    Raises:
        SignatureError: `signature.missing_header`, `.duplicate_header`, `.malformed_header`, `.unsupported_version`,
            `.bad_signature`,
            `.too_old`, `.too_new`, `.too_large`, `.malformed_body`, `.replayed`.
        ConfigError: as for a `Verifier`.

    Sources: https://www.standardwebhooks.com and each vendor's page, in docs/webhooks.md.
    """
    verifier = Verifier(secret, scheme, tolerance=tolerance, seen=seen, clock=clock, max_body_bytes=max_body_bytes)
    return verifier.verify(body, headers, url, params)


def sign(
    body: Body,
    secret: Secrets,
    scheme: Scheme | Hmac = "standard",
    *,
    id: str | None = None,
    timestamp: datetime | float | None = None,
    url: str | None = None,
    params: Pairs | None = None,
    clock: Clock | None = None,
) -> dict[str, str]:
    """The headers to send with a body, by the same rules that `verify` has.

    Args:
        body: the bytes that will be sent, exactly.
        secret, scheme, clock: as for a `Signer`.
        id: of the message, stable over retries, without full stops. Left out: a new one.
        timestamp: of this attempt: seconds, or a datetime with a zone. Left out: now.
        url, params: of Twilio.

    Raises:
        ConfigError: as for a `Signer`; `config.webhook` for an id or a timestamp that can't be sent.
    """
    return Signer(secret, scheme, clock=clock).sign(body, id, timestamp, url, params)


def parse(body: Body, headers: Pairs, *, max_body_bytes: int = MAX_BODY_BYTES) -> list[Event]:
    """The events of a message that is not signed, or was verified before: CloudEvents 1.0, or plain JSON.

    By Content-Type: `application/cloudevents-batch+json` is a batch, `application/cloudevents+json` one event; else
    `ce-` headers make
    one event in binary mode, and what is neither is plain JSON, of which `type`, `timestamp` and `data` are taken where
    it has them.

    Raises:
        SignatureError: `signature.malformed_body`, `.missing_header`, `.malformed_header`, `.duplicate_header`,
            `.unsupported_version`,
            `.too_large`.

    Sources: CloudEvents 1.0.2, http-protocol-binding.md and json-format.md.
    """
    return _core.parse_webhook(body, headers, max_body_bytes)


def cloud_events(
    events: Event | Sequence[Event], mode: Literal["structured", "batch", "binary"] = "structured"
) -> tuple[dict[str, str], bytes]:
    """Headers and body of CloudEvents 1.0: one event, or any number in a batch.

    Raises:
        ConfigError: `config.webhook` for an event without id, type or `source` (one of its attributes).

    Sources: CloudEvents 1.0.2, http-protocol-binding.md and json-format.md.
    """
    if mode not in ("structured", "batch", "binary"):
        raise ConfigError(
            f"there is no mode {mode!r}", code="config.webhook", hint="there are structured, batch, binary"
        )
    headers, body = _core.write_cloud_events([events] if isinstance(events, Event) else list(events), mode)
    return dict(headers), bytes(body)


def handshake(headers: Pairs, origins: Sequence[str], per_minute: int | None = None) -> dict[str, str] | None:
    """The headers to answer OPTIONS with, by which a sender of CloudEvents asks whether it may send; None: it may not.

    Args:
        headers: of the request.
        origins: names that may send, such as "eventemitter.example.com"; "*": everybody.
        per_minute: so many requests at most; None: as many as one likes.

    Raises:
        SignatureError: `signature.missing_header` if the request asks for nothing.

    Sources: CloudEvents 1.0.2, http-webhook.md, 4.
    """
    return _core.answer_handshake(headers, list(origins), per_minute)


def new_id() -> str:
    """A new id for a message: without full stops."""
    return _core.new_webhook_id()


def new_secret() -> str:
    """A new secret for `standard` and `svix`: `whsec_` and 32 random bytes in base64."""
    return _core.new_webhook_secret()


def _scheme(scheme: Scheme | Hmac) -> tuple[str, Hmac | None]:
    if isinstance(scheme, Hmac):
        return "hmac", scheme
    if scheme == "hmac":
        raise ConfigError(
            "the scheme hmac needs to know which header holds the signature",
            code="config.webhook",
            hint='give scheme=switchgear.webhooks.Hmac(header="X-Signature")',
        )
    return scheme, None


def _secrets(secret: Secrets, scheme: str) -> list[str]:
    """As the core takes them. Bytes are the key itself, which Standard Webhooks write in base64."""
    given = list(secret) if isinstance(secret, (list, tuple)) else [secret]
    texts: list[Any] = []
    for each in given:
        if isinstance(each, Secret):
            texts.append(each.reveal())
        elif isinstance(each, bytes) and scheme in ("standard", "svix") and each:
            texts.append("whsec_" + base64.b64encode(each).decode())
        elif isinstance(each, (str, bytes)):
            texts.append(each)
        else:
            raise ConfigError(
                f"a secret is a {type(each).__name__}",
                code="config.secret",
                hint="give a str, bytes or switchgear.Secret",
            )
    return texts
