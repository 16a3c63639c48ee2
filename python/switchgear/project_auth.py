"""Credentials in the project file: `auth = {type = "…", …}`, what each type has, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from switchgear._core import Secret
from switchgear.auth import ApiKey, Auth, BasicAuth, BearerAuth, ClientCertificate
from switchgear.errors import ConfigError
from switchgear.oauth2 import CLIENT_AUTH, OAuth2ClientCredentials, OAuth2RefreshToken
from switchgear.sessions import FORMATS, CookieLogin, CsrfToken
from switchgear.toml_file import Keys, Layer, Named, OneOf, Place, SecretReference, Table, Text, Typed

_OAUTH2 = {
    "token_url": Text(),
    "client_id": Text(),
    "client_secret": SecretReference(),
    "scope": Text(),
    "client_auth": OneOf(CLIENT_AUTH),
    "parameters": Named(Text()),
}
_PLAIN = {
    "basic": Table({"user": Text(), "password": SecretReference()}, required=("user", "password")),
    "bearer": Table({"token": SecretReference()}, required=("token",)),
    "api_key": Table({"key": SecretReference(), "header": Text(), "query": Text()}, required=("key",)),
    "oauth2_client_credentials": Table(_OAUTH2, required=("token_url", "client_id", "client_secret")),
    "oauth2_refresh_token": Table(
        {**_OAUTH2, "refresh_token": SecretReference(), "store": Text(path=True)},
        required=("token_url", "client_id", "refresh_token"),
    ),
    "cookie_login": Table(
        {
            "login_url": Text(),
            "user": Text(),
            "password": SecretReference(),
            "user_field": Text(),
            "password_field": Text(),
            "fields": Named(Text()),
            "format": OneOf(FORMATS),
            "session_cookie": Text(),
        },
        required=("login_url", "user", "password"),
    ),
}


def _client_certificate(and_with: dict[str, Table]) -> Table:
    return Table(
        {
            "cert_file": Text(path=True),
            "key_file": Text(path=True),
            "password": SecretReference(),
            "and_with": Typed(and_with),
        },
        required=("cert_file", "key_file"),
    )


def _csrf(and_with: dict[str, Table]) -> Table:
    return Table(
        {"fetch_url": Text(), "fetch_method": OneOf(("GET", "HEAD")), "header": Text(), "and_with": Typed(and_with)},
        required=("fetch_url",),
    )


# Each wrapper takes the plain ones and the other wrapper, and none itself: that is all that makes sense.
AUTH = Typed(
    {
        **_PLAIN,
        "client_certificate": _client_certificate({**_PLAIN, "csrf": _csrf(_PLAIN)}),
        "csrf": _csrf({**_PLAIN, "client_certificate": _client_certificate(_PLAIN)}),
    }
)

CLASSES: dict[str, type[Auth]] = {
    "basic": BasicAuth,
    "bearer": BearerAuth,
    "api_key": ApiKey,
    "oauth2_client_credentials": OAuth2ClientCredentials,
    "oauth2_refresh_token": OAuth2RefreshToken,
    "cookie_login": CookieLogin,
    "client_certificate": ClientCertificate,
    "csrf": CsrfToken,
}
_SECRETS = ("password", "token", "key", "client_secret", "refresh_token")


def auth_of(settings: Iterable[tuple[Keys, Any]], said_by: str) -> Auth:
    """Credentials that a command line gives, such as `(("user",), "alice")`. Raises ConfigError naming `said_by`."""
    layer = Layer()
    for names, value in settings:
        layer.put(("auth", *names), value, Place(said_by, Path.cwd(), textual=True))
    return make_auth(layer, ("auth",), AUTH.check(layer, ("auth",), layer.values["auth"]))


def make_auth(layer: Layer, keys: Keys, given: dict[str, Any]) -> Auth:
    """The credentials of a checked table. Raises ConfigError naming the place for what contradicts itself."""
    arguments = {name: value for name, value in given.items() if name != "type"}
    for name in _SECRETS:
        if name in arguments:
            arguments[name] = Secret.from_reference(arguments[name])
    if "and_with" in arguments:
        arguments["and_with"] = make_auth(layer, (*keys, "and_with"), arguments["and_with"])
    try:
        return CLASSES[given["type"]](**arguments)
    except ConfigError as error:
        hint = 'header = "X-API-Key"' if given["type"] == "api_key" else error.hint
        raise layer.fail(keys, error.message, hint) from error
