"""The data model of the sandbox: column types, fields, entities, and records that are computed from their number.

Nothing is stored: a record is a pure function of its entity, its row number and the seed. An entity keeps only caches
(rendered record texts, columns that a filter looked at), each of which can be dropped and recomputed at any time, the
versions of the rows that were added or changed since it was made, and what clients have written.
Not thread-safe: one event loop, or one test, uses an instance.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timezone, tzinfo
from decimal import Decimal
from typing import Any, TypeAlias

Value: TypeAlias = "bool | int | float | Decimal | str | date | datetime | list[Value] | dict[str, Value] | None"
Record: TypeAlias = "dict[str, Any]"
Make: TypeAlias = Callable[[int, int], Value]

PERIOD = 100_000
"""From this row on the fields outside the key repeat, so that millions of records cost the memory of these."""

BLOCK = 256
"""Records rendered together when one of them is first asked for."""

_MASK = (1 << 64) - 1
json_text: Callable[[str], str] = json.encoder.encode_basestring
"""A JSON string with non-ASCII characters left as they are."""


def mix(number: int) -> int:
    """64 well-mixed bits from a number (the finaliser of splitmix64)."""
    z = (number * 0x9E3779B97F4A7C15) & _MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
    return z ^ (z >> 31)


@dataclass(frozen=True)
class Type:
    """A column type: its OData name and facets, and how its values are written in JSON."""

    name: str
    kind: str  # number, text, date, timestamp, bool, complex or collection: what $filter may compare it with
    encode: Callable[[Any], str]
    facets: tuple[tuple[str, str], ...] = ()
    members: tuple[Field, ...] = ()
    item: Type | None = None


@dataclass(frozen=True)
class Field:
    """A named column; `make(row, bits)` computes its value from 64 bits that belong to the row."""

    name: str
    type: Type
    make: Make
    nullable: bool = False


_TWO = [f"{n:02d}" for n in range(60)]
_THREE = [f"{n:03d}" for n in range(1000)]
_ZONES: dict[tzinfo | None, str] = {timezone.utc: "Z"}


def _timestamp(value: datetime) -> str:
    """In milliseconds with zone. By tables, as isoformat takes three times as long and there is one in each record."""
    zone = _ZONES.get(value.tzinfo)
    if zone is None:
        zone = _ZONES[value.tzinfo] = value.isoformat()[-6:]
    clock = f"{_TWO[value.hour]}:{_TWO[value.minute]}:{_TWO[value.second]}.{_THREE[value.microsecond // 1000]}"
    return f'"{value.year}-{_TWO[value.month]}-{_TWO[value.day]}T{clock}{zone}"'


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _date(value: date) -> str:
    return f'"{value.year}-{_TWO[value.month]}-{_TWO[value.day]}"'


def _quoted(value: Value) -> str:
    return f'"{value}"'


INT16 = Type("Edm.Int16", "number", str)
INT32 = Type("Edm.Int32", "number", str)
INT64 = Type("Edm.Int64", "number", str)
DOUBLE = Type("Edm.Double", "number", repr)
BOOL = Type("Edm.Boolean", "bool", _bool)
DATE = Type("Edm.Date", "date", _date)
TIMESTAMP = Type("Edm.DateTimeOffset", "timestamp", _timestamp, (("Precision", "3"),))


def text_type(max_length: int) -> Type:
    return Type("Edm.String", "text", json_text, (("MaxLength", str(max_length)),))


def decimal_type(precision: int, scale: int, *, quoted: bool = False) -> Type:
    """A decimal; `quoted` writes it as a JSON string, as servers do that fear for its digits."""
    facets = (("Precision", str(precision)), ("Scale", str(scale)))
    return Type("Edm.Decimal", "number", _quoted if quoted else str, facets)


def complex_type(name: str, members: Sequence[Field]) -> Type:
    parts = [(m.name, f"{json_text(m.name)}:", m.type.encode) for m in members]

    def encode(value: Record) -> str:
        texts = [label + ("null" if (v := value[name]) is None else write(v)) for name, label, write in parts]
        return "{" + ",".join(texts) + "}"

    return Type(name, "complex", encode, members=tuple(members))


def collection_of(item: Type) -> Type:
    def encode(value: list[Value]) -> str:
        return "[" + ",".join(map(item.encode, value)) + "]"

    return Type(f"Collection({item.name})", "collection", encode, item=item)


def encode_value(column: Field, value: Value) -> str:
    return "null" if value is None else column.type.encode(value)


@dataclass(frozen=True)
class Version:
    """What a row has become: the bits that its values are made of, and when it was changed."""

    bits: int
    changed_at: datetime


@dataclass
class Entity:
    """A listing of `count` records. `find_row` gives the row that a key has in a listing without end, or None.

    The key's fields come first and depend on the row alone. `log` has the row of every change, in their order.
    """

    name: str
    fields: tuple[Field, ...]
    keys: tuple[str, ...]
    count: int
    seed: int
    find_row: Callable[[tuple[Value, ...]], int | None]
    changed_at: str | None = None
    _versions: dict[int, Version] = field(default_factory=dict, repr=False)
    _written: dict[int, Record] = field(default_factory=dict, repr=False)
    _own_rows: dict[tuple[Value, ...], int] = field(default_factory=dict, repr=False)
    _gone: set[int] = field(default_factory=set, repr=False)
    log: array[int] = field(default_factory=lambda: array("q"), repr=False)
    _rows: Sequence[int] | None = field(default=None, repr=False)
    _blocks: dict[int, list[bytes]] = field(default_factory=dict, repr=False)
    _columns: dict[tuple[str, ...], list[Value]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if tuple(f.name for f in self.fields[: len(self.keys)]) != self.keys:
            raise ValueError(f"{self.name}: the fields have to begin with the key ({', '.join(self.keys)})")
        self.by_name: Mapping[str, Field] = {f.name: f for f in self.fields}
        self._head = self.fields[: len(self.keys)]
        self._tail = self.fields[len(self.keys) :]

    def bits(self, row: int) -> int:
        """What the values of a row were made of at first."""
        return mix(self.seed + row % PERIOD)

    def row_of(self, key: tuple[Value, ...]) -> int | None:
        """The row of a key, or None."""
        row = self._own_rows.get(key)
        if row is None:
            row = self.find_row(key)
            if row is None or row >= self.count or (row in self._written and self.key(row) != key):
                return None
        return None if row in self._gone else row

    def rows(self) -> Sequence[int]:
        """All rows, without those that were deleted."""
        if not self._gone:
            return range(self.count)
        if self._rows is None:
            self._rows = array("q", (row for row in range(self.count) if row not in self._gone))
        return self._rows

    def write(self, key: tuple[Value, ...], values: Record, changed_at: datetime) -> bool:
        """Gives the record with this key these values; True if there was none. What a new one is not given stays what a
        row in its place would have been.
        """
        row = self.row_of(key)
        created = row is None
        if row is None:
            row = self.count
            self.count += 1
            self._own_rows[key] = row
        record = self._written.setdefault(row, {})
        if self.changed_at is not None:
            record[self.changed_at] = changed_at
        record.update(values)
        record.update(zip(self.keys, key, strict=True))
        self.log.append(row)
        self._forget()
        return created

    def erase(self, key: tuple[Value, ...]) -> bool:
        """Deletes a record; False if there is none."""
        row = self.row_of(key)
        if row is None:
            return False
        self.remove([row])
        return True

    def remove(self, rows: Sequence[int]) -> None:
        """Deletes rows."""
        for row in rows:
            self._gone.add(row)
            self._own_rows.pop(self.key(row), None)
        self.log.extend(rows)
        self._forget()

    def _forget(self) -> None:
        self._columns.clear()
        self._rows = None

    def grow(self, added: int, changed_at: datetime) -> list[int]:
        """Adds rows at the end. Returns them."""
        rows = list(range(self.count, self.count + added))
        self.count += added
        for row in rows:
            self._versions[row] = Version(self.bits(row), changed_at)
            if self.key(row) in self._own_rows:  # a client has been quicker
                self._gone.add(row)
        self.log.extend(row for row in rows if row not in self._gone)
        self._forget()
        return rows

    def change(self, rows: Sequence[int], salt: int, changed_at: datetime) -> None:
        """Gives rows other values, all but their keys."""
        for row in rows:
            former = self._versions.get(row)
            self._versions[row] = Version(mix((former.bits if former else self.bits(row)) + salt), changed_at)
            if row in self._written and self._own_rows.get(self.key(row)) != row:
                del self._written[row]
        self.log.extend(rows)
        self._forget()

    def record(self, row: int) -> Record:
        """The record at a row, as Python values: what every reply of the server can be compared with."""
        base, version = row % PERIOD, self._versions.get(row)
        bits = self.bits(row) if version is None else version.bits
        values: Record = {f.name: f.make(row, bits) for f in self._head}
        for f in self._tail:
            values[f.name] = f.make(base, bits)
        if version is not None and self.changed_at is not None:
            values[self.changed_at] = version.changed_at
        written = self._written.get(row)
        if written is not None:
            values.update(written)
        return values

    def records(self) -> Iterator[Record]:
        return map(self.record, self.rows())

    def key(self, row: int) -> tuple[Value, ...]:
        written = self._written.get(row)
        if written is not None:
            return tuple(written[name] for name in self.keys)
        return tuple(f.make(row, 0) for f in self._head)

    def members(self, row: int, columns: Sequence[str] | None = None) -> dict[str, str]:
        """The JSON text of each field of a record (all, or the columns named, in the entity's order)."""
        record = self.record(row)
        return {f.name: encode_value(f, record[f.name]) for f in self.fields if columns is None or f.name in columns}

    def texts(self, rows: Sequence[int]) -> list[bytes]:
        """The whole JSON text of each record, in UTF-8."""
        head, blocks, versions = self._head_writer(), self._blocks, self._versions
        written = self._written
        result: list[bytes] = []
        for row in rows:
            if row in versions or row in written:
                result.append(self._text(row))
                continue
            number, offset = divmod(row % PERIOD, BLOCK)
            try:
                result.append(head(row) + blocks[number][offset])
            except KeyError:
                blocks[number] = self._render(number * BLOCK)
                result.append(head(row) + blocks[number][offset])
        return result

    def render_all(self) -> None:
        """Renders every record now, so that no first reader waits for it."""
        for number in range(-(-min(self.count, PERIOD) // BLOCK)):
            if number not in self._blocks:
                self._blocks[number] = self._render(number * BLOCK)

    def column(self, path: tuple[str, ...]) -> Callable[[int], Value]:
        """Reads one column by row: `("Status",)`, or a member of a nested value: `("Location", "Site")`."""
        top = self.by_name[path[0]]
        if top in self._head:
            own = self._written
            return (lambda row: own[row][top.name] if row in own else top.make(row, 0)) if own else self._maker(top)
        values = self._columns.get(path)
        if values is None:
            values = [top.make(row, self.bits(row)) for row in range(min(self.count, PERIOD))]
            for name in path[1:]:
                values = [v.get(name) if isinstance(v, dict) else None for v in values]
            self._columns[path] = values
        known, versions, written = values, self._versions, self._written
        if versions or written:
            return lambda row: self._value(row, path) if row in versions or row in written else known[row % PERIOD]
        return known.__getitem__ if self.count <= PERIOD else lambda row: known[row % PERIOD]

    @staticmethod
    def _maker(top: Field) -> Callable[[int], Value]:
        return lambda row: top.make(row, 0)

    def _value(self, row: int, path: tuple[str, ...]) -> Value:
        value: Value = self.record(row)
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        return value

    def _text(self, row: int) -> bytes:
        return ("{" + ",".join(f"{json_text(n)}:{text}" for n, text in self.members(row).items()) + "}").encode()

    def _head_writer(self) -> Callable[[int], bytes]:
        """Writes the key fields of a row: the part of a record that never repeats."""
        first, label = self._head[0], b"{" + json_text(self._head[0].name).encode() + b":"
        make, encode = first.make, first.type.encode
        if len(self._head) == 1:
            return lambda row: label + encode(make(row, 0)).encode()

        def write(row: int) -> bytes:
            texts = [f"{json_text(f.name)}:{f.type.encode(f.make(row, 0))}" for f in self._head]
            return ("{" + ",".join(texts)).encode()

        return write

    def _render(self, first: int) -> list[bytes]:
        columns = [(f",{json_text(f.name)}:", f.make, f.type.encode) for f in self._tail]
        block: list[bytes] = []
        for row in range(first, min(first + BLOCK, self.count, PERIOD)):
            bits = self.bits(row)
            parts: list[str] = []
            for name, make, encode in columns:
                value = make(row, bits)
                parts.append(name + ("null" if value is None else encode(value)))
            block.append(("".join(parts) + "}").encode())
        return block
