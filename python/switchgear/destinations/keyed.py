"""Rows by their key: of several with one key, what is left when they are written one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from switchgear.destinations.base import Table
from switchgear.destinations.widening import fitted

DELETED_AT = "_deleted_at"
REMOVED = "__switchgear_removed"
_FLAG = "__switchgear_came_"


def latest_by_key(batches: list[Any], schema: Any, table: Table) -> tuple[Any, dict[str, str]]:
    """One row for each key, in the columns that came, and flags for those that did not come with every row.

    A column that a later row lacks keeps the value that an earlier row of the key brought.

    Returns:
        The rows as a pyarrow.Table with columns of `schema`, `_deleted_at` among them and empty, and for each column
        that only some rows have the name of a further column, which says whether the row has it.

    Raises:
        ValueError: a row lacks a part of its key, or has the column `_deleted_at`.
    """
    if any(DELETED_AT in batch.schema.names for batch in batches):
        raise ValueError(f"the records have a column '{DELETED_AT}', by which deleted rows are marked here")
    came = [name for name in schema.names if any(name in batch.schema.names for batch in batches)]
    columns = [*came, DELETED_AT]
    rows = pa.Table.from_batches([fitted(batch, schema) for batch in batches], schema).select(columns)
    keys = _keys(rows, table)
    groups: dict[frozenset[str], list[range]] = {}
    at = 0
    for batch in batches:
        groups.setdefault(frozenset(batch.schema.names), []).append(range(at, at + batch.num_rows))
        at += batch.num_rows
    last = {key: row for row, key in enumerate(keys)}
    kept = rows.take(pa.array(last.values(), pa.int64()))
    partial: dict[str, str] = {}
    for name in came if len(groups) > 1 else ():
        having = [span for names, spans in groups.items() if name in names for span in spans]
        if len(having) == len(batches):
            continue
        latest = {keys[row]: row for span in sorted(having, key=lambda span: span.start) for row in span}
        places = pa.array([latest.get(key) for key in last], pa.int64())
        kept = kept.set_column(kept.column_names.index(name), schema.field(name), rows.column(name).take(places))
        partial[name] = f"{_FLAG}{len(partial)}"
        kept = kept.append_column(partial[name], places.is_valid())
    return kept, partial


def removed_keys(sources: list[Any], rows: Any, schema: Any, table: Table) -> Any:
    """The keys of removed records, each once, as a pyarrow.Table; those that `rows` bring back are not among them."""
    columns = pa.schema([schema.field(name) for name in table.key if name in schema.names])
    keys = pa.Table.from_batches([fitted(source.batch, columns) for source in sources], columns)
    if keys.num_rows == 0 or len(columns) < len(table.key):
        return keys.slice(0, 0)
    back = set(_keys(rows, table)) if rows.num_rows else set()
    places = {key: row for row, key in enumerate(_keys(keys, table)) if key not in back}
    return keys.take(pa.array(places.values(), pa.int64()))


def with_removed(rows: Any, removed: Any) -> Any:
    """Both in one pyarrow.Table, told by the column REMOVED; `rows` alone, where nothing is removed."""
    if removed.num_rows == 0:
        return rows
    parts = [
        part.append_column(REMOVED, pa.array([gone] * part.num_rows, pa.bool_()))
        for part, gone in ((rows, False), (removed, True))
        if part.num_rows
    ]
    return pa.concat_tables(parts, promote_options="default")


def new_versions(rows: Any, stored: Iterable[Any], table: Table) -> Any:
    """The rows that are not among the stored ones, by key and cursor.

    Args:
        rows: as a pyarrow.Table.
        stored: batches with the columns of `version_columns`, in the types that `rows` have.
    """
    columns = version_columns(table)
    place = "__switchgear_row"
    coming = _comparable(rows.select(columns)).append_column(place, pa.array(range(rows.num_rows), pa.int64()))
    known: set[int] = set()
    for batch in stored:
        there = _comparable(pa.Table.from_batches([batch]).select(columns))
        both = coming.join(there, there.column_names, join_type="left semi")
        known.update(both.column(place).to_pylist())
    if not known:
        return rows
    return rows.take(pa.array([row for row in range(rows.num_rows) if row not in known], pa.int64()))


def version_columns(table: Table) -> list[str]:
    """The columns that tell one version of a record from another."""
    return list(dict.fromkeys([*table.key, *([table.cursor] if table.cursor else [])]))


def _comparable(rows: Any) -> Any:
    """Columns that can be joined: no null, which equals nothing there, and plain types."""
    made: dict[str, Any] = {}
    for name in rows.column_names:
        column = rows.column(name)
        if pa.types.is_temporal(column.type):
            column = column.cast(pa.int32() if column.type.bit_width == 32 else pa.int64()).cast(pa.int64())
        elif not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
            column = column.cast(pa.string())
        made[f"{name} is there"] = column.is_valid()
        made[name] = column.fill_null("" if pa.types.is_string(column.type) else 0)
    return pa.table(made)


def _keys(rows: Any, table: Table) -> list[Any]:
    if rows.num_rows == 0:
        return []
    missing = [name for name in table.key if name not in rows.column_names]
    if missing:
        raise ValueError(f"column '{missing[0]}' of the key did not come")
    for name in table.key:
        if count := rows.column(name).null_count:
            raise ValueError(f"column '{name}' of the key is null in {count} of {rows.num_rows} records")
    columns = [rows.column(name).to_pylist() for name in table.key]
    return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))
