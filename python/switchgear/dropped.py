"""Credentials that `hub.disconnect()` has dropped: which there were, so that `hub.reconnect()` can ask for them.

In the row they leave a mark in the place of the credentials: their type and the names of the connector's own secrets,
with no value, no user's name and no reference.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from typing import Any

from switchgear import _core
from switchgear.errors import ConfigError

MARK = "dropped"


def drop(row: _core.StoredConnection) -> None:
    """Takes all credentials out of a row. One of the project file keeps its references: they are in the file anyway."""
    if row.owner == "file" or mark_of(row) or (row.auth is None and not row.secrets):
        return
    mark = {"type": row.auth.type if row.auth else None, "secrets": sorted(row.secrets)}
    row.secrets = {}
    keep_mark(row, mark)


def drop_tokens(store: _core.Store, id: str, others: Collection[str]) -> None:
    """Takes the connection's sealed tokens out of the store; those of connections whose ids begin alike stay."""
    secrets = _core.SecretStore(store)
    mine = re.compile(re.escape(f"tokens/{id}") + "(#[0-9a-f]{1,16})?")
    for name in secrets.names():
        if mine.fullmatch(name) and name.removeprefix("tokens/") not in others:
            secrets.erase(name)


def refuse_without(row: _core.StoredConnection, auth: object, secrets: Collection[str]) -> None:
    """Raises ConfigError (`config.credentials`) where what was dropped is not given anew."""
    mark = mark_of(row)
    missing = sorted(set(mark.get("secrets", ())) - set(secrets))
    kind = mark.get("type") if auth is None else None
    if not kind and not missing:
        return
    what = [f"its credentials ({kind})"] if kind else []
    what += [f"its secret '{name}'" for name in missing]
    arguments = ["auth=…"] if kind else []
    arguments += ["secrets={" + ", ".join(f'"{name}": Secret.env(…)' for name in missing) + "}"] if missing else []
    raise ConfigError(
        f"disconnecting '{row.id}' dropped {' and '.join(what)}, and they were not given anew",
        code="config.credentials",
        hint=f"hub.reconnect(id, {', '.join(arguments)}); "
        f"switchgear reconnect {row.id}{' --auth …' if kind else ''}{''.join(f' {name}=env:…' for name in missing)}",
        connection_id=row.id,
    )


def keep_mark(row: _core.StoredConnection, mark: dict[str, Any]) -> None:
    """Puts the mark where another change of the row would lose it."""
    if mark and not row.secrets:
        auth = _core.StoredAuth()
        auth.type, auth.settings_json = MARK, json.dumps(mark)
        row.auth = auth


def auth_type(row: _core.StoredConnection) -> str | None:
    """Of the credentials that there are."""
    return None if row.auth is None or row.auth.type == MARK else row.auth.type


def mark_of(row: _core.StoredConnection) -> dict[str, Any]:
    """The mark, as values: a row's own `auth` is not to be held while the row is changed."""
    found: dict[str, Any] = json.loads(row.auth.settings_json) if row.auth and row.auth.type == MARK else {}
    return found
