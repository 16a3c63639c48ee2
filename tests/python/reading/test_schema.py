"""Schemas that nobody declares: every value of every page is in its column or, unchanged, in `_rescued`."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import duckdb
import polars
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import switchgear as sg
from support.plugins import build

Pages = list[list[dict[str, str]]]  # records of names and JSON texts


class Listing:
    """Answers as AcmeCmms' source does, with pages that a test chooses."""

    def __init__(self) -> None:
        self.pages: list[str] = []
        listing = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1  # head and body in one packet: two would wait for an acknowledgement in between

            def do_GET(self) -> None:
                at = int(parse_qs(urlsplit(self.path).query).get("cursor", ["0"])[0])
                following = json.dumps(str(at + 1)) if at + 1 < len(listing.pages) else "null"
                body = f'{{"data": {listing.pages[at]}, "meta": {{"next": {following}}}}}'.encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Source:
    """A connection to a listing of one's own."""

    def __init__(self, library: Path) -> None:
        self.listing = Listing()
        self.connection = sg.connect(str(library), base_url=self.listing.url, api_key=sg.Secret("any"))

    def read(self, *pages: str, **options: Any) -> sg.Reader:
        """A reader of pages, each the JSON text of its records."""
        self.listing.pages = list(pages)
        return self.connection.read("work_orders", **options)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    library = build("acme_cmms/connector.cpp", tmp_path_factory.mktemp("schema") / "acme_cmms.so", "g++", "-std=c++17")
    found = Source(library)
    yield found
    found.listing.close()


# -- random records

NUMBERS = st.one_of(
    st.integers(-5, 5).map(str),
    st.integers(-(2**65), 2**65).map(str),
    st.integers(2**53 - 2, 2**53 + 2).map(str),
    st.integers(-(10**40), 10**40).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str),
    st.sampled_from(["1e2", "-0.10000000000000001", "12345678901234567.1234", "1e400", "NaN", "-Infinity"]),
)
TEXTS = st.one_of(
    st.sampled_from(
        ["2026-01-31", "2024-02-29", "2026-01-31T06:00:00Z", "2026-01-31T06:00:00.5+02:00", "12.50", "NaN"]
    ),
    st.text(max_size=6),
).map(json.dumps)
SCALARS = st.one_of(NUMBERS, TEXTS, st.sampled_from(["null", "true", "false"]))
MEMBERS = st.sampled_from(["a", "b", "c"])


def as_object(members: dict[str, str]) -> str:
    return "{" + ",".join(f'"{name}":{text}' for name, text in members.items()) + "}"


VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]"),
        st.dictionaries(MEMBERS, inner, max_size=3).map(as_object),
    ),
    max_leaves=4,
)
# Mostly one kind of value for each name, as sources have it, so that columns get a type before something odd comes.
KINDS = st.sampled_from([NUMBERS, TEXTS, SCALARS, VALUES, st.integers(0, 9).map(str)])


@st.composite
def listings(draw: st.DrawFn) -> list[str]:
    kinds = {name: draw(KINDS) for name in ("k", "l", "m")}
    pages, row = [], 0
    for _ in range(draw(st.integers(1, 4))):
        records = []
        for _ in range(draw(st.integers(0, 3))):
            record = {name: draw(kind) for name, kind in kinds.items() if draw(st.integers(0, 9)) > 0}
            records.append(as_object({"wo": f'"{row}"', **record}))
            row += 1
        pages.append(f"[{','.join(records)}]")
    return pages


WORDS = re.compile(r'("(?:[^"\\]|\\.)*")|(NaN|-?Infinity)')


def original(page: str) -> Any:
    """What a page says. Words that are no JSON are text, as `_rescued` has them."""
    text = WORDS.sub(lambda found: found[1] or f'"\0{found[2]}"'.replace("\0", "\\u0000"), page)
    return exact(text)


def exact(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)


def plain(value: Any) -> Any:
    """Without the mark that original() puts at words."""
    if isinstance(value, str):
        return value.removeprefix("\0")
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    return value


def kind(value: Any) -> str:
    return "number" if isinstance(value, int | Decimal) and not isinstance(value, bool) else type(value).__name__


def same(got: Any, true: Any) -> bool:
    """The same JSON value; numbers digit by digit, whatever way they are written."""
    if kind(got) != kind(true):
        return False
    if isinstance(true, list):
        return len(got) == len(true) and all(map(same, got, true))
    if isinstance(true, dict):
        return got.keys() == true.keys() and all(same(got[name], true[name]) for name in true)
    return bool(got == true)


class Record:
    """One record as it arrived: its cells, and what was rescued of it."""

    def __init__(self, cells: dict[str, Any], fields: dict[str, pa.Field]) -> None:
        self.cells = cells
        self.fields = fields
        self.rescued = exact(cells["_rescued"]) if cells["_rescued"] else {}
        self.used: set[str] = set()

    def check(self, true: Any, got: Any, field: pa.Field | None, path: str) -> None:
        if path in self.rescued:
            self.used.add(path)
            assert got is None or field is None
            assert same(self.rescued[path], plain(true)), (path, self.rescued, true)
        elif got is None:
            assert true is None or (field is not None and true == {}), (path, true, self.cells)
        elif field is not None and (field.metadata or {}).get(b"switchgear:type") == b"json":
            assert same(exact(got), true), (path, got, true)
        elif isinstance(got, dict):
            assert isinstance(true, dict)
            assert field is not None
            for name in true.keys() | got.keys():
                child = field.type.field(name) if name in got else None
                self.check(true.get(name), got.get(name), child, f"{path}/{name}")
        elif isinstance(got, list):
            assert isinstance(true, list)
            assert field is not None
            assert len(got) == len(true)
            for index, item in enumerate(true):
                self.check(item, got[index], field.type.value_field, f"{path}/{index}")
        elif isinstance(got, dt.datetime):
            there = dt.datetime.fromisoformat(true.replace("Z", "+00:00").replace(".5+", ".500000+"))
            assert got == there, (path, got, true)
        elif isinstance(got, dt.date):
            assert got.isoformat() == true
        else:
            number = Decimal(repr(got)) if isinstance(got, float) else got
            assert same(number, true), (path, got, true)

    def check_flat(self, true: Any, path: str) -> None:
        """As check(), where members of structures are columns."""
        name = path.replace("/", "_")
        if path in self.rescued or name in self.cells:
            self.check(true, self.cells.get(name), self.fields.get(name), path)
        elif isinstance(true, dict):
            for member, value in true.items():
                self.check_flat(value, f"{path}/{member}")
        else:
            assert true is None, (path, true, self.cells)


def check_table(table: pa.Table, pages: list[str], flat: bool = False) -> None:
    table.validate(full=True)
    fields = {field.name: field for field in table.schema}
    truth = [record for page in pages for record in original(page)]
    assert table.num_rows == len(truth)
    for cells, true in zip(table.to_pylist(), truth, strict=True):
        record = Record(cells, fields)
        for name, value in true.items():
            if flat:
                record.check_flat(value, name)
            else:
                record.check(value, cells.get(name), fields.get(name), name)
        assert record.used == record.rescued.keys()


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pages=listings(), nested=st.sampled_from([None, "json", "struct", "flatten"]))
def test_random_records_come_back_bit_for_bit(source: Source, pages: list[str], nested: str | None) -> None:
    flat = nested == "flatten"
    check_table(source.read(*pages, nested=nested).to_arrow(), pages, flat)
    frozen = source.read(*pages, schema="frozen", nested=nested)
    check_table(frozen.to_arrow(), pages, flat)
    stream = source.read(*pages, nested=nested)
    check_table(pa.RecordBatchReader.from_stream(stream).read_all(), pages, flat)
    strict = source.read(*pages, schema="strict", nested=nested)
    if frozen.stats.rescued == 0:
        check_table(strict.to_arrow(), pages, flat)
    else:
        with pytest.raises(sg.DataError) as caught:
            strict.to_arrow()
        assert caught.value.code == "data.schema"


# -- by example


def test_pages_widen_and_all_of_them_unify(source: Source) -> None:
    pages = ('[{"wo":"1","n":1}]', '[{"wo":"2","n":2.5,"extra":true}]', '[{"wo":"3","n":"none"}]')
    reader = source.read(*pages)
    assert [[str(field) for field in page.schema] for page in reader] == [
        ["utf8", "int64", "json"],
        ["utf8", "float64", "bool", "json"],
        ["utf8", "json", "bool", "json"],
    ]
    expected = {"wo": ["1", "2", "3"], "n": ["1", "2.5", '"none"'], "extra": [None, True, None], "_rescued": [None] * 3}
    assert source.read(*pages).to_arrow().to_pydict() == expected
    assert source.read(*pages).to_polars().to_dict(as_series=False) == expected
    assert source.read(*pages).to_pandas()["n"].tolist() == expected["n"]
    assert [record["n"] for record in source.read(*pages).to_pylist()] == expected["n"]


def test_streams_lose_nothing(source: Source) -> None:
    """More pages than are looked at: what they bring is rescued."""
    pages = [f'[{{"wo":"{i}","n":{i}}}]' for i in range(12)] + ['[{"wo":"12","n":"none","late":[1]}]']
    reader = source.read(*pages)
    with duckdb.connect() as database:
        database.register("records", reader)
        rows = database.execute("SELECT wo, n, _rescued FROM records ORDER BY wo::INT").fetchall()
    assert rows == [(str(i), i, None) for i in range(12)] + [("12", None, '{"n":"none","late":[1]}')]
    assert polars.DataFrame(source.read(*pages))["_rescued"].to_list()[-1] == '{"n":"none","late":[1]}'
    assert pa.table(source.read(*pages))["n"].to_pylist() == [*range(12), None]


def test_strict_names_record_column_and_value(source: Source) -> None:
    pages = [f'[{{"wo":"{i}","n":{i}}}]' for i in range(11)] + ['[{"wo":"x","n":1},{"wo":"y","n":0.5}]']
    reader = source.read(*pages, schema="strict")
    with pytest.raises(sg.DataError) as caught:
        list(reader)
    assert "record 1 of the reply: column 'n' is int64 and has no room for '0.5'" in caught.value.message
    assert reader.stats.records == 11
    assert (caught.value.code, caught.value.entity) == ("data.schema", "work_orders")


def test_types_of_ones_own(source: Source) -> None:
    page = '[{"wo":"1","Cost":"12.500","At":1511518000000,"Id":9007199254740993},{"wo":"2","Cost":"1.2345","At":"n/a"}]'
    reader = source.read(page, schema={"Cost": "decimal(12,3)", "At": "epoch_ms"})
    assert [f"{field.name} {field}" for field in reader.schema][1:4] == [
        "Cost decimal(12,3)",
        "At epoch_ms",
        "Id int64",
    ]
    first, second = reader.to_pylist()
    assert first["Cost"] == Decimal("12.500")
    assert first["At"] == dt.datetime(2017, 11, 24, 10, 6, 40, tzinfo=dt.timezone.utc)
    assert first["Id"] == 9007199254740993
    assert exact(second["_rescued"]) == {"Cost": "1.2345", "At": "n/a"}
    strict = source.read(page, schema=sg.Schema({"Cost": "decimal(12,3)", "At": "epoch_ms"}, mode="strict"))
    with pytest.raises(sg.DataError, match="'Cost' is decimal"):
        strict.to_pylist()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"schema": "strcit"}, "did you mean 'strict'"),
        ({"schema": {"Cost": "decimal"}}, "how many digits"),
        ({"schema": {"Cost": "flaot64"}}, "did you mean 'float64'"),
        ({"schema": 7}, "is no schema"),
        ({"nested": "flaten"}, "did you mean 'flatten'"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_sent(source: Source, options: Any, said: str) -> None:
    with pytest.raises(sg.ConfigError) as caught:
        source.read("[]", **options)
    assert said in str(caught.value)


def test_a_column_that_nobody_has_seen_is_refused(source: Source) -> None:
    with pytest.raises(sg.ConfigError, match="did you mean 'Cost'"):
        source.read('[{"wo":"1","Cost":1}]', schema={"Cots": "float64"}).to_pylist()
    assert source.read('[{"wo":"1"}]', schema={"Late": "float64?"}).to_pylist()[0]["Late"] is None
    assert source.read("[]", schema={"Late": "float64"}).to_arrow().column_names == ["Late", "_rescued"]


# -- what sources were seen to do


def only(source: Source, value: str, **options: Any) -> Any:
    return source.read(f'[{{"wo":"1","v":{value}}}]', **options).to_pylist()[0]["v"]


def test_null_dates_as_1970_stay_what_they_are(source: Source) -> None:
    """Some systems write 1970-01-01T00:00:00Z for null; only who knows the system can tell, so nothing is guessed."""
    assert only(source, '"1970-01-01T00:00:00Z"') == dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)


def test_v2_dates_have_their_offset_in_minutes(source: Source) -> None:
    """The milliseconds are UTC already; the offset is for display."""
    instant = dt.datetime(2017, 11, 24, 10, 6, 40, tzinfo=dt.timezone.utc)
    assert only(source, '"/Date(1511518000000+0060)/"') == instant
    assert only(source, '"\\/Date(1511518000000+0000)\\/"') == instant
    assert only(source, '"/Date(1511518000000)/"') == instant.replace(tzinfo=None)


def test_decimals_as_strings_are_numbers_only_where_declared(source: Source) -> None:
    assert only(source, '"12345678901234567.1234"') == "12345678901234567.1234"
    assert only(source, '"12345678901234567.1234"', schema={"v": "decimal(23,4)"}) == Decimal("12345678901234567.1234")


def test_big_integers_and_long_decimals_keep_every_digit(source: Source) -> None:
    for number in (
        "9007199254740993",
        "18446744073709551615",
        "123456789012345678901234567890",
        "12345678901234567.1234",
    ):
        assert Decimal(only(source, number)) == Decimal(number)


def test_a_bare_integer_is_no_instant(source: Source) -> None:
    assert only(source, "1511518000000") == 1511518000000
    assert only(source, "1511518000", schema={"v": "epoch_s"}).year == 2017


def test_a_byte_order_mark_is_no_data(source: Source) -> None:
    assert sg.parse_json('\ufeff[{"v": 1}]').to_pylist() == [{"v": 1, "_rescued": None}]


def test_nan_is_rescued_unless_float64_is_declared(source: Source) -> None:
    record = source.read('[{"wo":"1","v":1.5},{"wo":"2","v":NaN}]').to_pylist()[1]
    assert (record["v"], record["_rescued"]) == (None, '{"v":"NaN"}')
    value = only(source, "NaN", schema={"v": "float64"})
    assert value != value
