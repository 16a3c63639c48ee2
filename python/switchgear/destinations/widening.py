"""Columns that become wide enough for what comes, and values that are written anew in them without being changed.

The types are those that switchgear reads (docs/schema.md). Where two meet, the first that holds all values wins:

    numbers     int64, uint64, double where each value is exactly one, decimal(38, s), else JSON text
    texts       text: a number, boolean, date or instant in it as it is written, the JSON text of a structure
    JSON text   takes everything, texts in quotes; only a text column that has values already stays one
    the rest    JSON text

A column without any value (JSON text is what an always empty one is read as) takes the type of what comes.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timezone
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Sequence

    from switchgear import _core

JSON = {b"switchgear:type": b"json"}
MOST_DIGITS = 38
EXACT_IN_DOUBLE = 2**53

# The parts of a column, so that no more of it is looked at than is needed.
Chunks = Callable[[], Iterable[Any]]


class Columns(Protocol):
    """Columns in memory or in a file: their fields, and the parts of one of them by its name."""

    @property
    def schema(self) -> Any: ...
    def chunks(self, name: str) -> Iterable[Any]: ...


@dataclass(frozen=True)
class InMemory:
    """The columns of a pyarrow.RecordBatch."""

    batch: Any

    @property
    def schema(self) -> Any:
        return self.batch.schema

    def chunks(self, name: str) -> Iterable[Any]:
        return [self.batch.column(name)]


@dataclass(frozen=True)
class Numbers:
    """What a column of numbers has: the digits before and after the point, a sign, and whether doubles hold all."""

    whole: int = 0
    fraction: int = 0
    negative: bool = False
    exact: bool = True

    def __or__(self, other: Numbers) -> Numbers:
        return Numbers(
            max(self.whole, other.whole),
            max(self.fraction, other.fraction),
            self.negative or other.negative,
            self.exact and other.exact,
        )


def united(batches: Sequence[_core.RecordBatch | Any]) -> Any:
    """One pyarrow.Table of all batches, with the union of their columns, each wide enough for all its values."""
    sources = in_memory(batches)
    schema = widest(sources)
    return pa.Table.from_batches([fitted(source.batch, schema) for source in sources], schema)


def in_memory(batches: Sequence[_core.RecordBatch | Any]) -> list[InMemory]:
    """The batches as pyarrow has them, without a copy."""
    return [InMemory(pa.record_batch(batch)) for batch in batches]


def widest(sources: Sequence[Columns]) -> Any:
    """A pyarrow.Schema with the columns of all sources, in the order in which they first come, each wide enough."""
    fields: dict[str, Any] = {}
    seen: dict[str, list[Columns]] = {}
    for source in sources:
        for new in map(plain, source.schema):
            name = new.name
            if name in fields:
                old_chunks = partial(_chunks, tuple(seen[name]), name)
                fields[name] = wide_enough(fields[name], old_chunks, new, partial(source.chunks, name))
            else:
                fields[name] = new
            seen.setdefault(name, []).append(source)
    return pa.schema(list(fields.values()))


def wide_enough(old: Any, old_chunks: Chunks, new: Any, new_chunks: Chunks) -> Any:
    """The field that holds the values of both without changing one; `old` itself if it does."""
    if _same(old, new) or not _filled(new_chunks):
        return old
    if _number(old.type) and _number(new.type):
        return _of_numbers(old, old_chunks, new, new_chunks)
    if not _filled(old_chunks):
        return new
    if is_json(old) or (is_json(new) and not pa.types.is_string(old.type)):
        return _json(old.name)
    if pa.types.is_string(old.type):
        return old
    if any(pa.types.is_string(type) or _textual(type) for type in (old.type, new.type)) and not (
        pa.types.is_nested(old.type) or pa.types.is_nested(new.type)
    ):
        return pa.field(old.name, pa.string())
    return _json(old.name)


def fitted(batch: Any, schema: Any) -> Any:
    """A batch or table with the columns of `schema`: its own written anew where they are wider, others empty."""
    columns = []
    for field in schema:
        at = batch.schema.get_field_index(field.name)
        if at < 0:
            columns.append(pa.nulls(batch.num_rows, field.type))
        else:
            columns.append(rewritten(batch.column(at), plain(batch.schema.field(at)), field))
    return type(batch).from_arrays(columns, schema=schema)


def rewritten(column: Any, old: Any, new: Any) -> Any:
    """The values of a column of field `old` as one of field `new`, which is wide enough for them."""
    if _same(old, new):
        return column if column.type == new.type else column.cast(new.type)
    if column.null_count == len(column):
        return pa.nulls(len(column), new.type)
    if is_json(new):
        return _each(column, _json_text)
    if pa.types.is_string(new.type):
        if is_json(old):
            return _each(column, _unquoted)
        return _each(column, _text)
    if pa.types.is_decimal(new.type) and not pa.types.is_decimal(old.type):
        # Not by a cast: that goes by how many digits the old type may have, and not by those that there are.
        return pa.array([None if v is None else Decimal(repr(v)) for v in column.to_pylist()], new.type)
    return column.cast(new.type)


def is_json(field: Any) -> bool:
    """Whether a column is JSON text."""
    return (field.metadata or {}).get(b"switchgear:type") == b"json"


# -- types


def plain(field: Any) -> Any:
    """A field as it is stored: of the widest type of its family, and with nothing but what makes JSON text of it."""
    kind = field.type
    if pa.types.is_null(kind):
        return _json(field.name)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        kind = pa.string()
    elif pa.types.is_signed_integer(kind):
        kind = pa.int64()
    elif pa.types.is_unsigned_integer(kind):
        kind = pa.uint64()
    elif pa.types.is_floating(kind):
        kind = pa.float64()
    return pa.field(field.name, kind, metadata=JSON if is_json(field) else None)


def _chunks(sources: Sequence[Columns], name: str) -> Iterator[Any]:
    for source in sources:
        yield from source.chunks(name)


def _json(name: str) -> Any:
    return pa.field(name, pa.string(), metadata=JSON)


def _same(old: Any, new: Any) -> bool:
    return bool(old.type == new.type) and is_json(old) == is_json(new)


def _number(type: Any) -> bool:
    return bool(pa.types.is_integer(type) or pa.types.is_floating(type) or pa.types.is_decimal(type))


def _textual(type: Any) -> bool:
    return bool(pa.types.is_temporal(type) or pa.types.is_binary(type))


def _filled(chunks: Chunks) -> bool:
    return any(chunk.null_count < len(chunk) for chunk in chunks())


def _of_numbers(old: Any, old_chunks: Chunks, new: Any, new_chunks: Chunks) -> Any:
    types = (old.type, new.type)
    floating = any(map(pa.types.is_floating, types))
    added = _numbers(new_chunks, floating)
    if pa.types.is_floating(old.type) and added.exact:
        return old
    if pa.types.is_decimal(old.type) and _fits(added, old.type):
        return old
    both = added | _numbers(old_chunks, floating)
    if all(map(pa.types.is_integer, types)):
        if not both.negative:
            return pa.field(old.name, pa.uint64())
        return pa.field(old.name, pa.decimal128(MOST_DIGITS, 0))
    if floating and both.exact:
        return pa.field(old.name, pa.float64())
    if both.whole + both.fraction <= MOST_DIGITS:
        return pa.field(old.name, pa.decimal128(MOST_DIGITS, both.fraction))
    return _json(old.name)


def _fits(numbers: Numbers, type: Any) -> bool:
    return bool(numbers.fraction <= type.scale and numbers.whole <= type.precision - type.scale)


def _numbers(chunks: Chunks, in_doubles: bool) -> Numbers:
    """`in_doubles`: whether it matters that doubles hold them, for which each decimal is looked at."""
    found = Numbers()
    for chunk in chunks():
        if chunk.null_count < len(chunk):
            found |= _numbers_of(chunk, in_doubles)
    return found


def _numbers_of(column: Any, in_doubles: bool) -> Numbers:
    if pa.types.is_floating(column.type):
        found = Numbers()
        for value in pc.unique(column).to_pylist():
            if value is not None:
                found |= _numbers_of_double(value)
        return found
    extremes = pc.min_max(column).as_py()
    low, high = Decimal(extremes["min"]), Decimal(extremes["max"])
    whole = max(len(str(int(value.copy_abs()))) if value.copy_abs() >= 1 else 0 for value in (low, high))
    if pa.types.is_integer(column.type):
        return Numbers(whole, 0, low < 0, max(abs(low), abs(high)) <= EXACT_IN_DOUBLE)
    exact = in_doubles and all(Decimal(repr(float(v))) == v for v in pc.unique(column).to_pylist() if v is not None)
    return Numbers(whole, column.type.scale, low < 0, exact)


def _numbers_of_double(value: float) -> Numbers:
    exact = Decimal(repr(value))
    if not exact.is_finite():
        return Numbers(whole=MOST_DIGITS + 1)  # no decimal holds it
    _, digits, exponent = exact.normalize().as_tuple()
    assert isinstance(exponent, int)  # noqa: S101 - it is finite
    return Numbers(max(len(digits) + exponent, 0), max(-exponent, 0), value < 0)


# -- values


def _each(column: Any, text: Callable[[Any], str]) -> Any:
    return pa.array([None if value is None else text(value) for value in column.to_pylist()], pa.string())


def _text(value: Any) -> str:
    """A value as a text column has it."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    if isinstance(value, bool | dict | list | float):
        return _json_text(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return _instant(value)
    if isinstance(value, date | time):
        return value.isoformat()
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def _json_text(value: Any) -> str:
    """A value as a column of JSON text has it."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        members = (f"{json.dumps(str(k), ensure_ascii=False)}:{_json_text(v)}" for k, v in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_json_text(v) for v in value) + "]"
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return json.dumps(value)
    return json.dumps(_text(value))


def _unquoted(text: str) -> str:
    """JSON text in a text column: a text without its quotes, anything else as it is."""
    if text.startswith('"'):
        return str(json.loads(text))
    return text


def _instant(value: datetime) -> str:
    if value.tzinfo is None:
        return value.isoformat()
    return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
