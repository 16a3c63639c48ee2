"""The maintenance system that the sandbox plays: five entities whose values cover what real sources send.

Each oddity stands for one that was met in the wild: keys beyond 2^53, decimals as numbers and as strings, timestamps
with ties and with other offsets than Z, quotes and characters of four bytes in texts, keys with quotes and slashes,
a key of two fields, nulls, nested objects and lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

from .model import (
    BOOL,
    DATE,
    DOUBLE,
    INT16,
    INT32,
    INT64,
    TIMESTAMP,
    Entity,
    Field,
    Make,
    Record,
    Value,
    collection_of,
    complex_type,
    decimal_type,
    mix,
    text_type,
)

FIRST_ASSET = (1 << 53) + 1
"""Asset numbers are odd and beyond 2^53: a reader that goes through a double gets every one of them wrong."""

FIRST_ORDER = 4_500_000_001
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
DAYS = 90

_DATES = [date(2026, 1, 1) + timedelta(days=n) for n in range(512)]
_MIDNIGHTS = [START + timedelta(days=n) for n in range(DAYS)]

_STATUSES = ("OPEN", "OPEN", "PLANNED", "IN_PROGRESS", "WAITING", "DONE", "DONE", "CANCELLED")
_WORK = (
    "Replace",
    "Inspect",
    "Überprüfen",
    "Réparer",
    "点検",
    "Lubricate",
    "Calibrate",
    "Austausch",
    "Clean",
    "Re-align",
)
_THINGS = (
    'pump "P-7" seal',
    "conveyor belt, line 4",
    "Förderband Süd",
    'hydraulic hose 3/4"',
    "vanne d'arrêt",
    "C:\\PLC\\backup",
    "motor M12 – 45 °C",
    "filter\tF-3",
    "gearbox 🔧",
    "boiler's relief valve",
    "ventilateur n° 2",
    "шина 400 В",
)
_SITES = ("Linz", "Köln", "Göteborg", "São Paulo", "Łódź", "Houston")
_TAGS = ("safety", "größe", 'say "now"', "weekly", "ölwechsel", "legal", "a,b;c", "урок")
_ZONES = (timezone.utc,) * 6 + (timezone(timedelta(hours=2)), timezone(timedelta(hours=-5, minutes=-30)))


def _timestamp(_: int, bits: int) -> datetime:
    """Within 90 days; one record in eight was changed by a nightly job, at midnight sharp: many ties."""
    day, rest = divmod(bits >> 20 & 0xFFFFFFFF, 86_400_000)
    day = (day * 13 + rest) % DAYS
    moment = _MIDNIGHTS[day] if bits & 7 == 0 else _MIDNIGHTS[day] + timedelta(0, 0, 1000 * rest)
    zone = _ZONES[bits >> 3 & 7]
    return moment if zone is timezone.utc else moment.astimezone(zone)


def _day(shift: int, null_mask: int) -> Make:
    def make(_: int, bits: int) -> date | None:
        return None if null_mask and (bits >> shift & null_mask) == 0 else _DATES[bits >> shift & 511]

    return make


def _money(shift: int, mask: int, scale: int, null_mask: int = 0) -> Make:
    def make(_: int, bits: int) -> Decimal | None:
        part = bits >> shift
        return None if null_mask and (part & null_mask) == 0 else Decimal((part >> 3) & mask).scaleb(-scale)

    return make


def _site(bits: int) -> str:
    return _SITES[(bits >> 9) % len(_SITES)]


def _location() -> Field:
    members = [
        Field("Site", text_type(40), _nothing),
        Field("Building", text_type(10), _nothing, nullable=True),
        Field("Floor", INT16, _nothing),
    ]

    def make(_: int, bits: int) -> Value:
        building = None if bits >> 30 & 7 == 0 else f"B{bits >> 30 & 31}"
        return {"Site": _site(bits), "Building": building, "Floor": (bits >> 35 & 7) - 2}

    return Field("Location", complex_type("Maintenance.Location", members), make)


def _nothing(_: int, __: int) -> Value:
    """Members of nested values are made by the field that holds them."""
    return None


def _work_orders(count: int, assets: int, seed: int) -> Entity:
    def title(row: int, bits: int) -> str:
        return f"{_WORK[(bits >> 5) % len(_WORK)]}: {_THINGS[(bits >> 11) % len(_THINGS)]} #{row}"

    def hours(_: int, bits: int) -> float:
        return 1e-07 if bits >> 50 & 1023 == 0 else (bits >> 40 & 0xFFFF) / 960.0

    def tags(_: int, bits: int) -> Value:
        return [_TAGS[(bits >> shift) & 7] for shift in range(0, 3 * (bits >> 58 & 3), 3)]

    fields = (
        Field("ID", INT64, lambda row, _: row + 1),
        Field("Title", text_type(120), title),
        Field("Status", text_type(20), lambda _, bits: _STATUSES[bits >> 17 & 7]),
        Field("Priority", INT32, lambda _, bits: 1 + (bits >> 23) % 5),
        Field("AssetID", INT64, lambda _, bits: FIRST_ASSET + 2 * ((bits >> 7) % assets)),
        Field("EstimatedCost", decimal_type(12, 2), _money(26, 0xFFFFFF, 2)),
        Field("ActualCost", decimal_type(18, 4, quoted=True), _money(31, 0x1FFFFFFF, 4, null_mask=3), nullable=True),
        Field("DowntimeHours", DOUBLE, hours),
        Field("SafetyCritical", BOOL, lambda _, bits: bits >> 45 & 7 == 0),
        Field("DueDate", DATE, _day(33, 7), nullable=True),
        Field("ChangedAt", TIMESTAMP, _timestamp),
        _location(),
        Field("Tags", collection_of(text_type(20)), tags),
    )
    return Entity("WorkOrders", fields, ("ID",), count, mix(seed), RowOfNumber(1, 1), "ChangedAt")


def _assets(count: int, seed: int) -> Entity:
    meter = complex_type(
        "Maintenance.Meter", [Field("Name", text_type(20), _nothing), Field("Reading", DOUBLE, _nothing, nullable=True)]
    )

    def meters(_: int, bits: int) -> Value:
        names = ("hours", "km", 'Zähler "A"')
        return [
            {"Name": names[n], "Reading": None if bits >> n & 7 == 0 else (bits >> (8 * n) & 0xFFFFF) / 10}
            for n in range(bits >> 48 & 3)
        ]

    fields = (
        Field("AssetID", INT64, lambda row, _: FIRST_ASSET + 2 * row),
        Field("Name", text_type(80), lambda row, bits: f"{_THINGS[bits >> 3 & 7]} – {row}"),
        Field("Criticality", INT16, lambda _, bits: (bits >> 12) % 4),
        Field("InstalledOn", DATE, _day(20, 15), nullable=True),
        Field("PurchasePrice", decimal_type(15, 2), _money(18, 0xFFFFFFFF, 2)),
        Field("Active", BOOL, lambda _, bits: bits >> 40 & 7 != 0),
        Field("ChangedAt", TIMESTAMP, _timestamp),
        _location(),
        Field("Meters", collection_of(meter), meters),
    )
    return Entity("Assets", fields, ("AssetID",), count, mix(seed), RowOfNumber(FIRST_ASSET, 2), "ChangedAt")


def _parts(count: int, vendors: int, seed: int) -> Entity:
    def number(row: int) -> str:
        return f"PN-{row:06d}/O'Ä" if row % 50 == 49 else f"PN-{row:06d}"

    def row_of(key: tuple[Value, ...]) -> int | None:
        found = re.match(r"PN-(\d{6,})", str(key[0]), re.ASCII)
        return int(found[1]) if found and number(int(found[1])) == key[0] else None

    fields = (
        Field("PartNo", text_type(30), lambda row, _: number(row)),
        Field("Description", text_type(120), lambda _, bits: _THINGS[(bits >> 7) % len(_THINGS)], nullable=True),
        Field("VendorID", INT32, lambda _, bits: 1 + (bits >> 9) % vendors),
        Field("UnitPrice", decimal_type(18, 4, quoted=True), _money(16, 0xFFFFFFF, 4)),
        Field("OnHand", INT32, lambda _, bits: (bits >> 30 & 0xFFFF) - 1000),
        Field(
            "WeightKg", DOUBLE, lambda _, bits: None if bits & 7 == 0 else (bits >> 20 & 0xFFFF) / 1000, nullable=True
        ),
        Field("ChangedAt", TIMESTAMP, _timestamp),
    )
    return Entity("Parts", fields, ("PartNo",), count, mix(seed), row_of, "ChangedAt")


def _vendors(count: int, seed: int) -> Entity:
    fields = (
        Field("VendorID", INT32, lambda row, _: row + 1),
        Field("Name", text_type(80), lambda row, bits: f"{_site(bits)} Süd & Söhne <{row}>"),
        Field(
            "Email", text_type(80), lambda row, bits: None if bits & 3 == 0 else f"v{row}@example.test", nullable=True
        ),
        Field("Rating", decimal_type(3, 1), lambda _, bits: Decimal((bits >> 8) % 51).scaleb(-1)),
        Field("Preferred", BOOL, lambda _, bits: bits >> 14 & 3 == 0),
        Field("ChangedAt", TIMESTAMP, _timestamp),
    )
    return Entity("Vendors", fields, ("VendorID",), count, mix(seed), RowOfNumber(1, 1), "ChangedAt")


def _purchase_orders(count: int, parts: Entity, seed: int) -> Entity:
    def row_of(key: tuple[Value, ...]) -> int | None:
        order, line = key
        if not (isinstance(order, int) and isinstance(line, int) and 1 <= line <= 3 and order >= FIRST_ORDER):
            return None
        return (order - FIRST_ORDER) * 3 + line - 1

    known_parts = parts.count  # of parts that are added later, no order knows

    def amount(_: int, bits: int) -> Decimal:
        return Decimal(bits >> 2).scaleb(-4) if bits & 3 == 0 else Decimal(bits >> 30).scaleb(-4)

    fields = (
        Field("OrderNo", INT64, lambda row, _: FIRST_ORDER + row // 3),
        Field("Line", INT32, lambda row, _: row % 3 + 1),
        Field("PartNo", text_type(30), lambda _, bits: parts.key((bits >> 5) % known_parts)[0]),
        Field("Quantity", INT32, lambda _, bits: 1 + (bits >> 13) % 500),
        Field("Amount", decimal_type(23, 4), amount),
        Field("Currency", text_type(3), lambda _, bits: ("EUR", "USD", "SEK", "BRL")[bits >> 50 & 3]),
        Field("OrderedOn", DATE, _day(22, 0)),
        Field(
            "DeliveredAt",
            TIMESTAMP,
            lambda r, bits: None if bits >> 54 & 3 == 0 else _timestamp(r, bits),
            nullable=True,
        ),
        Field("ChangedAt", TIMESTAMP, _timestamp),
    )
    return Entity("PurchaseOrders", fields, ("OrderNo", "Line"), count, mix(seed), row_of, "ChangedAt")


class RowOfNumber:
    """Finds the row of a key that counts up in fixed steps."""

    def __init__(self, first: int, step: int) -> None:
        self._first = first
        self._step = step

    def __call__(self, key: tuple[Value, ...]) -> int | None:
        number = key[0]
        if not isinstance(number, int) or isinstance(number, bool):
            return None
        row, rest = divmod(number - self._first, self._step)
        return row if row >= 0 and rest == 0 else None


class Dataset:
    """The five entities for a number of work orders and a seed. The same arguments always give the same records.

    So do the same changes after each other: `grow`, `change` and `remove` count them, and what they do follows from
    their number.
    """

    def __init__(self, records: int = 100_000, seed: int = 1) -> None:
        if records < 0:
            raise ValueError(f"records is {records}; it must be 0 or more")
        self.records = records
        self.seed = seed
        assets, parts, vendors = (max(1, records // share) for share in (20, 10, 100))
        salt = mix(seed)
        part_list = _parts(parts, vendors, salt + 3)
        found = (
            _work_orders(records, assets, salt + 1),
            _assets(assets, salt + 2),
            part_list,
            _vendors(vendors, salt + 4),
            _purchase_orders(records // 5, part_list, salt + 5),
        )
        self.entities: Mapping[str, Entity] = {entity.name: entity for entity in found}
        self.changes = 0

    def truth(self, entity: str) -> Iterator[Record]:
        """Every record of an entity as Python values, in key order. KeyError for an unknown entity."""
        return self.entities[entity].records()

    def grow(self, entity: str, records: int) -> list[int]:
        """Adds records at the end of an entity. Returns their rows. KeyError for an unknown entity."""
        return self.entities[entity].grow(records, self.next_moment())

    def change(self, entity: str, records: int) -> list[int]:
        """Gives some records other values. Returns their rows: at most so many."""
        found, moment = self.entities[entity], self.next_moment()
        salt = mix(self.seed + self.changes)
        rows = _some(found, records, salt)
        found.change(rows, salt, moment)
        return rows

    def remove(self, entity: str, records: int) -> list[int]:
        """Deletes some records. Returns their rows: at most so many."""
        found = self.entities[entity]
        self.next_moment()
        rows = _some(found, records, mix(self.seed + self.changes))
        found.remove(rows)
        return rows

    def act(self, what: str, entity: str, records: int) -> list[int]:
        """`grow`, `change` or `remove`, by its name."""
        acts = {"grow": self.grow, "change": self.change, "remove": self.remove}
        return acts[what](entity, records)

    def next_moment(self) -> datetime:
        """After all before: one for each change, so that records which were changed together share it."""
        self.changes += 1
        return START + timedelta(days=DAYS, seconds=self.changes)


def _some(entity: Entity, records: int, salt: int) -> list[int]:
    """Rows of an entity, at most so many, as chance has it."""
    rows = entity.rows()
    return list(rows) if records >= len(rows) else sorted({rows[mix(salt + n) % len(rows)] for n in range(records)})
