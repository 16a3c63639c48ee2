"""OAuth 2.0 without a person at the screen: client credentials, and a refresh token that somebody obtained once.

The access token is fetched at the first request, renewed shortly before it expires and when the source refuses it, once
for all threads of a connection. The token endpoint is asked with the connection's own timeouts, proxy and TLS settings.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from switchgear import _core
from switchgear.auth import Auth, Secret, as_secret, hide, plain_fields
from switchgear.errors import ConfigError

FileTokenStore = _core.FileTokenStore
MemoryTokenStore = _core.MemoryTokenStore
TokenStore = _core.TokenStore

CLIENT_AUTH = ("basic", "body")


def default_token_file() -> Path:
    """`$XDG_STATE_HOME/switchgear/tokens.json`, by default `~/.local/state/switchgear/tokens.json`."""
    base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "switchgear" / "tokens.json"


@dataclass(frozen=True)
class OAuth2ClientCredentials(Auth):
    """The client itself is the user (RFC 6749, 4.4).

    Attributes:
        token_url: the token endpoint.
        client_id, client_secret: as the identity provider gave them.
        scope: what is asked for, words separated by spaces.
        client_auth: where the endpoint wants the two: "basic", the header, or "body", the form.
        parameters: what else the endpoint wants, such as `{"audience": "…"}`. Shown and stored as they are.
    """

    token_url: str
    client_id: str
    client_secret: Secret | str = field(repr=False)
    scope: str = ""
    client_auth: str = "basic"
    parameters: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        hide(self, "client_secret")
        _check(self)

    def _authenticator(
        self, redactor: _core.Redactor, transport: _core.Transport, connection_id: str
    ) -> _core.Authenticator:
        return _core.OAuth2ClientCredentials(_options(self), transport, redactor)


@dataclass(frozen=True)
class OAuth2RefreshToken(Auth):
    """A user who signed in once, in a browser, and whose refresh token came of it (RFC 6749, 6).

    Servers that rotate refresh tokens give a new one with each access token and take the old one no more. The newest is
    kept in `store`, for this connection's id and sign-in; processes that share the store take turns. A connection whose
    refresh token was ended raises AuthError with the code `auth_invalid.invalid_grant`: somebody must sign in again.

    Attributes:
        token_url: the token endpoint.
        client_id: whom the token was given to.
        refresh_token: the first one. Another one, after another sign-in, takes effect at once.
        client_secret: of clients that have one.
        scope, client_auth, parameters: as with OAuth2ClientCredentials.
        store: a file's path or a TokenStore. None: `$XDG_STATE_HOME/switchgear/tokens.json`, by default
            `~/.local/state/switchgear/tokens.json`.
    """

    token_url: str
    client_id: str
    refresh_token: Secret | str = field(repr=False)
    client_secret: Secret | str = field(default="", repr=False)
    scope: str = ""
    client_auth: str = "basic"
    parameters: Mapping[str, str] = field(default_factory=dict, hash=False)
    store: TokenStore | str | os.PathLike[str] | None = None

    def __post_init__(self) -> None:
        hide(self, "refresh_token")
        if self.client_secret:
            hide(self, "client_secret")
        _check(self)

    def _authenticator(
        self, redactor: _core.Redactor, transport: _core.Transport, connection_id: str
    ) -> _core.Authenticator:
        first, store = as_secret(self.refresh_token), _open_store(self.store)
        return _core.OAuth2RefreshToken(_options(self), first, store, connection_id, transport, redactor)


def _check(auth: OAuth2ClientCredentials | OAuth2RefreshToken) -> None:
    if auth.client_auth not in CLIENT_AUTH:
        near = get_close_matches(str(auth.client_auth), CLIENT_AUTH, n=1)
        raise ConfigError(
            f"client_auth={auth.client_auth!r} is not known",
            code="config.auth",
            hint=f"did you mean {near[0]!r}?" if near else "'basic' (the header) or 'body' (the form)",
        )
    object.__setattr__(auth, "parameters", plain_fields("parameters", auth.parameters))


def _options(auth: OAuth2ClientCredentials | OAuth2RefreshToken) -> _core.OAuth2Options:
    return _core.OAuth2Options(
        token_url=auth.token_url,
        client_id=auth.client_id,
        client_secret=as_secret(auth.client_secret),
        secret_in_body=auth.client_auth == "body",
        scope=auth.scope,
        parameters=list(auth.parameters.items()),
    )


def _open_store(store: TokenStore | str | os.PathLike[str] | None) -> TokenStore:
    if isinstance(store, TokenStore):
        return store
    if store is not None:
        return FileTokenStore(os.fspath(store))
    path = default_token_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return FileTokenStore(str(path))
