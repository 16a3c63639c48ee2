"""How a connection's entities are synced: what the user wrote about them, checked, and where they land."""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from switchgear import _core
from switchgear.errors import ConfigError, NotFound, Unsupported
from switchgear.schedule import duration_seconds

if TYPE_CHECKING:
    from switchgear.connection import Connection

MODES = ("upsert", "append", "replace")
OPTIONS = (
    "cursor",
    "mode",
    "key",
    "initial_window",
    "lookback",
    "page_size",
    "parallel",
    "columns",
    "table",
    "commit_rows",
    "commit_bytes",
    "commit_seconds",
)
COMMIT_ROWS, COMMIT_BYTES, COMMIT_SECONDS = 250_000, 64 << 20, 10.0
LOOKBACK_SECONDS = 60.0
LONGEST_SECONDS = 100 * 366 * 86_400.0
_REFERENCE = re.compile(r"(env|file|keyring):(?!//).")


def check_entities(connection_id: str, entities: Mapping[str, Any]) -> None:
    """Refuses what can't be meant, before it is stored.

    Raises:
        ConfigError (`config.entities`): naming entity, option and the nearest right one.
    """
    for entity, options in entities.items():
        if not isinstance(options, Mapping):
            raise _bad(
                connection_id, entity, f"its options are {options!r}, no table", 'such as {"cursor": "ChangedAt"}'
            )
        for name, value in options.items():
            if name not in OPTIONS:
                near = difflib.get_close_matches(name, OPTIONS, n=1)
                suggestion = f", did you mean '{near[0]}'?" if near else ""
                raise _bad(
                    connection_id, entity, f"there is no option '{name}'{suggestion}", f"known: {', '.join(OPTIONS)}"
                )
            check_option(connection_id, entity, name, value)


def check_option(connection_id: str, entity: str, name: str, value: Any) -> None:
    """Refuses a value that an option can't have. Raises what check_entities() raises."""
    if name == "mode" and value not in MODES:
        near = difflib.get_close_matches(str(value), MODES, n=1)
        suggestion = f", did you mean '{near[0]}'?" if near else ""
        raise _bad(connection_id, entity, f"mode is {value!r}{suggestion}", f"one of {', '.join(MODES)}")
    if name in ("cursor", "table") and not (isinstance(value, str) and value):
        raise _bad(connection_id, entity, f"{name} is {value!r}", "a name")
    if name in ("key", "columns") and not (_is_names(value) or (name == "key" and isinstance(value, str) and value)):
        raise _bad(connection_id, entity, f"{name} is {value!r}", 'a list of names: ["Number"]')
    if name in ("page_size", "parallel", "commit_rows", "commit_bytes") and not _is_count(value):
        raise _bad(connection_id, entity, f"{name} is {value!r}", "a whole number above 0")
    if name in ("initial_window", "lookback", "commit_seconds"):
        _seconds(connection_id, entity, name, value)


def _is_names(value: Any) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and bool(value)
        and all(isinstance(v, str) for v in value)
    )


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _bad(connection_id: str, entity: str, why: str, hint: str = "") -> ConfigError:
    return ConfigError(
        f"the sync of '{entity}' can't be set up: {why}",
        code="config.entities",
        hint=hint,
        connection_id=connection_id,
        entity=entity,
    )


def _seconds(connection_id: str, entity: str, name: str, value: Any) -> float:
    seconds: float | None = None
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, str):
        seconds = duration_seconds(value)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        seconds = float(value)
    if seconds is None or not 0 <= seconds <= LONGEST_SECONDS:
        raise _bad(connection_id, entity, f"{name} is {value!r}", 'such as "90d", "15m", or a number of seconds')
    return seconds


def schedule_text(schedule: Any, connection_id: str) -> str:
    """A schedule as it is stored. Raises ConfigError (`config.schedule`) for what is neither text nor timedelta."""
    if isinstance(schedule, str):
        return schedule
    if isinstance(schedule, timedelta):
        return json_duration(schedule)
    raise ConfigError(
        f"the schedule of connection '{connection_id}' is {schedule!r}",
        code="config.schedule",
        hint='an interval: "15m", timedelta(minutes=15); or cron: "*/15 * * * *"',
        connection_id=connection_id,
    )


def json_duration(value: object) -> str:
    """For json.dumps(default=…): a timedelta as "900s"."""
    if not isinstance(value, timedelta):
        raise TypeError(f"{value!r} can't be stored")
    seconds = value.total_seconds()
    return f"{int(seconds) if seconds.is_integer() else seconds}s"


def plans(plant: Connection, settings: Mapping[str, Any], entities: Sequence[str] | None) -> list[_core.EntityPlan]:
    """A plan for each entity that is to be synced.

    Args:
        settings: by entity, as `hub.add(entities=…)` took them; empty: all entities, each by its own cursor and key.
        entities: these only; None: all of them.

    Raises:
        NotFound: for an entity that the connection has not, or that its settings leave out.
    """
    known = {entity.name: entity for entity in plant.entities()}
    chosen = list(entities) if entities is not None else list(settings or known)
    made = []
    for name in chosen:
        entity = known.get(name)
        if entity is None:
            near = difflib.get_close_matches(name, list(known), n=1)
            suggestion = f", did you mean '{near[0]}'?" if near else ""
            raise NotFound(
                f"'{plant.id}' has no entity '{name}'{suggestion}",
                code="not_found.entity",
                hint=f"it has {', '.join(list(known)[:20])}",
                connection_id=plant.id,
                entity=name,
            )
        made.append(_plan(plant.id, name, bool(entity.key), settings.get(name, {})))
    return made


def _plan(connection_id: str, name: str, has_key: bool, options: Mapping[str, Any]) -> _core.EntityPlan:
    read = _core.ReadRequest()
    for option in ("page_size", "parallel", "columns"):
        if option in options:
            setattr(read, option, options[option])
    mode = options.get("mode") or ("upsert" if has_key or options.get("key") else "replace")
    return _core.EntityPlan(entity=name, mode=mode, read=read, **plan_values(connection_id, name, options))


def plan_values(connection_id: str, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """An entity's options in the units of the core, with a default where nothing was said."""
    key = options.get("key", [])
    window = options.get("initial_window")
    return {
        "cursor": options.get("cursor", ""),
        "key": [key] if isinstance(key, str) else list(key),
        "initial_window": None if window is None else _seconds(connection_id, name, "initial_window", window),
        "lookback": _seconds(connection_id, name, "lookback", options.get("lookback", LOOKBACK_SECONDS)),
        "commit_rows": options.get("commit_rows", COMMIT_ROWS),
        "commit_bytes": options.get("commit_bytes", COMMIT_BYTES),
        "commit_seconds": _seconds(
            connection_id, name, "commit_seconds", options.get("commit_seconds", COMMIT_SECONDS)
        ),
    }


@dataclass(frozen=True)
class Opener:
    """A destination that is not open yet: one run opens it, and closes it at its end."""

    display: str
    one_writer: bool
    open: Callable[[], _core.Destination]


def opener(destination: str, connection_id: str) -> Opener:
    """Where a connection's syncs go, from the URL that it was given.

    Args:
        destination: `duckdb:///plant.duckdb` (a relative path; `duckdb:////var/plant.duckdb` an absolute one),
            `sqlite:///…`, `postgresql://user@host/name`, `parquet:///folder`, `delta:///folder`; any other ADBC driver
            that speaks one of these databases' SQL by `adbc:///driver.so?dialect=postgresql&uri=…`; or `env:NAME`,
            `file:PATH`, `keyring:SERVICE/NAME`, where such a URL is to be found.

    Raises:
        ConfigError (`config.destination`): naming what is wrong and the nearest right form.
    """
    if not destination:
        raise ConfigError(
            f"connection '{connection_id}' has no destination to sync into",
            code="config.destination",
            hint='hub.update(id, destination="duckdb:///plant.duckdb")',
            connection_id=connection_id,
        )
    if _REFERENCE.match(destination):
        destination = _core.Secret.from_reference(destination).reveal()
    parts = urlsplit(destination)
    scheme = {"postgres": "postgresql"}.get(parts.scheme, parts.scheme)
    if scheme == "duckdb":
        path = _path(destination)
        return Opener(f"duckdb:///{path}", True, lambda: _duckdb(path))
    if scheme == "sqlite":
        path = _path(destination)
        return Opener(f"sqlite:///{path}", True, lambda: _sqlite(path))
    if scheme == "postgresql":
        shown = urlunsplit(parts._replace(netloc=re.sub(r":[^@]*@", "@", parts.netloc)))
        return Opener(shown, False, lambda: _postgresql(destination, shown))
    if scheme == "adbc":
        return _any_driver(destination)
    from switchgear.destinations import destination_from_url

    destination_from_url(destination)  # refuses what it does not know
    return Opener(destination, False, lambda: _core.python_destination(destination_from_url(destination)))


def check_destination(destination: str, connection_id: str) -> None:
    """Refuses a URL that can't be one, and a password in it, which would lie in the store.

    Raises:
        ConfigError: `config.destination`, or `config.secret` for a password.
    """
    if not isinstance(destination, str):
        raise ConfigError(
            f"the destination of connection '{connection_id}' is {destination!r}",
            code="config.destination",
            hint='a URL: destination="duckdb:///plant.duckdb"',
            connection_id=connection_id,
        )
    if not destination or _REFERENCE.match(destination):
        return
    inner = dict(parse_qsl(urlsplit(destination).query)).get("uri", "") if destination.startswith("adbc:") else ""
    if urlsplit(destination).password is not None or urlsplit(inner).password is not None:
        raise ConfigError(
            f"the destination of connection '{connection_id}' has a password in its URL, which is not stored",
            code="config.secret",
            hint='keep the whole URL elsewhere: destination="env:PLANT_DSN"; or the password in ~/.pgpass',
            connection_id=connection_id,
        )
    opener(destination, connection_id)


def kept_destination(destination: str) -> str:
    """As it is stored. The store is read from other folders: where a reference is a file, its name is made absolute."""
    if destination.startswith("file:") and _REFERENCE.match(destination):
        return f"file:{Path(destination.removeprefix('file:')).expanduser().absolute()}"
    return destination


def _path(url: str) -> str:
    """As SQLAlchemy has it: three slashes before a relative path, four before an absolute one."""
    rest = url.split(":", 1)[1]
    path = unquote(rest[3:]) if rest.startswith("///") else ""
    if not path.strip("/"):
        raise ConfigError(
            f"'{url}' names no file",
            code="config.destination",
            hint="duckdb:///plant.duckdb for a relative path, duckdb:////var/plant.duckdb for an absolute one",
        )
    return str(Path(path).absolute())


def _module(name: str, extra: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise Unsupported(
            f"this destination needs the package {name}, which is not installed",
            code="unsupported.missing_package",
            hint=f'pip install "switchgear[{extra}]"',
        ) from error


def _duckdb(path: str) -> _core.Destination:
    library = _module("_duckdb", "duckdb").__file__
    return _core.adbc_destination("duckdb", library, "duckdb_adbc_init", {"path": path}, f"duckdb:///{path}")


def _sqlite(path: str) -> _core.Destination:
    driver = _module("adbc_driver_sqlite", "sqlite")._driver_path()
    return _core.adbc_destination("sqlite", driver, "AdbcDriverInit", {"uri": path}, f"sqlite:///{path}")


def _any_driver(url: str) -> Opener:
    """`adbc:///driver.so?dialect=…`: `entry_point`, and what else the driver takes as options of its database."""
    driver = _path(url.partition("?")[0])
    options = dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
    dialect, entry_point = options.pop("dialect", ""), options.pop("entry_point", "AdbcDriverInit")
    if dialect not in ("duckdb", "postgresql", "sqlite"):
        raise ConfigError(
            f"'{url.partition('?')[0]}' is a driver whose dialect of SQL is {dialect!r}",
            code="config.destination",
            hint="adbc:///driver.so?dialect=postgresql&uri=…, where dialect is duckdb, postgresql or sqlite",
        )
    where = urlsplit(options.get("uri") or options.get("path", ""))
    shown = f"adbc:///{driver}?{urlunsplit(where._replace(netloc=re.sub(r':[^@]*@', '@', where.netloc)))}"
    return Opener(
        shown,
        dialect != "postgresql",
        lambda: _core.adbc_destination(dialect, driver, entry_point, options, shown),
    )


def _postgresql(url: str, shown: str) -> _core.Destination:
    driver = _module("adbc_driver_postgresql", "postgresql")._driver_path()
    return _core.adbc_destination("postgresql", driver, "AdbcDriverInit", {"uri": url}, shown)
