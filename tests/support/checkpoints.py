"""Checkpoints to commit, and destinations with the readers by which their tables are looked at.

Rows are read from JSON as those of a source are, so that their columns have the types that a sync brings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa

import switchgear as sg
from switchgear.destinations import (
    CallbackDestination,
    Checkpoint,
    Destination,
    DestinationTable,
    Table,
)

AT = datetime(2026, 11, 27, 6, 0, 0, 123456, tzinfo=timezone.utc)
METADATA = ("_synced_at", "_run_id", "_rescued")
WORK_ORDERS = Table("plant", "WorkOrders", "plant", "WorkOrders", ("id",), "append", None)

Row = dict[str, Any]


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
) -> Checkpoint:
    """One that follows on `previous`; lists of records become batches of the run."""
    made = [batch(rows, run_id) if isinstance(rows, list) else rows for rows in batches]
    return Checkpoint(made, state, previous, first, last, run_id, AT, None if live is None else tuple(live))


def plain(rows: Sequence[Row]) -> list[Row]:
    """Rows without what the engine adds and without empty columns, in an order of their own."""
    kept = [{k: v for k, v in row.items() if k not in METADATA and v is not None} for row in rows]
    return sorted(kept, key=lambda row: json.dumps(row, sort_keys=True, default=str))


@dataclass
class Lab:
    """A destination under test.

    name     of its kind
    make     opens it anew, as another process would
    read     the rows of a table, by each of its readers
    """

    name: str
    make: Callable[[], Destination]
    read: Callable[[Table], dict[str, list[Row]]]

    def open(self, mode: Any, **changes: Any) -> DestinationTable:
        return self.make().open(self.table(mode, **changes))

    def table(self, mode: Any, **changes: Any) -> Table:
        return replace(WORK_ORDERS, mode=mode, **changes)

    def rows(self, mode: Any = "append", **changes: Any) -> list[Row]:
        """The rows, of which all readers must say the same."""
        found = self.read(self.table(mode, **changes))
        first, *others = [(name, plain(rows)) for name, rows in found.items()]
        for name, rows in others:
            assert rows == first[1], f"{name} and {first[0]} read different rows"
        return first[1]


def parquet_lab(folder: Path) -> Lab:
    import duckdb
    import pyarrow.dataset as ds

    from switchgear.destinations.durable import folder_name
    from switchgear.destinations.parquet import ParquetDestination

    def read(table: Table) -> dict[str, list[Row]]:
        place = folder / folder_name(table.schema) / folder_name(table.name)
        if not any(place.glob("*.parquet")):
            assert ParquetDestination(folder).files(table.schema, table.name) == []
            return {"nothing": []}
        listed = ParquetDestination(folder).files(table.schema, table.name)
        found = {
            "pyarrow, the folder": ds.dataset(place).to_table().to_pylist(),
            "pyarrow, the manifest": ds.dataset([str(path) for path in listed]).to_table().to_pylist(),
            "duckdb, *.parquet": duckdb_rows(duckdb.read_parquet(f"{place}/*.parquet")),
            "duckdb, **/*.parquet": duckdb_rows(duckdb.read_parquet(f"{place}/**/*.parquet")),
        }
        # From the top, what is kept beside the tables may not be taken for one.
        if len(list(folder.glob("*/*"))) == 2:
            found["duckdb, from the top"] = duckdb_rows(duckdb.read_parquet(f"{folder}/**/*.parquet"))
        return found

    return Lab("parquet", lambda: ParquetDestination(folder), read)


def duckdb_rows(relation: Any) -> list[Row]:
    return list(pa.table(relation.to_arrow_table()).to_pylist())


def delta_lab(folder: Path) -> Lab:
    from deltalake import DeltaTable

    from switchgear.destinations.delta import DeltaDestination

    def read(table: Table) -> dict[str, list[Row]]:
        path = DeltaDestination(folder).path(table.schema, table.name)
        if not DeltaTable.is_deltatable(str(path)):
            return {"nothing": []}
        found = DeltaTable(str(path))
        return {
            "deltalake": found.to_pyarrow_table().to_pylist(),
            "its files": pa.concat_tables(
                [pa.table(b) for b in found.to_pyarrow_dataset().to_batches()] or [found.to_pyarrow_table()]
            ).to_pylist(),
        }

    return Lab("delta", lambda: DeltaDestination(folder), read)


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
        lambda table: {"memory": memory.tables.get(table.name, [])},
    )


LABS: dict[str, Callable[[Path], Lab]] = {"parquet": parquet_lab, "delta": delta_lab, "callback": callback_lab}
MODES = {
    "parquet": ("append", "replace"),
    "delta": ("append", "replace", "upsert"),
    "callback": ("append", "replace", "upsert"),
}
