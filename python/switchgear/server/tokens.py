"""Bearer tokens of the HTTP interface. The store has a hash of each; its text is shown once, when it is made."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from switchgear import _core
from switchgear.diagnosis import iso

if TYPE_CHECKING:
    from switchgear.hub import Hub

SCOPES = ("read", "operate")


def store_of(hub: Hub) -> _core.ApiTokenStore:
    """The tokens of a hub's store."""
    return _core.ApiTokenStore(hub._store)


def create(
    hub: Hub,
    *,
    name: str = "",
    scope: str = "read",
    connections: Sequence[str] | None = None,
    lifetime: datetime.timedelta | None = None,
) -> tuple[_core.ApiToken, str]:
    """Makes a token. Returns it and its text, which is nowhere else.

    Args:
        name: for people to read.
        scope: "read": status and data; "operate": also to act and to write.
        connections: ids that it is for; None: all, also those to come.
        lifetime: after which it is refused; None: never.

    Raises:
        NotFound: there is no such connection. ConfigError: it could never be used.
    """
    for id in connections or ():
        hub._row(id)
    end = None if lifetime is None else (datetime.datetime.now(datetime.timezone.utc) + lifetime).timestamp()
    given = None if connections is None else list(connections)
    return store_of(hub).create(name=name, scope=scope, connections=given, expires_at=end)


def listed(hub: Hub) -> list[_core.ApiToken]:
    """All of them, the newest first, revoked ones too."""
    return store_of(hub).all()


def revoke(hub: Hub, id: str) -> _core.ApiToken:
    """From now on it is refused, by all servers. Raises NotFound with the nearest id."""
    return store_of(hub).revoke(id)


def state_of(token: _core.ApiToken) -> str:
    """active, expired or revoked."""
    if token.revoked_at is not None:
        return "revoked"
    expires_at: datetime.datetime | None = token.expires_at
    expired = expires_at is not None and expires_at <= datetime.datetime.now(datetime.timezone.utc)
    return "expired" if expired else "active"


def to_dict(token: _core.ApiToken) -> dict[str, Any]:
    """For JSON; `connections` null: all."""
    return {
        "id": token.id,
        "name": token.name,
        "scope": token.scope,
        "connections": token.connections,
        "state": state_of(token),
        "created_at": iso(token.created_at),
        "expires_at": iso(token.expires_at),
        "revoked_at": iso(token.revoked_at),
        "last_used_at": iso(token.last_used_at),
    }
