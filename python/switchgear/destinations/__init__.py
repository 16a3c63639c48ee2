"""Destinations: where the rows of a sync land, with how far it has come. docs/destinations.md says what each promises.

    parquet:///folder   Parquet files: append, replace
    delta:///folder     Delta Lake tables: append, replace, upsert

A path after three slashes is relative, one after four absolute. Databases (`duckdb:`, `sqlite:`, `postgresql:`,
`adbc:`) are the core's, and are opened by the engine alone. `register` adds schemes of one's own.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from switchgear.destinations.base import Checkpoint, Destination, DestinationTable, Table, fenced
from switchgear.destinations.callback import CallbackDestination
from switchgear.errors import ConfigError, Unsupported

__all__ = [
    "CallbackDestination",
    "Checkpoint",
    "Destination",
    "DestinationTable",
    "Table",
    "destination_from_url",
    "fenced",
    "path_from_url",
    "register",
    "schemes",
]

CORE_SCHEMES = ("duckdb", "sqlite", "postgresql", "adbc")

Factory = Callable[[str], Destination]


def destination_from_url(url: str) -> Destination:
    """The destination that a URL names; nothing is opened or made yet.

    Raises:
        ConfigError (`config.destination`): the scheme is unknown (with the nearest one) or the URL has no path.
        Unsupported (`unsupported.missing_package`): a package is missing, with how to install it.
            `unsupported.destination`: the URL is one of the core's.
    """
    scheme, colon, _ = url.partition(":")
    if not colon or not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", scheme):
        raise _refused(url, "it names no scheme", 'like "duckdb:///plant.duckdb" or "parquet:///folder"')
    factory = _factories.get(scheme.lower())
    if factory is not None:
        return factory(url)
    if scheme.lower() in CORE_SCHEMES:
        raise Unsupported(
            f"a '{scheme}:' destination belongs to the core and is no object of Python",
            code="unsupported.destination",
            hint="give its URL to the connection: hub.add(…, destination=url)",
        )
    known = (*schemes(), *CORE_SCHEMES)
    near = difflib.get_close_matches(scheme.lower(), known, n=1)
    raise _refused(
        url,
        f"there is no destination '{scheme}:'",
        f"did you mean '{near[0]}:'?" if near else f"known: {', '.join(known)}",
    )


def register(scheme: str, factory: Factory) -> None:
    """Makes `scheme:…` a destination of one's own, which `factory(url)` gives; an earlier one of the name is replaced.

    Raises:
        ConfigError (`config.destination`): it is no scheme, or one of the core's.
    """
    if scheme in CORE_SCHEMES or not re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme):
        why = (
            "is the core's" if scheme in CORE_SCHEMES else "is no scheme: lower-case letters, digits, '+', '.' and '-'"
        )
        raise ConfigError(f"'{scheme}' {why}", code="config.destination", hint="choose another name")
    _factories[scheme] = factory


def schemes() -> list[str]:
    """The schemes that `destination_from_url` takes."""
    return sorted(_factories)


def path_from_url(url: str) -> Path:
    """The path of `scheme:///relative` or `scheme:////absolute`.

    Raises:
        ConfigError (`config.destination`): there is none, or something more.
    """
    scheme, _, rest = url.partition(":")
    if not rest.startswith("///"):
        path = rest.strip("/")
        raise _refused(url, "a path comes after three slashes", f"did you mean '{scheme}:///{path or 'folder'}'?")
    path, mark, _ = rest[3:].partition("?")
    if mark:
        raise _refused(url, "it takes no parameters", f"leave out what follows '{scheme}:///{path}'")
    if not path.strip("/"):
        raise _refused(url, "it names no path", f"give one, such as '{scheme}:///folder'")
    if "\0" in unquote(path):
        raise _refused(url, "its path holds a zero byte", "")
    return Path(unquote(path))


def _refused(url: str, why: str, hint: str) -> ConfigError:
    shown = re.sub(r"//[^/@]*@", "//…@", url)  # a user and a password are nobody's business
    return ConfigError(f"the destination '{shown}' can't be used: {why}", code="config.destination", hint=hint)


def _parquet(url: str) -> Destination:
    from switchgear.reader import require

    folder = path_from_url(url)
    require("pyarrow", "arrow")
    from switchgear.destinations.parquet import ParquetDestination

    return ParquetDestination(folder)


def _delta(url: str) -> Destination:
    from switchgear.reader import require

    folder = path_from_url(url)
    require("deltalake", "delta")
    require("pyarrow", "delta")
    from switchgear.destinations.delta import DeltaDestination

    return DeltaDestination(folder)


_factories: dict[str, Factory] = {"parquet": _parquet, "delta": _delta}
