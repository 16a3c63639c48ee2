"""Checkpoints to commit, and destinations with the readers by which their tables are looked at.

Rows are read from JSON as those of a source are, so that their columns have the types that a sync brings.
"""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable, QueryBuilder

import switchgear as sg
from switchgear.destinations import (
    CallbackDestination,
    Checkpoint,
    Destination,
    DestinationTable,
    Table,
    destination_from_url,
)

AT = datetime(2026, 11, 27, 6, 0, 0, 123456, tzinfo=timezone.utc)
METADATA = ("_synced_at", "_run_id", "_rescued")
WORK_ORDERS = Table("plant", "WorkOrders", "plant", "WorkOrders", ("id",), "append", None)

Row = dict[str, Any]
Reader = Callable[[], list[Row]]


def batch(records: Sequence[Row], run_id: str = "run", schema: dict[str, str] | None = None) -> Any:
    """Records as a batch with the columns that the engine adds."""
    page = sg.parse_json(json.dumps(records), schema=schema or {})
    rows = pa.record_batch(page)
    rows = rows.append_column("_synced_at", pa.array([AT] * len(records), pa.timestamp("us", "UTC")))
    return rows.append_column("_run_id", pa.array([run_id] * len(records), pa.string()))


def checkpoint(
    previous: str | None,
    state: str,
    *batches: Any,
    run_id: str = "run",
    first: bool = False,
    last: bool = False,
    live: Sequence[str] | None = None,
    may_repeat: bool = False,
) -> Checkpoint:
    """One that follows on `previous`; lists of records become batches of the run."""
    made = [batch(rows, run_id) if isinstance(rows, list) else rows for rows in batches]
    return Checkpoint(made, state, previous, first, last, run_id, AT, None if live is None else tuple(live), may_repeat)


def plain(rows: Sequence[Row]) -> list[Row]:
    """Rows without what the engine adds and without empty columns, in an order of their own."""
    kept = [{k: v for k, v in row.items() if k not in METADATA and v is not None} for row in rows]
    return sorted(kept, key=lambda row: json.dumps(row, sort_keys=True, default=str))


@dataclass
class Lab:
    """A destination under test.

    name     of its kind
    make     opens it anew, as another process would
    readers  what reads the rows of a table, by its name
    """

    name: str
    make: Callable[[], Destination]
    readers: Callable[[Table], dict[str, Reader]]

    def open(self, mode: Any, **changes: Any) -> DestinationTable:
        return self.make().open(self.table(mode, **changes))

    def table(self, mode: Any, **changes: Any) -> Table:
        return replace(WORK_ORDERS, mode=mode, **changes)

    def rows(self, mode: Any = "append", **changes: Any) -> list[Row]:
        """The rows, of which all readers must say the same."""
        found = self.readers(self.table(mode, **changes))
        first, *others = [(name, plain(read())) for name, read in found.items()]
        for name, rows in others:
            assert rows == first[1], f"{name} and {first[0]} read different rows"
        return first[1]


def parquet_lab(folder: Path) -> Lab:
    from switchgear.destinations.durable import folder_name
    from switchgear.destinations.parquet import ParquetDestination

    def readers(table: Table) -> dict[str, Reader]:
        place = folder / folder_name(table.schema) / folder_name(table.name)
        if not any(place.glob("*.parquet")):
            assert ParquetDestination(folder).files(table.schema, table.name) == []
            return {"nothing": list}
        listed = [str(path) for path in ParquetDestination(folder).files(table.schema, table.name)]
        found: dict[str, Reader] = {
            "duckdb, *.parquet": lambda: duckdb_rows(f"{place}/*.parquet"),
            "pyarrow, the folder": lambda: ds.dataset(place).to_table().to_pylist(),
            "pyarrow, the manifest": lambda: ds.dataset(listed).to_table().to_pylist(),
        }
        # From the top, what is kept beside the tables may not be taken for one.
        if len(list(folder.glob("*/*"))) == 2:
            found["duckdb, from the top"] = lambda: duckdb_rows(f"{folder}/**/*.parquet")
        return found

    return Lab("parquet", lambda: ParquetDestination(folder), readers)


def duckdb_rows(pattern: str) -> list[Row]:
    return list(pa.table(duckdb.read_parquet(pattern).to_arrow_table()).to_pylist())


def delta_lab(folder: Path) -> Lab:
    from switchgear.destinations.delta import DeltaDestination

    def readers(table: Table) -> dict[str, Reader]:
        path = DeltaDestination(folder).path(table.schema, table.name)
        if not DeltaTable.is_deltatable(str(path)):
            return {"nothing": list}
        return {
            "deltalake": lambda: delta_rows(DeltaTable(str(path))),
            "its files, by duckdb": lambda: delta_files(DeltaTable(str(path))),
        }

    return Lab("delta", lambda: DeltaDestination(folder), readers)


def delta_rows(table: DeltaTable) -> list[Row]:
    """The rows as deltalake reads them, by none of pyarrow's threads, which may outlive what they read by Python."""
    rows = QueryBuilder().register("rows", table).execute("select * from rows").read_all()
    return list(pa.table(rows).to_pylist())


def delta_files(table: DeltaTable) -> list[Row]:
    """The rows of the files that the log names, read by others than deltalake."""
    files = [unquote(uri.removeprefix("file://")) for uri in table.file_uris()]
    return duckdb.read_parquet(files, union_by_name=True).to_arrow_table().to_pylist() if files else []


class Memory:
    """What a callback may do with what it gets: a table of dicts."""

    def __init__(self) -> None:
        self.tables: dict[str, list[Row]] = {}
        self.aside: dict[str, list[Row]] = {}

    def take(self, table: Table, checkpoint: Checkpoint) -> None:
        rows = [row for each in checkpoint.batches for row in pa.record_batch(each).to_pylist()]
        kept = self.tables.setdefault(table.name, [])
        if table.mode == "append":
            kept.extend(rows)
        elif table.mode == "upsert":
            by_key = {tuple(row[name] for name in table.key): row for row in kept}
            for row in rows:
                key = tuple(row[name] for name in table.key)
                by_key[key] = by_key.get(key, {}) | row | {"_deleted_at": None}
            for row in by_key.values() if checkpoint.live_run_ids is not None else ():
                if row["_run_id"] not in (checkpoint.live_run_ids or ()) and row["_deleted_at"] is None:
                    row["_deleted_at"] = checkpoint.at
            self.tables[table.name] = list(by_key.values())
        else:
            aside = [] if checkpoint.first else self.aside.get(table.name, [])
            self.aside[table.name] = [*aside, *rows]
            if checkpoint.last:
                self.tables[table.name] = self.aside.pop(table.name)


def callback_lab(folder: Path) -> Lab:
    memory = Memory()
    return Lab(
        "callback",
        lambda: CallbackDestination(memory.take, folder),
        lambda table: {"memory": lambda: memory.tables.get(table.name, [])},
    )


def journal_lab(folder: Path) -> Lab:
    """The destination of one's own that docs/destinations.md shows."""
    text = (Path(__file__).parents[2] / "docs/destinations.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(import json, sqlite3\n.*?)^```$", text, re.MULTILINE | re.DOTALL)
    shown: dict[str, Any] = {}
    exec(block.rpartition("print(")[0], shown)  # noqa: S102 - it is what readers are told to write
    path = folder / "journal"

    def rows(table: Table) -> list[Row]:
        with contextlib.closing(sqlite3.connect(path)) as db:
            found = db.execute("select row from rows where name = ?", [f"{table.schema}.{table.name}"])
            return [json.loads(row) for (row,) in found]

    return Lab(
        "journal",
        lambda: destination_from_url(f"journal:///{path}"),
        lambda table: {"sqlite": lambda: rows(table)},
    )


LABS: dict[str, Callable[[Path], Lab]] = {
    "parquet": parquet_lab,
    "delta": delta_lab,
    "callback": callback_lab,
    "journal": journal_lab,
}
MODES = {
    "parquet": ("append", "replace"),
    "delta": ("append", "replace", "upsert"),
    "callback": ("append", "replace", "upsert"),
    "journal": ("append",),
}
