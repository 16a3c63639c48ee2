"""Whatever comes page by page, each value is still itself in the columns that hold all of them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from support.checkpoints import batch
from switchgear.destinations.widening import InMemory, fitted, in_memory, is_json, united, widest

numbers = (
    st.integers(-(2**64), 2**65)
    | st.integers(-10, 10)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0.5, 0.1, 1e22, 12.25])
)
days = st.dates().map(str)
values = st.none() | st.booleans() | numbers | st.text(max_size=5) | days | st.just("2026-03-01T06:00:00Z")
objects = st.dictionaries(st.text(max_size=3), values, max_size=2) | st.lists(values, max_size=2)
pages = st.lists(st.lists(values | objects, min_size=1, max_size=4), min_size=1, max_size=5)
# Pages of one kind each are what widens most, those of numbers in most ways.
whole = st.integers(-1000, 1000)
large = st.integers(2**53, 2**60)
fractions = st.sampled_from([0.5, 0.1, -12.25, 1e-7])
exact = st.sampled_from([12345678901234567.125, 2**63, 2**64])


def of_one_kind(*kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[list[list[Any]]]:
    page = st.sampled_from(kinds).flatmap(lambda kind: st.lists(kind, min_size=1, max_size=4))
    return st.lists(page, min_size=1, max_size=6)


numeric = of_one_kind(whole, large, fractions, exact, st.none())
uniform = of_one_kind(numbers, whole, days, st.booleans(), st.text(max_size=5), st.none(), objects)


def meaning(value: Any, *, json_text: bool = False) -> str:
    """A value as text that is the same in whatever type it is stored."""
    if value is None:
        return "null"
    if json_text:
        return meaning(json.loads(value, parse_float=Decimal))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        return number(Decimal(repr(value)) if isinstance(value, float) else Decimal(value))
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True, default=lambda v: float(v) if isinstance(v, Decimal) else str(v))
    text = value.isoformat() if hasattr(value, "isoformat") else str(value)
    return text.replace("+00:00", "Z")


def number(value: Decimal) -> str:
    return f"{value:f}".rstrip("0").rstrip(".") if "." in f"{value:f}" else f"{value:f}"


def same(stored: Any, given_value: Any, *, json_text: bool) -> bool:
    if meaning(stored, json_text=json_text) == meaning(given_value):
        return True
    # A text column has numbers and structures as they are written.
    if isinstance(stored, str) and not isinstance(given_value, str) and given_value is not None:
        return meaning(stored, json_text=True) == meaning(given_value)
    return False


@given(pages | uniform | numeric)
@settings(max_examples=200, deadline=None)
def test_no_value_changes_as_columns_widen(listing: list[list[Any]]) -> None:
    batches = [batch([{"v": value} for value in page]) for page in listing]
    # In a destination the columns widen checkpoint by checkpoint, and what is stored is written anew each time.
    schema = pa.schema([])
    stored: list[Any] = []
    for one in in_memory(batches):
        wider = widest([*(InMemory(each) for each in stored), one])
        stored = [fitted(each, wider) for each in (*stored, one.batch)]
        schema = wider
    once = united(batches)
    for name, found in (("one by one", pa.Table.from_batches(stored, schema)), ("at once", once)):
        json_text = is_json(found.schema.field("v"))
        got = found.column("v").to_pylist()
        expected = [value for page in listing for value in page]
        for value, wanted in zip(got, expected, strict=True):
            assert same(value, wanted, json_text=json_text), f"{name}: {value!r} in {found.schema.field('v')}"
