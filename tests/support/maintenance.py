"""What the records of `servers.cap` must come as, compared with its own SQLite file."""

from __future__ import annotations

import base64
import datetime as dt
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from servers.cap import Cap

SERVICE = "/odata/v4/maintenance"

# What each entity must come as, by hand: what $metadata makes of it is what is tested.
COLUMNS = {
    "Assets": {
        "ID": "utf8",
        "description": "utf8",
        "plant": "utf8",
        "price": "decimal(15,2)",
        "installedOn": "date",
        "serialNumber": "int64",
        "manufacturer": "utf8",
        "criticality": "utf8",
        "sensors": "int64",
        "temperature": "int64",
        "fingerprint": "binary",
        "active": "bool",
    },
    "WorkOrders": {
        "createdAt": "timestamp",
        "createdBy": "utf8",
        "modifiedAt": "timestamp",
        "modifiedBy": "utf8",
        "ID": "int64",
        "number": "utf8",
        "title": "utf8",
        "priority": "int64",
        "status": "utf8",
        "asset_ID": "utf8",
        "estimatedHours": "decimal(9,3)",
        "actualCost": "decimal(23,4)",
        "scheduledOn": "date",
        "startTime": "time",
        "dueAt": "timestamp",
        "changedAt": "timestamp",
        "meterReading": "float64",
        "runtimeTicks": "int64",
        "safetyRelevant": "bool",
        "notes": "utf8",
    },
    "Operations": {"ID": "utf8", "workOrder_ID": "int64", "sequence": "int64", "text": "utf8", "done": "bool"},
    "Permits": {"ID": "utf8", "workOrder_ID": "int64", "issuedAt": "timestamp"},
    "Readings": {"asset": "utf8", "takenAt": "timestamp", "value": "float64", "unit": "utf8"},
    "Vendors": {"ID": "utf8", "name": "utf8", "blocked": "bool"},
}

# How SQLite keeps each type, and what it is in Python.
FROM_DATABASE: dict[str, Callable[[Any], Any]] = {
    "utf8": str,
    "int64": int,
    "float64": float,
    "decimal": Decimal,
    "bool": lambda value: {0: False, 1: True}[value],
    "binary": base64.b64decode,
    "date": dt.date.fromisoformat,
    "time": dt.time.fromisoformat,
    "timestamp": lambda value: dt.datetime.fromisoformat(value.replace("Z", "+00:00")),
}

Records = list[dict[str, Any]]


def database(cap: Cap, entity: str, columns: Iterable[str] | None = None, rest: str = "") -> Records:
    """The rows of CAP's own SQLite file, in the types that a reader should give them. `rest`: WHERE and so on."""
    types = {name: COLUMNS[entity][name] for name in columns or COLUMNS[entity]}
    selected = []
    for name, kind in types.items():
        decimal = re.fullmatch(r"decimal\(\d+,(\d+)\)", kind)  # lies there as REAL; printf would make 0 of NULL
        selected.append(f"iif({name} IS NULL, NULL, printf('%.{decimal[1]}f', {name})) AS {name}" if decimal else name)
    keys = "asset, takenAt" if entity == "Readings" else "ID"
    rows = cap.query(f"SELECT {', '.join(selected)} FROM maintenance_{entity} {rest or f'ORDER BY {keys}'}")  # noqa: S608
    parsers = {name: FROM_DATABASE[kind.partition("(")[0]] for name, kind in types.items()}
    return [{name: None if row[name] is None else parse(row[name]) for name, parse in parsers.items()} for row in rows]


def first_difference(records: Records, rows: Records) -> str | None:
    """Types count: repr tells 1 from 1.0 and True, Decimal('1.50') from Decimal('1.5'), -0.0 from 0.0."""
    for index, (record, row) in enumerate(zip(records, rows, strict=False)):
        if list(record) != [*row, "_rescued"]:
            return f"record {index} has the columns {list(record)}, expected {[*row, '_rescued']}"
        for name, value in {**row, "_rescued": None}.items():
            if repr(record[name]) != repr(value):
                return f"record {index}, {name}: {record[name]!r}, expected {value!r}"
    return None if len(records) == len(rows) else f"{len(records)} records, expected {len(rows)}"
