"""A connection as the store keeps it, and back: what a worker in another process needs to open it, and no secret."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from switchgear import _core
from switchgear.auth import Auth, ClientCertificate
from switchgear.dropped import MARK
from switchgear.errors import ConfigError, StoreError
from switchgear.network import Timeouts, Tls
from switchgear.oauth2 import OAuth2RefreshToken
from switchgear.policy import Backoff, CircuitBreaker, RateLimiter, Retry
from switchgear.project_auth import CLASSES
from switchgear.request_values import json_value
from switchgear.sessions import CsrfToken
from switchgear.specification import OMITTED, Omitted, Specification

T = TypeVar("T")
_TYPES = {kind: name for name, kind in CLASSES.items()}
_POLICIES: dict[str, type[Any]] = {"rate_limit": RateLimiter, "breaker": CircuitBreaker, "retry": Retry}
_FILES = ("ca_file", "cert_file", "key_file")


def to_row(specification: Specification, row: _core.StoredConnection) -> _core.StoredConnection:
    """Puts all that makes the connection into the row.

    Raises:
        ConfigError: for a secret that is no reference, or a function, which no other process could call.
    """
    row.id = specification.id
    row.connector = specification.connector
    row.config_json = json.dumps(dict(specification.config), default=json_value)
    row.secrets = {name: _reference(name, secret) for name, secret in specification.secrets.items()}
    row.auth = None if specification.auth is None else _stored_auth(specification.auth)
    network = {
        "timeout": dataclasses.asdict(specification.timeout),
        "tls": _absolute(dataclasses.asdict(specification.tls)),
        "proxy": specification.proxy,
        "max_reply_bytes": specification.max_reply_bytes,
        "sha256": specification.sha256,
    }
    row.network_json = json.dumps(network)
    policies = {name: _policy_table(name, getattr(specification, name)) for name in _POLICIES}
    row.policies_json = json.dumps({name: table for name, table in policies.items() if table is not OMITTED})
    return row


def from_row(row: _core.StoredConnection, tokens: _core.TokenStore | None = None) -> Specification:
    """The other way. Refresh tokens that the connection's server rotates are kept in `tokens`, where it names no store.

    Raises:
        StoreError: for what this version of switchgear does not understand.
    """
    try:
        network = json.loads(row.network_json)
        policies = json.loads(row.policies_json)
        auth = None
        if row.auth is not None and row.auth.type != MARK:
            auth = _auth(row.auth.type, json.loads(row.auth.settings_json), dict(row.auth.secrets))
            auth = auth if tokens is None else keeping_tokens(auth, tokens)
        return Specification(
            connector=row.connector,
            id=row.id,
            config=json.loads(row.config_json),
            secrets=dict(row.secrets),
            auth=auth,
            timeout=Timeouts(**network.get("timeout", {})),
            tls=Tls(**network.get("tls", {})),
            proxy=network.get("proxy", ""),
            max_reply_bytes=network.get("max_reply_bytes", Specification.max_reply_bytes),
            sha256=network.get("sha256", ""),
            **{name: _policy(name, policies.get(name, OMITTED)) for name in _POLICIES},
        )
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise StoreError(
            f"connection '{row.id}' in the store can't be understood: {error}",
            code="store.connection",
            hint="a newer switchgear wrote it, or it was changed by hand: update it with hub.update()",
            connection_id=row.id,
        ) from error


def _reference(name: str, secret: _core.Secret) -> _core.Secret:
    """The store is read from other folders: a file's name must not depend on the working one."""
    if secret.is_literal:
        raise ConfigError(
            f"the secret '{name}' is a literal, which is not stored",
            code="config.secret",
            hint="give it by reference: Secret.env, Secret.file or Secret.keyring",
        )
    kind, _, rest = str(secret).partition(":")
    return _core.Secret.file(str(Path(rest).absolute())) if kind == "file" else secret


def _absolute(settings: dict[str, Any]) -> dict[str, Any]:
    return {
        name: str(Path(value).absolute()) if name in _FILES and value else value for name, value in settings.items()
    }


# -- credentials


def _stored_auth(auth: Auth) -> _core.StoredAuth:
    stored = _core.StoredAuth()
    settings, secrets = _auth_parts(auth, "")
    stored.type = settings.pop("type")
    stored.settings_json = json.dumps(settings)
    stored.secrets = secrets
    return stored


def _auth_parts(auth: Auth, prefix: str) -> tuple[dict[str, Any], dict[str, _core.Secret]]:
    """Settings as in the project file, and the secrets by their place in them: `and_with.password`."""
    if type(auth) not in _TYPES:
        raise ConfigError(
            f"credentials of the class {type(auth).__name__} can't be stored",
            code="config.auth",
            hint=f"those that can: {', '.join(kind.__name__ for kind in _TYPES)}",
        )
    settings: dict[str, Any] = {"type": _TYPES[type(auth)]}
    secrets: dict[str, _core.Secret] = {}
    for field in dataclasses.fields(auth):  # type: ignore[arg-type] # each of CLASSES is one
        value = getattr(auth, field.name)
        if isinstance(value, _core.Secret):
            secrets[prefix + field.name] = _reference(prefix + field.name, value)
        elif isinstance(value, Auth):
            settings[field.name], inner = _auth_parts(value, f"{prefix}{field.name}.")
            secrets |= inner
        elif isinstance(value, _core.StoredTokens):
            pass  # the hub's own: whoever opens the connection gives it again
        elif isinstance(value, _core.TokenStore):
            raise ConfigError(
                "a TokenStore object can't be stored",
                code="config.auth",
                hint="leave store= out: the hub keeps rotated tokens itself, sealed",
            )
        elif isinstance(value, Mapping):
            settings |= {field.name: dict(value)} if value else {}
        elif value is not None and value != "":
            is_path = isinstance(value, PathLike) or field.name in _FILES
            settings[field.name] = str(Path(value).absolute()) if is_path else value
    return settings, secrets


def _auth(kind: str, settings: dict[str, Any], secrets: dict[str, _core.Secret]) -> Auth:
    given = dict(settings)
    own = {name: secret for name, secret in secrets.items() if "." not in name}
    if "and_with" in given:
        inner = dict(given["and_with"])
        below = {name.partition(".")[2]: secret for name, secret in secrets.items() if name.startswith("and_with.")}
        given["and_with"] = _auth(inner.pop("type"), inner, below)
    return CLASSES[kind](**given, **own)


def keeping_tokens(auth: Auth, tokens: _core.TokenStore) -> Auth:
    """The same credentials, with rotated tokens kept there where they name no store of their own."""
    if isinstance(auth, OAuth2RefreshToken):
        return auth if auth.store is not None else dataclasses.replace(auth, store=tokens)
    if isinstance(auth, ClientCertificate | CsrfToken) and auth.and_with is not None:
        return dataclasses.replace(auth, and_with=keeping_tokens(auth.and_with, tokens))
    return auth


# -- policies


def _policy_table(name: str, policy: Any) -> Any:
    if policy is None:
        return False
    if isinstance(policy, Omitted):
        return OMITTED
    table = {key: _plain(name, key, value) for key, value in policy._parameters.items()}
    return {key: value for key, value in table.items() if value is not None}


def _plain(policy: str, key: str, value: Any) -> Any:
    if callable(value):
        raise ConfigError(
            f"{policy}.{key} is a function, which no other process could call",
            code="config.policy",
            hint="describe it by numbers, or leave it out",
        )
    if isinstance(value, datetime.timedelta):
        return {"seconds": value.total_seconds()}
    if isinstance(value, Backoff):
        return {"backoff": {key: _plain(policy, key, item) for key, item in dataclasses.asdict(value).items()}}
    return value


def _policy(name: str, table: Any) -> Any:
    if table is False:
        return None
    if isinstance(table, Omitted):
        return table
    return _POLICIES[name](**{key: _rich(value) for key, value in table.items()})


def _rich(value: Any) -> Any:
    if isinstance(value, dict) and "seconds" in value:
        return datetime.timedelta(seconds=value["seconds"])
    if isinstance(value, dict) and "backoff" in value:
        return Backoff(**{key: _rich(item) for key, item in value["backoff"].items()})
    return value
