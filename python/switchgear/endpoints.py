"""Endpoints: the URLs that a hub's events are sent to, signed."""

from __future__ import annotations

import datetime
import difflib
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Literal, TypeAlias

from switchgear import _core
from switchgear.diagnosis import iso
from switchgear.errors import ConfigError, Conflict
from switchgear.events import TYPES
from switchgear.sending import Deliveries, Delivery
from switchgear.webhooks import new_secret

Wanted: TypeAlias = "Mapping[str, Sequence[str]] | Sequence[str]"
Schedule: TypeAlias = "Literal['default', 'standard'] | Sequence[float]"
SETTINGS = ("url", "events", "filter", "schedule", "ordered", "rate", "allowed_subnets", "ca_file")


@dataclass(frozen=True)
class Endpoint:
    """Where events are sent to, and which.

    Attributes:
        events: types and patterns by connection; "*": of every connection, and of none.
        filter: conditions on the data, by place in it.
        schedule: "default", "standard", or the seconds before each further attempt.
        ordered: one delivery after the other.
        rate: deliveries per second at most; None: any.
        allowed_subnets: where it may lie though they are not public.
        state: enabled, throttled (until `throttled_until`) or disabled (`reason` says why).
        owner: "hub", or "file": then the project file is the only place to change it.
        secret: only where it was made just now: it is shown this once.
    """

    id: str
    url: str
    events: Mapping[str, Sequence[str]]
    filter: Mapping[str, Any]
    schedule: str | Sequence[float]
    ordered: bool
    rate: float | None
    allowed_subnets: Sequence[str]
    ca_file: str
    state: str
    reason: str
    throttled_until: datetime.datetime | None
    owner: str
    version: int
    created_at: datetime.datetime
    updated_at: datetime.datetime
    secret: str | None = field(default=None, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; without the secret."""
        return {
            "id": self.id,
            "url": self.url,
            "events": {connection: list(types) for connection, types in self.events.items()},
            "filter": dict(self.filter),
            "schedule": self.schedule if isinstance(self.schedule, str) else list(self.schedule),
            "ordered": self.ordered,
            "rate": self.rate,
            "allowed_subnets": list(self.allowed_subnets),
            "state": self.state,
            "reason": self.reason or None,
            "throttled_until": iso(self.throttled_until),
            "owner": self.owner,
            "created_at": iso(self.created_at),
            "updated_at": iso(self.updated_at),
        }

    def __repr__(self) -> str:
        return f"<Endpoint {self.id} {self.url}: {self.state}>"

    def _repr_html_(self) -> str:
        from switchgear.display import endpoints_html

        return endpoints_html([self])


class Endpoints:
    """What `hub.endpoints` does. Threads may share it."""

    def __init__(self, store: _core.Store, sealed: _core.SecretStore, deliveries: Deliveries) -> None:
        self._store = _core.EndpointStore(store, sealed)
        self._store_of_deliveries = _core.DeliveryStore(store)
        self._deliveries = deliveries

    def add(
        self,
        url: str,
        *,
        id: str | None = None,
        secret: str | _core.Secret | None = None,
        events: Wanted = ("*",),
        filter: Mapping[str, Any] | None = None,
        schedule: Schedule = "default",
        ordered: bool = False,
        rate: float | None = None,
        allowed_subnets: Sequence[str] = (),
        ca_file: str | PathLike[str] = "",
    ) -> Endpoint:
        """Sends events there from now on.

        Args:
            url: https; plain http only into `allowed_subnets`.
            id: its name; None: one is made.
            secret: what signs: `whsec_…` or `whsk_…`, kept sealed, or a reference such as `Secret.env("OPS_KEY")`.
                None: one is made, which the returned object shows this once.
            events: `{"sap-mt": ["sync.failed"], "*": ["connection.*"]}`: types and patterns by connection, `"*"` for
                every one and for none; a list stands for `"*"`.
            filter: `{"error.category": ["offline", "timeout"], "counts.rejected": {">": 0}}`: all of it must hold of
                the data.
            schedule: "default": 30 s, doubling, for a day; "standard": the one of Standard Webhooks; or the seconds
                before each further attempt.
            ordered: one after the other, in the order of recording; one that fails keeps back all those behind it.
            rate: deliveries per second at most.
            allowed_subnets: addresses that are not public are refused, but for these: `["10.1.0.0/16"]`.
            ca_file: PEM, for an endpoint whose certificate is of a CA of one's own.

        Raises:
            Conflict: there is one with this id.
            ConfigError: `config.endpoint`, `config.url`, `config.address`, `config.subnet` or `config.secret`, for what
                can't be meant or is not allowed.
        """
        row = _core.StoredEndpoint()
        row.id = id or f"ep-{secrets.token_hex(6)}"
        _set(
            row,
            {
                "url": url,
                "events": events,
                "filter": filter,
                "schedule": schedule,
                "ordered": ordered,
                "rate": rate,
                "allowed_subnets": allowed_subnets,
                "ca_file": ca_file,
            },
        )
        key = _key_text(secret)
        return _endpoint(self._store.add(row, key), key if secret is None else None)

    def list(self) -> list[Endpoint]:
        """All of them, by id."""
        return [_endpoint(row) for row in self._store.all()]

    def _repr_html_(self) -> str:
        from switchgear.display import endpoints_html

        return endpoints_html(self.list())

    def get(self, id: str) -> Endpoint:
        """The endpoint of this id.

        Raises:
            NotFound: there is none, with the nearest id.
        """
        return _endpoint(self._store.get(id))

    def update(self, id: str, **changes: Any) -> Endpoint:
        """Changes what is given: url, events, filter, schedule, ordered, rate, allowed_subnets, ca_file.

        Raises:
            NotFound: there is none. Conflict: the project file owns it, or it was changed meanwhile.
            ConfigError: as `add()`.
        """
        row = self._owned_by_hub(id)
        _set(row, changes)
        return _endpoint(self._store.update(row))

    def remove(self, id: str) -> None:
        """Sends nothing there any more, and forgets what is on its way.

        Raises:
            NotFound: there is none. Conflict: the project file owns it.
        """
        self._owned_by_hub(id)
        self._store.remove(id)

    def enable(self, id: str) -> Endpoint:
        """Sends there again, after it was disabled or asked for a pause. What happened meanwhile is not sent."""
        return _endpoint(self._store.enable(id))

    def disable(self, id: str, reason: str = "by hand") -> Endpoint:
        """Sends nothing there until `enable()`. What is on its way waits; what happens from now on is not for it."""
        return _endpoint(self._store.disable(id, reason))

    def rotate(
        self,
        id: str,
        secret: str | _core.Secret | None = None,
        *,
        keep: datetime.timedelta = datetime.timedelta(hours=24),
    ) -> Endpoint:
        """Signs with another secret, and for a while with those before, too, so that the receiver can change over.

        Args:
            secret: as in `add()`. None: one is made, which the returned object shows this once.
            keep: how long those before sign.
        """
        key = _key_text(secret)
        return _endpoint(self._store.rotate(id, key, keep.total_seconds()), key if secret is None else None)

    def test(self, id: str, types: Sequence[str] | None = None) -> Sequence[Delivery]:
        """Sends a sample of each type that the endpoint is set for to it alone, with what else is due.

        Nobody takes them for something that happened: `data.test` is true, and `hub.events.list()` leaves them out.

        Args:
            types: of these; None: of all that it is set for.

        Returns:
            The deliveries: `state`, `status`, `error` and `response` say how it went.

        Raises:
            NotFound: there is no such endpoint. Conflict: it is disabled.
        """
        row = self._store.get(id)
        wanted = [pattern for patterns in json.loads(row.events_json).values() for pattern in patterns]
        chosen = types if types is not None else sorted(set(_all_types(wanted)))
        samples = [self._store_of_deliveries.test(id, type, json.dumps(_sample(type))) for type in chosen]
        self._deliveries.send(until_idle=True)
        return [self._deliveries.get(sample) for sample in samples]

    def apply(self, id: str, settings: Mapping[str, Any]) -> bool:
        """Takes over what the project file says of an endpoint, which then owns it. Whether it is new or changed."""
        present = self._store.find(id)
        if present is not None and present.owner != "file":
            raise Conflict(
                f"endpoint '{id}' of the project file is in the store already, added by a program",
                code="conflict.owner",
                hint="give one of them another id",
            )
        row = present or _core.StoredEndpoint()
        before = _visible(row)
        row.id, row.owner = id, "file"
        given = {name: value for name, value in settings.items() if name != "secret"}
        _set(row, {**_DEFAULTS, **given})
        secret = settings.get("secret")
        key = _key_text(_core.Secret.from_reference(secret) if isinstance(secret, str) else secret)
        if present is None:
            self._store.add(row, key)
            return True
        changed = False
        if secret is not None and all(known.text != key for known in self._store.keys(id)):
            self._store.rotate(id, key, _DAY)
            changed = True
        if _visible(row) != before:
            latest = self._store.get(id)
            _set(latest, {**_DEFAULTS, **given})
            self._store.update(latest)
            changed = True
        return changed

    def _owned_by_hub(self, id: str) -> _core.StoredEndpoint:
        row = self._store.get(id)
        if row.owner == "file":
            raise Conflict(f"endpoint '{id}' is the project file's", code="conflict.owner", hint="change it there")
        return row


_DAY = 86400.0  # seconds
_DEFAULTS: dict[str, Any] = {
    "events": ("*",),
    "filter": None,
    "schedule": "default",
    "ordered": False,
    "rate": None,
    "allowed_subnets": (),
    "ca_file": "",
}


def _visible(row: _core.StoredEndpoint) -> tuple[Any, ...]:
    how = (row.schedule_json, row.ordered, row.rate, row.subnets_json, row.ca_file, row.owner)
    return (row.url, json.loads(row.events_json), json.loads(row.filter_json), *how)


def _set(row: _core.StoredEndpoint, changes: Mapping[str, Any]) -> None:
    for name, value in changes.items():
        if name == "url":
            row.url = value
        elif name == "events":
            row.events_json = json.dumps(_by_connection(value))
        elif name == "filter":
            row.filter_json = json.dumps(dict(value or {}))
        elif name == "schedule":
            row.schedule_json = json.dumps(value if isinstance(value, str) else list(value))
        elif name == "ordered":
            row.ordered = bool(value)
        elif name == "rate":
            row.rate = float(value or 0)
        elif name == "allowed_subnets":
            row.subnets_json = json.dumps(list(value))
        elif name == "ca_file":
            row.ca_file = str(Path(value).absolute()) if value else ""
        else:
            near = difflib.get_close_matches(name, SETTINGS, n=1)
            suggestion = f", did you mean '{near[0]}'?" if near else ""
            raise ConfigError(
                f"an endpoint has no setting '{name}'{suggestion}",
                code="config.endpoint",
                hint=f"known: {', '.join(SETTINGS)}",
            )


def _by_connection(events: Any) -> dict[str, list[str]]:
    if isinstance(events, str):
        raise ConfigError(
            f"the events of an endpoint are {events!r}, a text", code="config.endpoint", hint=f'a list: ["{events}"]'
        )
    if isinstance(events, Mapping):
        return {connection: list(types) for connection, types in events.items()}
    return {"*": list(events)}


def _key_text(secret: str | _core.Secret | None) -> str:
    if secret is None:
        return new_secret()
    if isinstance(secret, str):
        return secret
    if secret.is_literal:
        return secret.reveal()
    kind, _, rest = str(secret).partition(":")
    return f"file:{Path(rest).absolute()}" if kind == "file" else str(secret)


def _all_types(patterns: Sequence[str]) -> list[str]:
    types: list[str] = []
    for pattern in patterns:
        if pattern == "*":
            types += TYPES
        elif pattern.endswith(".*"):
            types += [type for type in TYPES if type.startswith(pattern[:-1])] or [f"{pattern[:-2]}.test"]
        else:
            types.append(pattern)
    return types


def _sample(type: str) -> dict[str, Any]:
    """What such an event says, of a connection that there is not."""
    error = {"category": "offline", "code": "offline.connect", "message": "a sample", "hint": "nothing happened"}
    data: dict[str, Any] = {"test": True, "connection_id": "sample"}
    if type.startswith("sync."):
        status = "completed" if type == "sync.completed" else "failed"
        counts = {"read": 3, "written": 3 if status == "completed" else 0, "rejected": 0}
        data |= {"run_id": "sample", "status": status, "counts": counts}
        data["entities"] = [{"entity": "Sample", "status": status, "counts": counts}]
    if type not in ("sync.completed", "connection.online"):
        data["error"] = error
    return data


def _endpoint(row: _core.StoredEndpoint, secret: str | None = None) -> Endpoint:
    state = "disabled" if not row.enabled else "throttled" if row.throttled_until else "enabled"
    return Endpoint(
        id=row.id,
        url=row.url,
        events=json.loads(row.events_json),
        filter=json.loads(row.filter_json),
        schedule=json.loads(row.schedule_json),
        ordered=row.ordered,
        rate=row.rate or None,
        allowed_subnets=json.loads(row.subnets_json),
        ca_file=row.ca_file,
        state=state,
        reason=row.reason,
        throttled_until=row.throttled_until,
        owner=row.owner,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        secret=secret,
    )
