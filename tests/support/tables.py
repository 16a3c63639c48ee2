"""What lies in a destination's tables, read by its own means, and compared with what the source has."""

from __future__ import annotations

import datetime
import decimal
import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet
from adbc_driver_postgresql import dbapi as postgresql
from deltalake import DeltaTable

from support.checkpoints import delta_rows

Row = dict[str, Any]
METADATA = ("_rescued", "_synced_at", "_run_id", "_deleted_at")


def reference(url: str, folder: Path) -> str:
    """The URL as a hub takes it: one with a password only by reference."""
    if not url.startswith("postgresql:"):
        return url
    place = folder / "destination.url"
    place.write_text(url)
    return f"file:{place}"


def rows_of(url: str, schema: str, table: str) -> list[Row]:
    """All rows, with the columns that a sync adds."""
    scheme, _, rest = url.partition(":")
    path = rest.removeprefix("///")
    if scheme == "duckdb":
        with duckdb.connect(path, read_only=True) as connection:
            catalog = Path(path).stem  # which may be the schema's name, too
            rows = connection.sql(f'select * from "{catalog}"."{schema}"."{table}"').to_arrow_table().to_pylist()  # noqa: S608
            return list(rows)
    if scheme == "sqlite":
        with sqlite3.connect(path) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(f'select * from "{schema}__{table}"')]  # noqa: S608
    if scheme == "postgresql":
        with postgresql.connect(url) as server, server.cursor() as cursor:
            cursor.execute(f'select * from "{schema}"."{table}"')  # noqa: S608
            return list(cursor.fetch_arrow_table().to_pylist())
    if scheme == "parquet":
        files = sorted(Path(path, schema, table).glob("*.parquet"))
        return [row for file in files for row in pyarrow.parquet.read_table(file).to_pylist()]
    if scheme == "delta":
        return delta_rows(DeltaTable(f"{path}/{schema}/{table}"))
    raise ValueError(url)


def is_same(wanted: Any, got: Any) -> bool:
    """One value, whatever the database makes of its type."""
    if wanted is None or got is None:
        return wanted is got
    if isinstance(wanted, decimal.Decimal):
        return decimal.Decimal(str(got)) == wanted
    if isinstance(wanted, datetime.datetime) and isinstance(got, str):
        at = datetime.datetime.fromisoformat(got.replace("Z", "+00:00"))
        return (at if at.tzinfo else at.replace(tzinfo=datetime.timezone.utc)) == wanted
    if isinstance(wanted, datetime.date) and isinstance(got, str):
        return datetime.date.fromisoformat(got) == wanted
    if isinstance(wanted, bool):
        return bool(got) == wanted
    if isinstance(wanted, list | dict) and isinstance(got, str):
        return bool(json.loads(got) == wanted)
    return bool(got == wanted)


def difference(rows: Sequence[Mapping[str, Any]], truth: Sequence[Mapping[str, Any]], key: str = "ID") -> list[str]:
    """How a table differs from its source: keys missing, doubled, or of no record, and values."""
    found: dict[Any, Mapping[str, Any]] = {}
    said: list[str] = []
    for row in rows:
        if row.get("_deleted_at") is not None:
            continue
        if row[key] in found:
            said.append(f"{row[key]} is there twice")
        found[row[key]] = row
    for record in truth:
        if record[key] not in found:
            said.append(f"{record[key]} is missing")
            continue
        got = found.pop(record[key])
        for name, value in record.items():
            if not is_same(value, got.get(name)):
                said.append(f"{record[key]}.{name} is {got.get(name)!r}, not {value!r}")
        if got.get("_rescued") is not None:
            said.append(f"{record[key]} has something rescued: {got['_rescued']}")
    said += [f"{other} is of no record" for other in found]
    return said


def latest(rows: Sequence[Mapping[str, Any]], key: str = "ID", cursor: str = "ChangedAt") -> list[Mapping[str, Any]]:
    """Of a table that is only added to: the last version of each record."""
    newest: dict[Any, Mapping[str, Any]] = {}
    for row in rows:
        known = newest.get(row[key])
        if known is None or row[cursor] >= known[cursor]:
            newest[row[key]] = row
    return list(newest.values())
