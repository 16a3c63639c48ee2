"""Credentials that live in a session of the source: a login that gives cookies, and tokens against forged requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from switchgear import _core
from switchgear.auth import Auth, Secret, TlsSettings, as_secret, hide, plain_fields
from switchgear.errors import ConfigError

FORMATS = ("form", "json")


@dataclass(frozen=True)
class CookieLogin(Auth):
    """User and password are posted once, and the cookies of the reply go with every request.

    When the source answers with its login page or leads to it, one thread signs in again for all.

    Attributes:
        login_url: where user and password are posted.
        user, password: of the login.
        user_field, password_field: how the login calls them.
        fields: what else it wants, such as `{"client": "100"}`. Shown and stored as they are.
        format: how they are posted: "form" or "json".
        session_cookie: the name of the cookie that makes the session; "": any cookie does. Name it where a refused
            login sets cookies, too.
    """

    login_url: str
    user: str
    password: Secret | str = field(repr=False)
    user_field: str = "username"
    password_field: str = "password"  # noqa: S105 - a field's name
    fields: Mapping[str, str] = field(default_factory=dict, hash=False)
    format: str = "form"
    session_cookie: str = ""

    def __post_init__(self) -> None:
        hide(self, "password")
        if self.format not in FORMATS:
            near = get_close_matches(str(self.format), FORMATS, n=1)
            raise ConfigError(
                f"format={self.format!r} is not known",
                code="config.auth",
                hint=f"did you mean {near[0]!r}?" if near else "'form' or 'json'",
            )
        object.__setattr__(self, "fields", plain_fields("fields", self.fields))

    def _authenticator(
        self, redactor: _core.Redactor, transport: _core.Transport, connection_id: str
    ) -> _core.Authenticator:
        return _core.CookieLogin(
            login_url=self.login_url,
            user=self.user,
            password=as_secret(self.password),
            user_field=self.user_field,
            password_field=self.password_field,
            fields=list(self.fields.items()),
            as_json=self.format == "json",
            session_cookie=self.session_cookie,
            transport=transport,
            redactor=redactor,
        )


@dataclass(frozen=True)
class CsrfToken(Auth):
    """SAP's protection against forged requests, on top of any other credentials.

    A token is fetched before the first write and when the source asks for another one, once for all threads; the
    cookies that come with it go with every request. Reading needs none, and costs none.

    Attributes:
        fetch_url: the service root, which hands the tokens out.
        and_with: the credentials; None: the source knows its caller by a client certificate, say.
        fetch_method: "HEAD" is cheaper where the service answers it.
        header: the token's name.
    """

    fetch_url: str
    and_with: Auth | None = None
    fetch_method: str = "GET"
    header: str = "X-CSRF-Token"

    def _authenticator(
        self, redactor: _core.Redactor, transport: _core.Transport, connection_id: str
    ) -> _core.Authenticator:
        inner = self.and_with._authenticator(redactor, transport, connection_id) if self.and_with else None
        return _core.CsrfToken(
            fetch_url=self.fetch_url,
            fetch_method=self.fetch_method,
            header=self.header,
            credentials=inner,
            transport=transport,
            redactor=redactor,
        )

    def _tls(self, settings: TlsSettings, redactor: _core.Redactor) -> TlsSettings:
        return self.and_with._tls(settings, redactor) if self.and_with else settings
