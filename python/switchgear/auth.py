"""Credentials, as specifications: they hold references to secrets, print none, and become live only inside a
connection.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from switchgear import _core

Secret = _core.Secret


def _hide(auth: Auth, name: str) -> None:
    """A text given for a secret becomes one at once, so that it can be neither printed nor pickled."""
    object.__setattr__(auth, name, as_secret(getattr(auth, name)))


def as_secret(value: Secret | str) -> Secret:
    """A text is taken as a literal secret: fine in a script, refused where it would be stored."""
    return value if isinstance(value, Secret) else Secret(value)


class Auth:
    """How a connection shows who it is. Immutable; pickles unless it holds a literal secret."""

    def _authenticator(
        self, redactor: _core.Redactor, transport: _core.Transport, connection_id: str
    ) -> _core.Authenticator | None:
        raise NotImplementedError

    def _tls(self, options: dict[str, str | bool]) -> dict[str, str | bool]:
        """TLS settings with this one's own added; only client certificates have any."""
        return options


@dataclass(frozen=True)
class BasicAuth(Auth):
    """HTTP Basic (RFC 7617)."""

    user: str
    password: Secret | str = field(repr=False)

    def __post_init__(self) -> None:
        _hide(self, "password")

    def _authenticator(
        self, redactor: _core.Redactor, transport: _core.Transport, connection_id: str
    ) -> _core.Authenticator:
        return _core.BasicAuth(self.user, as_secret(self.password), redactor)


@dataclass(frozen=True)
class BearerAuth(Auth):
    """A token that somebody obtained, sent as `Authorization: Bearer` (RFC 6750)."""

    token: Secret | str = field(repr=False)

    def __post_init__(self) -> None:
        _hide(self, "token")

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
        _hide(self, "key")
        if (self.header is None) == (self.query is None):
            from switchgear.errors import ConfigError

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
    """A TLS client certificate, PEM files; may be combined with other credentials by `and_with`."""

    cert_file: str
    key_file: str
    password: Secret | str = field(default="", repr=False)
    and_with: Auth | None = None

    def __post_init__(self) -> None:
        if self.password:
            _hide(self, "password")

    def _authenticator(
        self, redactor: _core.Redactor, transport: _core.Transport, connection_id: str
    ) -> _core.Authenticator | None:
        return self.and_with._authenticator(redactor, transport, connection_id) if self.and_with else None

    def _tls(self, options: dict[str, str | bool]) -> dict[str, str | bool]:
        options = {**options, "cert_file": self.cert_file, "key_file": self.key_file}
        if self.password:
            options["key_password"] = as_secret(self.password).reveal()
        return options
