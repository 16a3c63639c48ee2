"""JSON in and out without loss: which number is which, and what has no JSON of its own."""

from __future__ import annotations

import base64
import datetime
import decimal
import json
from typing import Any

from switchgear.request_values import json_value


def json_default(value: object) -> Any:
    """What `json.dumps` is given for a value that JSON does not know."""
    if isinstance(value, datetime.datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    return json_value(value)


def parse_json(body: bytes) -> Any:
    """The value of a JSON text. A number that a double would change becomes a Decimal.

    Raises:
        ValueError: it is no JSON (RFC 8259), or nested too deeply.
    """
    try:
        return json.loads(body.decode("utf-8"), parse_float=_number, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _number(text: str) -> float | decimal.Decimal:
    try:
        exact = decimal.Decimal(text)
    except decimal.InvalidOperation:
        raise ValueError(f"the number {text[:40]} is out of range") from None
    nearest = float(text)
    return nearest if decimal.Decimal(repr(nearest)) == exact else exact


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")
