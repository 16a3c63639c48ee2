"""Credentials, as specifications: they hold references to secrets, print none, and become live only inside a
connection.

Here are those that need no request of their own; oauth2.py and sessions.py have those that sign in first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from switchgear import _core
from switchgear.errors import ConfigError

Secret = _core.Secret
TlsSettings = dict[str, str | bool]


def hide(auth: Auth, name: str) -> None:
    """A text given for a secret becomes one at once, so that it can be neither printed nor pickled."""
    object.__setattr__(auth, name, as_secret(getattr(auth, name)))


def as_secret(value: Secret | str) -> Secret:
    """A text is taken as a literal secret: fine in a script, refused where it would be stored."""
    return value if isinstance(value, Secret) else Secret(value)


def plain_fields(what: str, fields: Mapping[str, str]) -> dict[str, str]:
    """Further fields of a request, as they are sent. Raises ConfigError for what is no text, a Secret above all."""
    for name, value in fields.items():
        if not isinstance(value, str):
            raise ConfigError(
                f"{what}[{name!r}] is a {type(value).__name__}; it must be text",
                code="config.auth",
                hint=f"{what} are sent, shown and stored as they are: secrets have arguments of their own",
            )
    return dict(fields)


class Auth:
    """How a connection shows who it is. Immutable; pickles unless it holds a literal secret."""

    def _authenticator(
        self, redactor: _core.Redactor, transport: _core.Transport, connection_id: str
    ) -> _core.Authenticator | None:
        raise NotImplementedError

    def _tls(self, settings: TlsSettings, redactor: _core.Redactor) -> TlsSettings:
        """TLS settings with this one's own added; only client certificates have any."""
        return settings


@dataclass(frozen=True)
class BasicAuth(Auth):
    """HTTP Basic (RFC 7617)."""

    user: str
    password: Secret | str = field(repr=False)

    def __post_init__(self) -> None:
        hide(self, "password")

    def _authenticator(
        self, redactor: _core.Redactor, transport: _core.Transport, connection_id: str
    ) -> _core.Authenticator:
        return _core.BasicAuth(self.user, as_secret(self.password), redactor)


@dataclass(frozen=True)
class BearerAuth(Auth):
    """A token that somebody obtained, sent as `Authorization: Bearer` (RFC 6750)."""

    token: Secret | str = field(repr=False)

    def __post_init__(self) -> None:
        hide(self, "token")

    def _authenticator(
        self, redactor: _core.Redactor, transport: _core.Transport, connection_id: str
    ) -> _core.Authenticator:
        return _core.BearerAuth(as_secret(self.token), redactor)


@dataclass(frozen=True)
class ApiKey(Auth):
    """A key in a header (`ApiKey(key, header="apikey")`) or in the query (`ApiKey(key, query="api_key")`)."""

    key: Secret | str = field(repr=False)
    header: str | None = None
    query: str | None = None

    def __post_init__(self) -> None:
        hide(self, "key")
        if (self.header is None) == (self.query is None):
            raise ConfigError(
                "an API key goes either into a header or into the query",
                code="config.auth",
                hint='ApiKey(key, header="X-API-Key") or ApiKey(key, query="api_key")',
            )

    def _authenticator(
        self, redactor: _core.Redactor, transport: _core.Transport, connection_id: str
    ) -> _core.Authenticator:
        return _core.ApiKey(self.query is not None, self.query or self.header or "", as_secret(self.key), redactor)


@dataclass(frozen=True)
class ClientCertificate(Auth):
    """A TLS client certificate; may be combined with other credentials.

    Attributes:
        cert_file: PEM file of the certificate, and of those between it and its root.
        key_file: PEM file of its key.
        password: of the key, where it is encrypted.
        and_with: credentials that go with each request besides.
    """

    cert_file: str
    key_file: str
    password: Secret | str = field(default="", repr=False)
    and_with: Auth | None = None

    def __post_init__(self) -> None:
        if self.password:
            hide(self, "password")

    def _authenticator(
        self, redactor: _core.Redactor, transport: _core.Transport, connection_id: str
    ) -> _core.Authenticator | None:
        return self.and_with._authenticator(redactor, transport, connection_id) if self.and_with else None

    def _tls(self, settings: TlsSettings, redactor: _core.Redactor) -> TlsSettings:
        settings = {**settings, "cert_file": self.cert_file, "key_file": self.key_file}
        if self.password:
            password = as_secret(self.password).reveal()
            redactor.add(password)
            settings["key_password"] = password
        return settings
