"""Credentials that a request brings: by reference alone, and for nobody but the source that the connection has already.

A reference makes the server read what the caller can't. So what it leads to may go to the connection's own hosts only,
which the caller does not choose: signing in elsewhere is set up where the server runs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from switchgear._core import Secret
from switchgear.project_auth import AUTH, make_auth
from switchgear.server.replies import refused
from switchgear.server.schemas import table
from switchgear.toml_file import Layer, Place, SecretReference

if TYPE_CHECKING:
    from switchgear._core import StoredConnection
    from switchgear.auth import Auth

CREDENTIALS = table(
    {
        "auth": {
            "type": "object",
            "writeOnly": True,
            "description": "As in the project file, secrets by reference: "
            '{"type": "basic", "user": "alice", "password": "env:PLANT_PW"}',
        },
        "secrets": {
            "type": "object",
            "writeOnly": True,
            "description": 'The connector\'s own, by reference: {"api_key": "file:/run/secrets/acme"}',
        },
    }
)
_URLS = ("login_url", "token_url", "fetch_url")


def given_credentials(row: StoredConnection, body: Mapping[str, Any]) -> tuple[Auth | None, dict[str, Secret]]:
    """What the body brings for this connection.

    Raises:
        ConfigError: for what can't be meant, and `config.secret` for a secret that is no reference, not repeating it.
        Refused: 422 `config.auth` for credentials that would be shown to others than the source.
    """
    secrets = {name: _secret(name, value) for name, value in body.get("secrets", {}).items()}
    if "auth" not in body:
        return None, secrets
    layer = Layer()
    layer.put(("auth",), dict(body["auth"]), Place("the body", Path.cwd()))
    checked = AUTH.check(layer, ("auth",), layer.values["auth"])
    _refuse_elsewhere(checked, _origins(json.loads(row.config_json)))
    return make_auth(layer, ("auth",), checked), secrets


def _secret(name: str, value: Any) -> Secret:
    layer = Layer({"secrets": {name: value}}, {(): Place("the body", Path.cwd())})
    return Secret.from_reference(SecretReference().check(layer, ("secrets", name), value))


def _refuse_elsewhere(auth: Mapping[str, Any], own: set[tuple[str, str]]) -> None:
    for name, value in _settings(auth):
        if name == "store":
            raise _refused("'store' names a file of the server's", "leave it out: the hub keeps rotated tokens, sealed")
        if name in _URLS and _origin(value) not in own:
            raise _refused(
                f"'{name}' is none of the connection's own hosts, and the secret would be sent there",
                "where the server runs: hub.reconnect(id, auth=…), or switchgear reconnect ID --auth …",
            )


def _refused(message: str, hint: str) -> Exception:
    return refused(422, "config.auth", f"the credentials are not taken from a request: {message}", hint)


def _settings(auth: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in auth.items():
        if name == "and_with":
            yield from _settings(value)
        elif isinstance(value, str):
            yield name, value


def _origins(config: Mapping[str, Any]) -> set[tuple[str, str]]:
    return {_origin(value) for value in config.values() if isinstance(value, str) and "://" in value}


def _origin(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    host = parts.netloc.lower()
    if "@" in host or "\\" in host:  # which programs read in several ways
        return "", ""
    usual = {"http": ":80", "https": ":443"}.get(parts.scheme.lower(), "")
    return parts.scheme.lower(), host.removesuffix(usual) if usual else host
