"""Work orders for CAP, good and bad, and those that it has."""

from __future__ import annotations

from typing import Any

from servers.cap import Cap

ASSERT_RANGE = "Enter a value between 1 and 4."
MANDATORY = "Provide the missing value."


def order(number: int, **fields: Any) -> dict[str, Any]:
    return {"ID": number, "number": f"N{number}", "title": f"Order {number}", "priority": 1 + number % 4, **fields}


def stored(cap: Cap, first: int) -> dict[int, dict[str, Any]]:
    """Those of one test, which has 100,000 numbers of its own."""
    rows = cap.query("SELECT * FROM maintenance_WorkOrders")
    return {row["ID"]: dict(row) for row in rows if first <= row["ID"] < first + 100_000}


def bad_orders(first: int, total: int, bad: int) -> tuple[list[dict[str, Any]], dict[int, str]]:
    """Orders of which `bad` break a rule of the service, spread evenly; and its own words for each of those."""
    records = [order(first + i) for i in range(total)]
    expected: dict[int, str] = {}
    for n in range(bad):
        index = (n * total) // bad + 1
        if n % 2:
            records[index]["priority"] = 9
            expected[index] = ASSERT_RANGE
        else:
            del records[index]["title"]
            expected[index] = MANDATORY
    return records, expected
