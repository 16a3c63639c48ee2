"""The errors of switchgear: one tree, a class for each thing that a caller may want to handle on its own.

    Error
    ├── OfflineError (ConnectionError)      the source can't be reached: DNS, connect, TLS, proxy, connection lost
    ├── TimeoutError (built-in's too)       no reply in time
    ├── AuthError                           credentials expired or refused
    ├── PermissionDenied                    the credentials are good, but not for this
    ├── RateLimited                         too many requests; see `retry_after`
    ├── CircuitOpenError                    refused here, because the source keeps failing; nothing was sent
    ├── BadRequest                          the source does not take the request; too large ones too
    ├── NotFound · Conflict · ServerError
    ├── ProtocolError                       the source's answer makes no sense
    ├── ConfigError                         a setting of ours
    ├── PluginError                         a connector broke its contract
    ├── DataError · DestinationError · StoreError · SignatureError
    ├── Unsupported · InternalError
    └── Cancelled

`code` is `category` or `category.detail` (`offline.tls`), the same word in C++, logs, run messages and over HTTP.
"""

from __future__ import annotations

import builtins
from typing import Any


class Error(Exception):
    """What went wrong, where, and what to do next.

    Attributes:
        message: what, where and why, without secrets.
        code: `category` or `category.detail`.
        hint: what to do next; may be empty.
        retryable: whether the same call may well succeed later.
        retry_after: seconds to wait before that, where the source said so.
        connection_id, entity: what it hit; empty where it is nobody's.
        http_status: of the source's reply; 0 where there was none.
        request_id: the source's own name for the request, for its operator; may be empty.
    """

    category: str = "internal"

    def __init__(
        self,
        message: str,
        category: str | None = None,
        code: str | None = None,
        hint: str = "",
        retryable: bool = False,
        retry_after: float | None = None,
        connection_id: str = "",
        entity: str = "",
        http_status: int = 0,
        request_id: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.category = category or type(self).category
        self.code = code or self.category
        self.hint = hint
        self.retryable = retryable
        self.retry_after = retry_after
        self.connection_id = connection_id
        self.entity = entity
        self.http_status = http_status
        self.request_id = request_id

    def __str__(self) -> str:
        where = "/".join(part for part in (self.connection_id, self.entity) if part)
        return f"{self.code}: {self.message}{f' ({where})' if where else ''}{f'; {self.hint}' if self.hint else ''}"

    def __reduce__(self) -> tuple[Any, ...]:
        return (
            type(self),
            (
                self.message,
                self.category,
                self.code,
                self.hint,
                self.retryable,
                self.retry_after,
                self.connection_id,
                self.entity,
                self.http_status,
                self.request_id,
            ),
        )

    def to_dict(self) -> dict[str, Any]:
        """The same JSON as over HTTP and in `--json`."""
        return {
            "category": self.category,
            "code": self.code,
            "message": self.message,
            "hint": self.hint,
            "retryable": self.retryable,
            "retry_after_seconds": self.retry_after,
            "connection_id": self.connection_id or None,
            "entity": self.entity or None,
            "http_status": self.http_status or None,
            "request_id": self.request_id or None,
        }


class OfflineError(Error, ConnectionError):
    """The source can't be reached: `offline.dns`, `.connect`, `.tls`, `.proxy`, `.lost`."""

    category = "offline"


class TimeoutError(Error, builtins.TimeoutError):
    """No reply in time."""

    category = "timeout"


class AuthError(Error):
    """Credentials expired (`auth_expired`) or were refused (`auth_invalid`)."""

    category = "auth_invalid"


class PermissionDenied(Error):
    """The credentials are good, but not for this."""

    category = "permission"


class RateLimited(Error):
    """Too many requests; `retry_after` says how long to wait."""

    category = "rate_limit"


class CircuitOpenError(Error):
    """Refused here because the source keeps failing; nothing was sent. `retry_after` says when to ask again."""

    category = "circuit_open"


class BadRequest(Error):
    """The source does not take the request (`bad_request`), or it is too large (`too_large`)."""

    category = "bad_request"


class NotFound(Error):
    """There is no such thing (`not_found`), or no longer (`gone`)."""

    category = "not_found"


class Conflict(Error):
    """Another state than expected: exists already, changed meanwhile (`conflict.precondition`), locked."""

    category = "conflict"


class ServerError(Error):
    """The source failed (`server`) or is unavailable for now (`unavailable`)."""

    category = "server"


class ProtocolError(Error):
    """The source's answer makes no sense: broken JSON, a login page, pages that go in a circle."""

    category = "protocol"


class ConfigError(Error):
    """A setting of ours is wrong or missing."""

    category = "config"


class PluginError(Error):
    """A connector broke its contract, or its file can't be used."""

    category = "plugin"


class DataError(Error):
    """A value that can't be taken."""

    category = "data"


class DestinationError(Error):
    """The place where data land failed."""

    category = "destination"


class StoreError(Error):
    """Our own state can't be read or written."""

    category = "store"


class SignatureError(Error):
    """A webhook that does not verify."""

    category = "signature"


class Unsupported(Error):
    """Not offered by the connector or the source."""

    category = "unsupported"


class InternalError(Error):
    """A fault of switchgear itself; please report it with the message."""

    category = "internal"


class Cancelled(Error):
    """The caller asked to stop."""

    category = "cancelled"


CLASSES: dict[str, type[Error]] = {
    "offline": OfflineError,
    "timeout": TimeoutError,
    "auth_expired": AuthError,
    "auth_invalid": AuthError,
    "permission": PermissionDenied,
    "rate_limit": RateLimited,
    "csrf": ProtocolError,
    "bad_request": BadRequest,
    "not_found": NotFound,
    "gone": NotFound,
    "conflict": Conflict,
    "too_large": BadRequest,
    "server": ServerError,
    "unavailable": ServerError,
    "protocol": ProtocolError,
    "config": ConfigError,
    "cancelled": Cancelled,
    "plugin": PluginError,
    "circuit_open": CircuitOpenError,
    "data": DataError,
    "destination": DestinationError,
    "store": StoreError,
    "signature": SignatureError,
    "unsupported": Unsupported,
    "internal": InternalError,
}


def from_core(category: str, message: str, **fields: Any) -> Error:
    """The exception for an error of the compiled core. Called by the bindings."""
    return CLASSES.get(category, InternalError)(message, category, **fields)
