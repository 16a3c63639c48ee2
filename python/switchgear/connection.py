"""Connections: a configured connector that can be checked, asked for its entities, and read."""

from __future__ import annotations

import datetime
import decimal
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, cast, overload

from switchgear import _core
from switchgear.auth import Auth, Secret, as_secret
from switchgear.errors import ConfigError, Error
from switchgear.reader import Reader

Health = _core.Health


@dataclass(frozen=True)
class Timeouts:
    """Seconds: `connect` for DNS, TCP and TLS together; `stalled` without a byte; `total` for one attempt in all."""

    connect: float = 10.0
    stalled: float = 30.0
    total: float = 300.0


@dataclass(frozen=True)
class Tls:
    """How the source's certificate is checked.

    Attributes:
        ca_file: PEM file of the authorities to trust, instead of the system's.
        verify: False switches the check off: whoever sits between can read and change everything.
        pinned_public_key: `sha256//…` (curl's form), several separated by `;`.
    """

    ca_file: str = ""
    verify: bool = True
    pinned_public_key: str = ""


class HasTransport(Protocol):
    """Anything that stands in for the network: `switchgear.testing.RecordedTransport`."""

    def _transport(self, options: _core.TransportOptions, redactor: _core.Redactor) -> _core.Transport: ...


@dataclass(frozen=True)
class Entity:
    """A resource type of the source.

    Attributes:
        fields: its columns; empty where the source declares none and they are inferred when read.
        key: the fields that identify a record.
        cursor: the field by which changes can be asked for; empty: none.
        ops: what can be written: create, update, upsert, delete.
    """

    name: str
    fields: tuple[_core.Field, ...] = ()
    key: tuple[str, ...] = ()
    cursor: str = ""
    ops: tuple[str, ...] = ()

    @property
    def writable(self) -> bool:
        """Whether anything can be written."""
        return bool(self.ops)


class Entities(Sequence[Entity]):
    """The entities of a connection, by place or by name."""

    def __init__(self, entities: Iterable[Entity], connection_id: str) -> None:
        self._entities = tuple(entities)
        self._connection_id = connection_id

    @overload
    def __getitem__(self, which: int | str) -> Entity: ...
    @overload
    def __getitem__(self, which: slice) -> Sequence[Entity]: ...
    def __getitem__(self, which: int | str | slice) -> Entity | Sequence[Entity]:
        if isinstance(which, int | slice):
            return self._entities[which]
        for entity in self._entities:
            if entity.name == which:
                return entity
        from difflib import get_close_matches

        near = get_close_matches(which, self.names, n=1)
        suggestion = f", did you mean {near[0]!r}?" if near else ""
        raise KeyError(f"{self._connection_id!r} has no entity {which!r}{suggestion}")

    def __len__(self) -> int:
        return len(self._entities)

    def __contains__(self, which: object) -> bool:
        return which in self._entities or which in self.names

    @property
    def names(self) -> list[str]:
        """Their names, in the source's order."""
        return [entity.name for entity in self._entities]

    def __repr__(self) -> str:
        return f"<Entities of {self._connection_id}: {', '.join(self.names)}>"

    def _repr_html_(self) -> str:
        from switchgear.display import entities_html

        return entities_html(self)


@dataclass(frozen=True)
class raw:  # noqa: N801 - reads as a function: where=sg.raw("…")
    """A filter in the source's own language, passed on as it is."""

    text: str


Condition = tuple[str, str, Any]
Where = Sequence[Condition] | raw | None


@dataclass(frozen=True)
class Specification:
    """All that makes a connection, without anything live: what is pickled, stored and shown."""

    connector: str
    id: str
    config: Mapping[str, Any]
    secrets: Mapping[str, Secret]
    auth: Auth | None = None
    timeout: Timeouts = field(default_factory=Timeouts)
    tls: Tls = field(default_factory=Tls)
    proxy: str = ""
    max_reply_bytes: int = 256 << 20
    sha256: str = ""


class Connection:
    """A configured connector. Made by `connect()`; may be used from any thread; nothing is sent before it is asked
    something.
    """

    def __init__(self, specification: Specification, transport: HasTransport | None = None) -> None:
        self._specification = specification
        self._transport = transport
        plugin = registry().load(specification.connector, specification.sha256)
        redactor = _core.Redactor()
        tls: dict[str, Any] = asdict(specification.tls)
        if specification.auth is not None:
            tls = specification.auth._tls(tls)
        options = _core.TransportOptions(
            **asdict(specification.timeout),
            tls=_core.TlsOptions(**tls),
            proxy=specification.proxy,
            max_reply_bytes=specification.max_reply_bytes,
        )
        live = transport._transport(options, redactor) if transport is not None else _core.Transport(options)
        connection_id = specification.id or plugin.manifest.name
        auth = None
        if specification.auth is not None:
            auth = specification.auth._authenticator(redactor, live, connection_id)
        self._core = _core.Connection(
            plugin=plugin,
            id=connection_id,
            config_json=json.dumps(specification.config, default=_json_value),
            secrets=dict(specification.secrets),
            auth=auth,
            redactor=redactor,
            transport=live,
        )

    @property
    def id(self) -> str:
        """Its name in logs, errors and tables."""
        return self._core.id

    @property
    def connector(self) -> str:
        """The connector's name."""
        return self._core.manifest.name

    def check(self) -> Health:
        """Asks the source whether it is there and takes the credentials.

        What is wrong with the source is in the result: `online`, `cause`, `next_step`, `error`, and `steps`, one for
        each stage.
        """
        return self._core.check()

    def entities(self, refresh: bool = False) -> Entities:
        """What the source has. Asked once; `refresh=True` asks again. Raises `Error` when the source can't be asked."""
        return Entities(
            (
                Entity(info.name, tuple(info.fields), tuple(info.key), info.cursor, tuple(info.ops))
                for info in self._core.entities(refresh)
            ),
            self.id,
        )

    def read(
        self,
        entity: str,
        *,
        columns: Sequence[str] | None = None,
        where: Where = None,
        order: Sequence[tuple[str, str] | str] | None = None,
        modified_after: str | datetime.date | None = None,
        cursor: str | None = None,
        page_size: int | None = None,
        limit: int | None = None,
        token: str | None = None,
        prefetch: int = 2,
        max_bytes: int = 64 << 20,
        count: bool = False,
        progress: Any = None,
    ) -> Reader:
        """The records of an entity, page by page or all at once. Nothing is sent before the reader is used.

        Args:
            entity: its name; an unknown one raises NotFound with the nearest, when the reader is used.
            columns: these only, in this order. None: all.
            where: conditions that must all hold, `[("Status", "=", "OPEN"), ("Priority", "in", [1, 2])]`, with =, !=,
                <, <=, >, >=,
                in; or `sg.raw("…")`, the source's own language. Raises Unsupported where the connector can't pass it
                on.
            order: `["ChangedAt", ("Priority", "desc")]`.
            modified_after: only records whose cursor field is at or after this instant (a date counts from its
                midnight, UTC).
            cursor: the field that `modified_after` is about, where the source does not say.
            page_size: records a page, a wish: sources have limits of their own.
            limit: at most so many records.
            token: go on where `reader.token` or `page.token` points to.
            prefetch: pages fetched ahead, while others are worked on.
            max_bytes: of pages fetched ahead, at most; a single page may be larger.
            count: ask the source for the total (`page.total`).
            progress: None: a bar on a terminal or in a notebook; False: none; or a function that is given the
                ReadStats after each page.
        """
        options: dict[str, Any] = {
            "columns": list(columns or ()),
            "filter": "" if where is None or isinstance(where, raw) else _conditions(where),
            "raw_filter": where.text if isinstance(where, raw) else "",
            "order": _order(order),
            "modified_after": "" if modified_after is None else _instant(modified_after),
            "cursor": cursor or "",
            "page_size": _at_least("page_size", page_size, 1) or 0,
            "limit": -1 if limit is None else _at_least("limit", limit, 0),
            "token": token or "",
            "prefetch": _at_least("prefetch", prefetch, 1),
            "max_bytes": _at_least("max_bytes", max_bytes, 1),
            "count": count,
        }
        return Reader(self, entity, options, progress)

    def __repr__(self) -> str:
        settings = "".join(f", {name}={value!r}" for name, value in self._specification.config.items())
        return f"<Connection {self.id} ({self.connector}{settings})>"

    def _repr_html_(self) -> str:
        from switchgear.display import connection_html

        return connection_html(self)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._transport is not None:
            raise ConfigError(
                f"connection '{self.id}' has a transport of its own and can't be pickled",
                code="config.pickle",
                hint="connect() again on the other side",
            )
        return Connection, (self._specification,)


def connect(
    connector: str,
    *,
    id: str | None = None,
    auth: Auth | None = None,
    timeout: Timeouts | float | None = None,
    tls: Tls | None = None,
    proxy: str | None = None,
    max_reply_bytes: int = 256 << 20,
    transport: HasTransport | None = None,
    sha256: str = "",
    **config: Any,
) -> Connection:
    """A connection to a source system. Nothing is sent yet; `check()` or `read()` do that.

    Args:
        connector: the name of an installed connector (`switchgear connectors` lists them) or the path of a shared
            library.
        id: its name in logs, errors and tables; the connector's name, if left out.
        auth: BasicAuth, BearerAuth, ApiKey, ClientCertificate …
        timeout: `Timeouts`, or the seconds that one attempt may take in all.
        tls: how the source's certificate is checked.
        proxy: URL; None: from the environment (`https_proxy` …); "none": no proxy.
        max_reply_bytes: a larger reply (decompressed) is an error instead of memory.
        transport: in place of the network: `switchgear.testing.RecordedTransport`.
        sha256: the connector library's expected digest.
        config: the connector's own settings and secrets, by the names in its manifest: `url="https://…"`,
            `api_key=sg.Secret.env("ACME_KEY")`.

    Raises:
        ConfigError: for an unknown connector, setting or secret (with the nearest known name), or a value of the
            wrong type.
        PluginError: for a connector that can't be loaded.
    """
    manifest = registry().load(connector, sha256).manifest
    secrets = {name: as_secret(config.pop(name)) for name in manifest.secrets if config.get(name) is not None}
    for name, value in config.items():
        if isinstance(value, Secret):
            raise ConfigError(
                f"'{name}' is no secret of connector '{manifest.name}'",
                code="config.secret",
                hint=f"its secrets: {', '.join(manifest.secrets) or 'none'}; credentials go into auth=",
            )
    if timeout is None:
        timeout = Timeouts()
    elif not isinstance(timeout, Timeouts):
        timeout = Timeouts(total=timeout)
    _use_certifi()
    return Connection(
        Specification(
            connector=connector,
            id=id or "",
            config=config,
            secrets=secrets,
            auth=auth,
            timeout=timeout,
            tls=tls or Tls(),
            proxy=proxy or "",
            max_reply_bytes=max_reply_bytes,
            sha256=sha256,
        ),
        transport,
    )


def registry() -> _core.ConnectorRegistry:
    """Where connectors are looked for: environment, installed packages, the user's folder, the bundled ones."""
    bundled = Path(_core.__file__).parent / "connectors"
    return _core.ConnectorRegistry(_core.ConnectorRegistry.default_places(_package_places(), str(bundled)))


@lru_cache(maxsize=1)
def _package_places() -> list[_core.ConnectorPlace]:
    places = []
    for point in entry_points(group="switchgear.connectors"):
        found = point.load()
        path = found() if callable(found) else found
        places.append(_core.ConnectorPlace(str(path), f"entry point {point.name} of {point.value.split(':')[0]}"))
    return places


@lru_cache(maxsize=1)
def _use_certifi() -> None:
    """Minimal containers have no CA store; certifi's is better than none."""
    try:
        import certifi
    except ImportError:
        return
    _core.set_fallback_ca_file(certifi.where())


# -- values on their way into a request


def _json_value(value: object) -> Any:
    if isinstance(value, datetime.date):
        return _instant(value)
    if isinstance(value, datetime.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return str(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset | Iterator):
        return list(cast("Iterable[Any]", value))
    raise ConfigError(f"a value of type {type(value).__name__} can't be sent: {value!r}", code="config.value")


def _instant(value: str | datetime.date) -> str:
    """A date as it is; an instant in UTC. One without zone is refused: nobody can know which was meant."""
    if isinstance(value, str):
        return value
    if not isinstance(value, datetime.datetime):
        return value.isoformat()
    if value.tzinfo is None:
        raise ConfigError(
            f"{value!r} has no time zone",
            code="config.time_zone",
            hint="datetime(…, tzinfo=timezone.utc), or a date, or text such as '2026-01-31T00:00:00Z'",
        )
    return value.astimezone(datetime.timezone.utc).isoformat().replace("+00:00", "Z")


OPERATORS = ("=", "!=", "<", "<=", ">", ">=", "in")


def _conditions(where: Sequence[Condition]) -> str:
    for condition in where:
        if not isinstance(condition, tuple | list) or len(condition) != 3:
            raise ConfigError(f"{condition!r} is no condition", code="config.where", hint='("Status", "=", "OPEN")')
        if condition[1] not in OPERATORS:
            raise ConfigError(
                f"{condition[1]!r} is no operator of a condition",
                code="config.where",
                hint=f"one of {' '.join(OPERATORS)}",
            )
    return json.dumps([list(condition) for condition in where], default=_json_value) if where else ""


def _order(order: Sequence[tuple[str, str] | str] | None) -> str:
    if not order:
        return ""
    pairs = [(entry, "asc") if isinstance(entry, str) else tuple(entry) for entry in order]
    for pair in pairs:
        if len(pair) != 2 or pair[1] not in ("asc", "desc"):
            raise ConfigError(f"{pair!r} is no order", code="config.order", hint='["ChangedAt", ("Priority", "desc")]')
    return json.dumps(pairs)


def _at_least(name: str, value: int | None, least: int) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
        raise ConfigError(f"{name}={value!r} must be a whole number from {least} on", code=f"config.{name}")
    return value


__all__ = [
    "Connection",
    "Entities",
    "Entity",
    "Error",
    "Health",
    "Specification",
    "Timeouts",
    "Tls",
    "connect",
    "raw",
    "registry",
]
