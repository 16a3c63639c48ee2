"""Whether a destination can be written to, found out without writing: what `switchgear doctor` says of it."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from switchgear.destinations import path_from_url
from switchgear.errors import Error
from switchgear.sync_destinations import opener, resolved

_DRIVERS = {
    "duckdb": "duckdb",
    "sqlite": "adbc-driver-sqlite",
    "postgresql": "adbc-driver-postgresql",
    "parquet": "pyarrow",
    "delta": "deltalake",
}


@dataclass(frozen=True)
class DestinationProbe:
    """What was found of a destination.

    Attributes:
        kind: duckdb, sqlite, postgresql, parquet, delta, or a scheme of one's own.
        display: its URL, without a password.
        driver: package and version that write to it; None: it is missing, or there is none to name.
        reachable: it answers, or its place is there.
        writable: a sync could write now; None: that was not found out.
        problem: in words, why not.
    """

    kind: str
    display: str
    driver: str | None = None
    reachable: bool = False
    writable: bool | None = None
    problem: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def probe(destination: str, connection_id: str) -> DestinationProbe:
    """Looks at a destination. What is wrong with it is in the result."""
    try:
        url = resolved(destination)
    except Error as error:
        return DestinationProbe("", destination, problem=str(error))
    kind = {"postgres": "postgresql"}.get(urlsplit(url).scheme, urlsplit(url).scheme)
    driver = _driver(kind)
    try:
        where = opener(url, connection_id)
    except Error as error:
        return DestinationProbe(kind, kind, driver, problem=str(error))
    try:
        reachable, writable, problem = _look(kind, url, where.display, where.open)
    except Error as error:
        reachable, writable, problem = error.code == "destination.locked", False, str(error)
    return DestinationProbe(kind, where.display, driver, reachable, writable, problem)


def _driver(kind: str) -> str | None:
    package = _DRIVERS.get(kind)
    try:
        return None if package is None else f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return None


def _look(kind: str, url: str, display: str, open_it: Any) -> tuple[bool, bool | None, str | None]:
    """Reachable, writable, and why not."""
    if kind in ("duckdb", "sqlite"):
        path = Path(display.partition(":///")[2])
        if path.exists():
            if (said := _unwritable(path) or _unwritable(path.parent)) is not None:
                return True, False, said
            open_it()  # which makes no change
            return True, True, None
        return _folder(path.parent, must_be_there=True)
    if kind in ("parquet", "delta"):
        return _folder(path_from_url(url).absolute(), must_be_there=False)
    if kind in ("postgresql", "adbc"):
        open_it()
        return True, *(_may_create(url) if kind == "postgresql" else (None, None))
    return True, None, None


def _folder(folder: Path, *, must_be_there: bool) -> tuple[bool, bool | None, str | None]:
    if must_be_there and not folder.is_dir():
        return False, False, f"the folder {folder} is not there"
    there = next(place for place in (folder, *folder.parents) if place.exists())
    said = f"{there} is no folder" if not there.is_dir() else _unwritable(there)
    return said is None, said is None, said


def _unwritable(path: Path) -> str | None:
    wanted = os.W_OK | os.X_OK if path.is_dir() else os.W_OK
    return None if os.access(path, wanted) else f"{path} can't be written to by this user"


def _may_create(url: str) -> tuple[bool | None, str | None]:
    """Whether this user may make schemas, in which tables land."""
    try:
        from adbc_driver_postgresql import dbapi
    except ImportError:
        return None, None  # it needs pyarrow, which a sync does not
    with dbapi.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute("select has_database_privilege(current_database(), 'create'), current_user")
        may, user = cursor.fetchone() or (False, "")
    return bool(may), None if may else f"{user} may not create schemas there: grant create on database … to {user}"
