"""The OData expressions of the sandbox: $filter and $orderby, literals and keys.

Supported: eq ne gt ge lt le in, and, or, not, parentheses, contains, startswith, endswith, paths into nested values.
A comparison with null follows OData: `x eq null` holds for null, an ordering against null never holds.
"""

from __future__ import annotations

import operator
import re
from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from .model import Entity, Field, Value

Predicate = Callable[[int], bool]
Getter = Callable[[int], Value]


class QueryError(ValueError):
    """An expression that cannot be understood; the message says what and where."""


_TOKENS = re.compile(
    r"""\s*(?:
    (?P<text>'(?:[^']|'')*')
  | (?P<timestamp>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,12})?)?(?:Z|[+-]\d\d:\d\d))
  | (?P<date>\d{4}-\d\d-\d\d)
  | (?P<number>[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:/[A-Za-z_][A-Za-z0-9_]*)*)
  | (?P<mark>[(),=])
)""",
    re.VERBOSE | re.ASCII,
)
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt,
    "ge": operator.ge,
    "lt": operator.lt,
    "le": operator.le,
}
_COMPARISONS = {"eq", "ne", *_ORDER}
_MIRROR = {"eq": "eq", "ne": "ne", "gt": "lt", "lt": "gt", "ge": "le", "le": "ge"}
_TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "contains": operator.contains,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
_DEEPEST = 60


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    at: int


@dataclass(frozen=True)
class Operand:
    """A column (`get`) or a literal (`value`); `kind` as in Type.kind, or `null`."""

    kind: str
    what: str
    get: Getter | None = None
    value: Value = None
    edm: str = ""


def tokens_of(text: str) -> list[Token]:
    found: list[Token] = []
    at = 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKENS.match(text, at)
        if match is None or match.lastgroup is None:
            raise QueryError(f"cannot read {text[at : at + 20].strip()!r} at position {at}")
        found.append(Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        at = match.end()
    return found


def literal(token: Token) -> Operand | None:
    """The operand of a literal token, None when it is a name or a mark."""
    text = token.text
    try:
        if token.kind == "text":
            return Operand("text", text, value=text[1:-1].replace("''", "'"))
        if token.kind == "number":
            return Operand("number", text, value=int(text) if re.fullmatch(r"[+-]?\d+", text) else Decimal(text))
        if token.kind == "date":
            return Operand("date", text, value=date.fromisoformat(text))
        if token.kind == "timestamp":
            return Operand("timestamp", text, value=parse_timestamp(text))
    except (ValueError, OverflowError) as error:
        raise QueryError(f"{text!r} at position {token.at} is not a valid {token.kind}: {error}") from None
    if token.kind == "name" and text in ("true", "false"):
        return Operand("bool", text, value=text == "true")
    if token.kind == "name" and text == "null":
        return Operand("null", text)
    return None


def parse_timestamp(text: str) -> datetime:
    """A timestamp with zone: fractions of any length (cut to microseconds), Z or an offset."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", text, re.ASCII)
    if found is None:
        raise ValueError("a timestamp looks like 2026-01-31T12:00:00Z")
    fraction = (found[3] or "").ljust(6, "0")[:6]
    zone = "+00:00" if found[4] == "Z" else found[4]
    return datetime.fromisoformat(f"{found[1]}{found[2] or ':00'}.{fraction}{zone}")


def resolve(entity: Entity, path: str) -> Field:
    """The field at a path such as `Location/Site`. QueryError where there is none."""
    names = path.split("/")
    known = {f.name: f for f in entity.fields}
    found: Field | None = None
    for name in names:
        found = known.get(name)
        if found is None:
            break
        known = {f.name: f for f in found.type.members}
    if found is None:
        raise QueryError(f"{entity.name} has no property {path!r}; it has {', '.join(f.name for f in entity.fields)}")
    return found


class _Parser:
    def __init__(self, entity: Entity, text: str) -> None:
        self.entity = entity
        self.tokens = tokens_of(text)
        self.at = 0
        self.depth = 0

    def parse(self) -> Predicate:
        result = self.either()
        if self.at < len(self.tokens):
            raise QueryError(f"unexpected {self.tokens[self.at].text!r} at position {self.tokens[self.at].at}")
        return result

    def either(self) -> Predicate:
        parts = [self.both()]
        while self.accept("or"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else lambda row: any(p(row) for p in parts)

    def both(self) -> Predicate:
        parts = [self.single()]
        while self.accept("and"):
            parts.append(self.single())
        return parts[0] if len(parts) == 1 else lambda row: all(p(row) for p in parts)

    def single(self) -> Predicate:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise QueryError(f"nested deeper than {_DEEPEST} levels")
        try:
            if self.accept("not"):
                inner = self.single()
                return lambda row: not inner(row)
            if self.accept("("):
                inner = self.either()
                self.expect(")")
                return inner
            if self.peek() in _TEXT_TESTS and self.peek(1) == "(":
                return self.text_test()
            return self.comparison()
        finally:
            self.depth -= 1

    def text_test(self) -> Predicate:
        name = self.take().text
        self.expect("(")
        column = self.operand()
        self.expect(",")
        wanted = self.operand()
        self.expect(")")
        if column.get is None or column.kind != "text" or wanted.kind != "text" or not isinstance(wanted.value, str):
            raise QueryError(f"{name}() takes a text property and a text in quotes")
        get, sought, test = column.get, wanted.value, _TEXT_TESTS[name]
        return lambda row: isinstance(v := get(row), str) and test(v, sought)

    def comparison(self) -> Predicate:
        left = self.operand()
        if self.accept("in"):
            return self.membership(left)
        name = self.take().text
        if name not in _COMPARISONS:
            raise QueryError(f"expected one of {', '.join(sorted(_COMPARISONS))} after {left.what!r}, found {name!r}")
        right = self.operand()
        if left.get is None:
            left, right, name = right, left, _MIRROR[name]
        return compare(left, name, right)

    def membership(self, left: Operand) -> Predicate:
        self.expect("(")
        tests = [compare(left, "eq", self.operand())]
        while self.accept(","):
            tests.append(compare(left, "eq", self.operand()))
        self.expect(")")
        return lambda row: any(test(row) for test in tests)

    def operand(self) -> Operand:
        token = self.take()
        value = literal(token)
        if value is not None:
            return value
        if token.kind != "name":
            raise QueryError(f"expected a property or a value at position {token.at}, found {token.text!r}")
        column = resolve(self.entity, token.text)
        if column.type.kind in ("complex", "collection"):
            raise QueryError(f"{token.text} is a {column.type.name} and cannot be compared")
        return Operand(
            column.type.kind, token.text, self.entity.column(tuple(token.text.split("/"))), edm=column.type.name
        )

    def peek(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.tokens[at].text if at < len(self.tokens) and self.tokens[at].kind in ("name", "mark") else ""

    def accept(self, text: str) -> bool:
        if self.peek() != text:
            return False
        self.at += 1
        return True

    def expect(self, text: str) -> None:
        token = self.take()
        if token.text != text:
            raise QueryError(f"expected {text!r} at position {token.at}, found {token.text!r}")

    def take(self) -> Token:
        if self.at >= len(self.tokens):
            raise QueryError("the expression ends too early")
        self.at += 1
        return self.tokens[self.at - 1]


def compare(left: Operand, name: str, right: Operand) -> Predicate:
    """A comparison of a column with a literal or with another column."""
    if left.get is None:
        raise QueryError(f"{left.what} {name} {right.what} compares no property")
    if right.kind not in (left.kind, "null"):
        raise QueryError(f"cannot compare {left.what} ({left.edm}) with {right.what} (a {right.kind})")
    get = left.get
    if right.get is not None:
        return _compare_columns(get, name, right.get)
    value = right.value
    if left.edm == "Edm.Double" and isinstance(value, (int, Decimal)):
        value = float(value)
    if name == "eq":
        return lambda row: get(row) == value
    if name == "ne":
        return lambda row: get(row) != value
    if value is None:
        return lambda _: False
    test = _ORDER[name]
    return lambda row: (v := get(row)) is not None and test(v, value)


def _compare_columns(left: Getter, name: str, right: Getter) -> Predicate:
    if name in ("eq", "ne"):
        return lambda row: (left(row) == right(row)) is (name == "eq")
    test = _ORDER[name]
    return lambda row: (a := left(row)) is not None and (b := right(row)) is not None and test(a, b)


def parse_filter(entity: Entity, text: str) -> Predicate:
    """Compiles a $filter into a test of a row number. QueryError says what is wrong."""
    return _Parser(entity, text).parse()


def parse_order(entity: Entity, text: str) -> list[tuple[Getter, bool]]:
    """Columns of an $orderby, each with whether it descends."""
    result: list[tuple[Getter, bool]] = []
    for part in text.split(","):
        words = part.split()
        if not words or len(words) > 2 or (len(words) == 2 and words[1] not in ("asc", "desc")):
            raise QueryError(f"cannot read {part.strip()!r}; expected a property, then asc or desc")
        if resolve(entity, words[0]).type.kind in ("complex", "collection"):
            raise QueryError(f"cannot order by {words[0]}, which is no single value")
        result.append((entity.column(tuple(words[0].split("/"))), words[1:] == ["desc"]))
    return result


def select_rows(entity: Entity, filter_text: str | None, order_text: str | None) -> Sequence[int]:
    """The rows that pass a filter, in the order asked for; ties and unordered listings go by key. Nulls come first."""
    rows = entity.rows()
    if filter_text is not None:
        test = parse_filter(entity, filter_text)
        rows = [row for row in rows if test(row)]
    if order_text is not None:
        for get, descending in reversed(parse_order(entity, order_text)):
            rows = sorted(rows, key=_nulls_first(get), reverse=descending)
    return rows


class Views:
    """The latest selections, kept so that each page of a filtered listing does not filter anew."""

    def __init__(self, capacity: int = 16) -> None:
        self._capacity = capacity
        self._known: OrderedDict[tuple[str, str | None, str | None], Sequence[int]] = OrderedDict()

    def rows(self, entity: Entity, filter_text: str | None = None, order_text: str | None = None) -> Sequence[int]:
        """As select_rows. QueryError says which expression is wrong and why."""
        if filter_text is None and order_text is None:
            return entity.rows()
        name = (entity.name, filter_text, order_text)
        found = self._known.get(name)
        if found is None:
            found = array("q", select_rows(entity, filter_text, order_text))
            self._known[name] = found
            if len(self._known) > self._capacity:
                self._known.popitem(last=False)
        self._known.move_to_end(name)
        return found

    def clear(self) -> None:
        """Forgets all of them, because records have changed."""
        self._known.clear()


def _nulls_first(get: Getter) -> Callable[[int], tuple[bool, Value]]:
    def key(row: int) -> tuple[bool, Value]:
        value = get(row)
        return (False, 0) if value is None else (True, value)

    return key


def parse_key(entity: Entity, text: str) -> tuple[Value, ...] | None:
    """The key inside the parentheses of `Set(…)`: one literal, or `Name=literal` pairs; None for other names."""
    tokens = tokens_of(text)
    if len(tokens) == 1 and len(entity.keys) == 1:
        value = literal(tokens[0])
        if value is None:
            raise QueryError(f"cannot read the key {text!r}")
        return (value.value,)
    named: dict[str, Value] = {}
    for at in range(0, len(tokens), 4):
        part = tokens[at : at + 4]
        value = literal(part[2]) if len(part) >= 3 and part[0].kind == "name" and part[1].text == "=" else None
        if value is None or (len(part) == 4 and part[3].text != ",") or part[0].text in named:
            raise QueryError(f"cannot read the key {text!r}; expected {','.join(k + '=…' for k in entity.keys)}")
        named[part[0].text] = value.value
    if set(named) != set(entity.keys):
        return None
    return tuple(named[name] for name in entity.keys)
