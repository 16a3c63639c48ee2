"""Who may ask: bearer tokens, and, as long as there never was one, this machine itself.

Without tokens any page in a browser on this machine could reach the server: by a name of its own that it lets resolve
to 127.0.0.1 (DNS rebinding), or by a form that it sends across sites. So the peer, the Host that was asked for and the
Origin must all be this machine, and nothing may have passed a proxy, whose clients could be anybody.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from switchgear.server.replies import Refused, refused

if TYPE_CHECKING:
    from starlette.requests import Request

    from switchgear import _core
    from switchgear.server.threads import Threads

CREATE = "`switchgear token create` makes one; send it as `Authorization: Bearer …`"
HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::[0-9]{1,5})?")
FORWARDING = (
    "forwarded",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-forwarded-port",
    "x-real-ip",
    "x-original-host",
    "x-client-ip",
    "cf-connecting-ip",
    "true-client-ip",
)


@dataclass(frozen=True)
class Access:
    """What whoever asks may do.

    Attributes:
        owner: the token's id; "": this machine, without one.
        scope: read or operate.
        connections: these only; None: all.
    """

    owner: str = ""
    scope: str = "operate"
    connections: Collection[str] | None = None

    def may_see(self, connection_id: str) -> bool:
        """Whether it is for this connection."""
        return self.connections is None or connection_id in self.connections

    def check(self, scope: str) -> None:
        """Raises 403 unless it allows this."""
        if scope == "operate" and self.scope != "operate":
            message = f"the token {self.owner} has the scope '{self.scope}'; this needs 'operate'"
            raise _forbidden("permission.scope", message, "use a token made with --scope operate")

    def check_connection(self, connection_id: str) -> None:
        """Raises 403 unless it is for this connection, whether there is one or not."""
        if not self.may_see(connection_id):
            message = f"the token {self.owner} is not for connection '{connection_id[:100]}'"
            raise _forbidden("permission.connection", message, "use one made for it, or for all")


async def access_of(request: Request, tokens: _core.ApiTokenStore, threads: Threads) -> Access:
    """Raises 401 or 403."""
    given = request.headers.getlist("authorization")
    if given:
        kind, _, text = given[0].partition(" ")
        if len(given) > 1 or kind.lower() != "bearer" or not text.strip():
            raise _unauthorized("auth_invalid.scheme", "the Authorization header is no bearer token", CREATE)
        token: _core.ApiToken | None = await threads.store(tokens.find, text.strip())
        if token is None:
            message = "the token is unknown, revoked, or has run out"
            raise _unauthorized("auth_invalid.token", message, "`switchgear token list` shows which there are")
        named: Any = token.connections
        return Access(token.id, token.scope, None if named is None else frozenset(named))
    if await threads.store(tokens.any):
        raise _unauthorized("auth_invalid.no_token", "this needs a token", CREATE)
    check_loopback(request)
    return Access()


def check_loopback(request: Request) -> None:
    """Raises 403 unless this machine asks itself, by a name of its own, and no other site made it ask."""
    peer = request.client.host if request.client else "no address"
    if not _is_loopback(peer):
        raise _elsewhere(f"the request comes from {peer}")
    hosts = request.headers.getlist("host")
    if len(hosts) != 1 or not _is_own_name(_host_name(hosts[0])):
        raise _elsewhere(f"it asks for the host {', '.join(hosts)[:100]!r}")
    passed = [name for name in FORWARDING if name in request.headers]
    if passed:
        raise _elsewhere(f"it passed a proxy ({passed[0]})")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != hosts[0].lower():
        raise _elsewhere(f"a page of {origin[:100]!r} sent it")
    if request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise _elsewhere("a page of another site sent it")


def _elsewhere(why: str) -> Refused:
    message = f"as long as there is no token, only this machine itself is answered; {why}"
    return _forbidden("permission.loopback", message, CREATE)


def _forbidden(code: str, message: str, hint: str) -> Refused:
    return refused(403, code, message, hint)


def _unauthorized(code: str, message: str, hint: str) -> Refused:
    error = "" if code == "auth_invalid.no_token" else ', error="invalid_token"'  # RFC 6750, 3.1
    return refused(401, code, message, hint, WWW_Authenticate=f'Bearer realm="switchgear"{error}')


def _host_name(host: str) -> str:
    """Without the port; "" for what is no host (RFC 9110, 7.2)."""
    found = HOST.fullmatch(host)
    return found[1].strip("[]").lower() if found else ""


def _is_own_name(name: str) -> bool:
    return name == "localhost" or _is_loopback(name)


def _is_loopback(address: str) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback
