"""The part of JSON Schema that requests are described by: one description checks them and stands in /openapi.json."""

from __future__ import annotations

import datetime
import decimal
import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from switchgear.server.replies import Refused, bad_request

Schema = Mapping[str, Any]

_TYPES: dict[str, tuple[tuple[type, ...], str]] = {
    "object": ((dict,), "an object"),
    "array": ((list,), "an array"),
    "string": ((str,), "a text"),
    "boolean": ((bool,), "true or false"),
}
_RANGE = (("minimum", "must be at least", -1), ("maximum", "must be at most", 1))
_LENGTH = (("minLength", "is too short, the least is", -1), ("maxLength", "is too long, the most is", 1))
_ITEMS = (("minItems", "has too few items, the least is", -1), ("maxItems", "has too many items, the most is", 1))


def text(**more: Any) -> Schema:
    """A text."""
    return {"type": "string", **more}


def integer(least: int, most: int, **more: Any) -> Schema:
    """A whole number."""
    return {"type": "integer", "minimum": least, "maximum": most, **more}


def table(properties: Mapping[str, Schema], required: Iterable[str] = (), **more: Any) -> Schema:
    """An object with these members and no others."""
    schema: dict[str, Any] = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    if required := list(required):
        schema["required"] = required
    return {**schema, **more}


def check(value: Any, schema: Schema, name: str) -> None:
    """Raises 400 for a value that is not as described, naming the place in it."""
    kind = schema["type"]
    _check_type(value, kind, name, hidden=schema.get("writeOnly", False))
    if "enum" in schema and value not in schema["enum"]:
        raise bad_request(f"{name} is {value!r}", f"one of {', '.join(map(str, schema['enum']))}", "value")
    if kind in ("integer", "number"):
        _check_limits(value, schema, _RANGE, name)
    elif kind == "string":
        _check_limits(len(value), schema, _LENGTH, name)
        if schema.get("format") == "date-time":
            _check_instant(value, name)
    elif kind == "array":
        _check_limits(len(value), schema, _ITEMS, name)
        for at, item in enumerate(value):
            check(item, schema["items"], f"{name}[{at}]")
    elif "properties" in schema:
        _check_members(value, schema, name)


def from_text(given: str, schema: Schema, name: str) -> Any:
    """The value of a query parameter, checked. Raises 400."""
    value: Any = given
    kind = schema["type"]
    if kind == "integer" and given.lstrip("-").isascii() and given.lstrip("-").isdigit() and len(given) < 20:
        value = int(given)
    elif kind == "boolean" and given in ("true", "false"):
        value = given == "true"
    elif kind == "array":
        value = given.split(",")
    check(value, schema, name)
    return value


def unknown(name: str, known: Iterable[str], what: str) -> Refused:
    """400 for a name that nobody knows, with the nearest one."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"known: {', '.join(names) or 'none'}"
    return bad_request(f"there is no {what} '{name[:100]}' here", hint, "unknown")


def _check_type(value: Any, kind: str, name: str, *, hidden: bool) -> None:
    if kind in ("integer", "number"):
        good = isinstance(value, int) or (kind == "number" and isinstance(value, float | decimal.Decimal))
        good, said = good and not isinstance(value, bool), "a whole number" if kind == "integer" else "a number"
    else:
        types, said = _TYPES[kind]
        good = isinstance(value, types)
    if not good:
        raise bad_request(f"{name} must be {said}", "" if hidden else f"it is {_shown(value)}", "type")


def _shown(value: Any) -> str:
    return "null" if value is None else f"{type(value).__name__} {value!r}"[:80]


def _check_limits(size: float, schema: Schema, limits: Iterable[tuple[str, str, int]], name: str) -> None:
    for word, said, sign in limits:
        if word in schema and (size - schema[word]) * sign > 0:
            raise bad_request(f"{name} {said} {schema[word]}", f"it is {size}", "value")


def _check_instant(value: str, name: str) -> None:
    try:
        moment = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
        good = len(value) == len("2026-01-31") or moment.tzinfo is not None
    except ValueError:
        good = False
    if not good:
        hint = "2026-01-31T08:00:00Z, or a date, which begins at midnight UTC"
        raise bad_request(f"{name} is no instant with a time zone: {value[:60]!r}", hint, "value")


def _check_members(value: dict[str, Any], schema: Schema, name: str) -> None:
    properties = schema["properties"]
    for member, given in value.items():
        if member not in properties:
            raise unknown(member, properties, f"member of {name}")
        check(given, properties[member], f"{name}.{member}")
    for member in schema.get("required", ()):
        if member not in value:
            raise bad_request(f"{name} has no '{member}'", f"it needs {', '.join(schema['required'])}", "missing")
