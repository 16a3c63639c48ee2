"""A connection as the store has it, to look at, and to see whether something of it has changed."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from switchgear import _core
from switchgear.diagnosis import iso
from switchgear.dropped import auth_type


@dataclass(frozen=True)
class StoredConnectionInfo:
    """A connection as the store has it.

    Attributes:
        id, connector, config: as they were given; secrets are not among them.
        auth: the type of its credentials; None: it has none.
        state: active, paused or disconnected.
        owner: "hub", or "file": then the project file is the only place to change it.
        version: counts changes.
    """

    id: str
    connector: str
    config: Mapping[str, Any]
    auth: str | None
    state: str
    owner: str
    schedule: str
    timezone: str
    destination: str
    entities: Mapping[str, Any]
    naming: str
    version: int
    created_at: datetime.datetime
    updated_at: datetime.datetime

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        values = dataclasses.asdict(self)
        return {**values, "created_at": iso(self.created_at), "updated_at": iso(self.updated_at)}


def info_of(row: _core.StoredConnection) -> StoredConnectionInfo:
    """What there is to see of a row."""
    return StoredConnectionInfo(
        id=row.id,
        connector=row.connector,
        config=json.loads(row.config_json),
        auth=auth_type(row),
        state=row.state,
        owner=row.owner,
        schedule=row.schedule,
        timezone=row.timezone,
        destination=row.destination,
        entities=json.loads(row.entities_json),
        naming=naming_of(row),
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


def naming_of(row: _core.StoredConnection) -> str:
    """How its tables and columns are named: it stands beside the policies, which the row has no other place for."""
    return str(json.loads(row.policies_json).get("naming", "exact"))


def put_naming(row: _core.StoredConnection, naming: str) -> None:
    """Puts it into the row; "exact" is what there is without a word."""
    policies = {name: table for name, table in json.loads(row.policies_json).items() if name != "naming"}
    row.policies_json = json.dumps(policies | ({} if naming == "exact" else {"naming": naming}))


def settings_of(row: _core.StoredConnection) -> tuple[Any, ...]:
    """All that was set of it, to compare."""
    auth = row.auth
    credentials = (
        (auth.type, json.loads(auth.settings_json), {k: str(v) for k, v in auth.secrets.items()}) if auth else None
    )
    secrets = {name: str(secret) for name, secret in row.secrets.items()}
    syncs = (row.schedule, row.timezone, row.destination, row.entities_json)
    return (row.connector, row.config_json, secrets, credentials, row.network_json, row.policies_json, *syncs)


def _references(secrets: Mapping[str, _core.Secret]) -> dict[str, str]:
    return {name: str(secret) for name, secret in secrets.items()}
