"""Where a connection's syncs go: a URL, checked, and opened when a run begins."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from switchgear import _core
from switchgear.errors import ConfigError, Unsupported

_REFERENCE = re.compile(r"(env|file|keyring):(?!//).")


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
    destination = resolved(destination)
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


def resolved(destination: str) -> str:
    """The URL itself, where a reference says where to find it. Raises ConfigError where it is not there."""
    return _core.Secret.from_reference(destination).reveal() if _REFERENCE.match(destination) else destination


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
