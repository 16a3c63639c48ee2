"""Random records through random pages: every value comes back bit for bit, as Python values and as Arrow columns.

The server here knows the records only as JSON texts, so nothing has rounded them before they are sent. A value is where
its column can hold it, else unchanged in `_rescued`: whichever it is, it is the value that was sent, digit by digit.
"""

from __future__ import annotations

import datetime as dt
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import switchgear as sg
from support.seeds import new_seed, soak_rounds

SEED = new_seed()


@dataclass
class Listing:
    """Serves records (their JSON texts) by `/<style>`, in pages of `most` or what the `limit` asks for."""

    records: list[str] = field(default_factory=list)
    most: int = 1000
    url: str = ""

    def reply(self, style: str, asked: dict[str, str]) -> tuple[bytes, dict[str, str]]:
        """The body and the headers of a page."""
        size = min(int(asked.get("limit", "1000")), self.most)
        start = {
            "page": (int(asked.get("page", "1")) - 1) * size,
            "offset": int(asked.get("offset", "0")),
            "keyset": int(asked.get("after", "-1")) + 1,
        }.get(style, int(asked.get("cursor", "0").removeprefix("+/=&")))
        if style == "none":
            start, size = 0, max(1, len(self.records))
        end = start + size
        more = end < len(self.records)
        token, link = f"+/=&{end}", f"{self.url}/{style}?cursor=%2B%2F%3D%26{end}&limit={size}"
        items = ",".join(self.records[start:end])
        headers = {}
        if style == "link":
            body = f"[{items}]"
            headers = {"Link": f'<{link}>; rel="next"'} if more else {}
        elif style == "header":
            body = f'{{"items":[{items}]}}'
            headers = {"X-Next": token} if more else {}
        elif style == "next_url":
            body = f'{{"next":{json.dumps(link if more else None)},"items":[{items}]}}'
        elif style == "cursor":
            body = f'{{"items":[{items}],"next":{json.dumps(token if more else None)}}}'
        else:
            body = f'{{"more":{json.dumps(more)},"items":[{items}]}}'
        return body.encode(), headers


PAGING = {
    "cursor": 'style = "cursor"\nparam = "cursor"\nnext = "/next"\n',
    "post": 'style = "cursor"\nparam = "cursor"\nnext = "/next"\n',
    "header": 'style = "cursor"\nparam = "cursor"\nnext_header = "X-Next"\n',
    "next_url": 'style = "next_url"\nnext = "/next"\n',
    "link": 'style = "link"\n',
    "page": 'style = "page"\nparam = "page"\nmore = "/more"\n',
    "offset": 'style = "offset"\nparam = "offset"\nmore = "/more"\n',
    "keyset": 'style = "keyset"\nmore = "/more"\nfields = ["/#"]\nparams = { after = "{0}" }\n',
    "none": 'style = "none"\n',
}


@pytest.fixture(scope="module")
def listing() -> Iterator[Listing]:
    found = Listing()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self.send(parts.path[1:], {name: values[0] for name, values in parse_qs(parts.query).items()})

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send("cursor", {name: str(value) for name, value in body.items()})

        def send(self, style: str, asked: dict[str, str]) -> None:
            body, headers = found.reply(style, asked)
            self.send_response(200)
            for name, value in {**headers, "Content-Type": "application/json", "Content-Length": len(body)}.items():
                self.send_header(name, str(value))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


# -- records, as JSON texts

INTEGERS = st.one_of(
    st.integers(-9, 9),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(2**53 - 2, 2**53 + 2),
    st.integers(2**63 - 2, 2**64 + 2),
    st.integers(-(10**38), 10**38),
).map(str)
NUMBERS = st.one_of(
    INTEGERS,
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(allow_nan=False, allow_infinity=False, places=6).map(str),
    st.sampled_from(
        ["1e2", "1.50", "-0.0", "-0", "0.1000000000000000055", "12345678901234567.1234", "1E+400", "5e-324", "1e-400"]
    ),
)
STRINGS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        [
            "",
            "NaN",
            "Infinity",
            "null",
            "true",
            "0",
            "12.50",
            "00012",
            "-1e5",
            "\x00",
            "\ufeffx",
            "\U0001f527",
            "a\u0301",
        ]
    ),
)
TEXTS = st.one_of(STRINGS.map(json.dumps), STRINGS.map(lambda text: json.dumps(text, ensure_ascii=False)))
DATES = st.dates().map(lambda day: f'"{day.isoformat()}"')
ODD_TIMES = st.sampled_from(
    [
        '"2026-01-31T06:00:00.123456789Z"',
        '"2026-01-31T06:00:00.1234560Z"',
        '"2026-13-01"',
        '"2025-02-29"',
        '"2026-01-31T24:00:00Z"',
        '"2026-06-30T23:59:60Z"',
        '"2026-01-31 06:00:00"',
        '"0001-01-01T00:00:00+14:00"',
        '"9999-12-31T23:59:59.999999-12:00"',
        '"/Date(1511518000000+0060)/"',
        '"\\/Date(-1)\\/"',
    ]
)
ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: dt.timezone(dt.timedelta(minutes=minutes)))
INSTANTS = st.datetimes(timezones=ZONES).map(lambda moment: f'"{moment.isoformat()}"')
LOCAL = st.datetimes().map(lambda moment: f'"{moment.isoformat()}"')
CONSTANTS = st.sampled_from(["true", "false"])
SCALARS = st.one_of(NUMBERS, TEXTS, DATES, INSTANTS, ODD_TIMES, CONSTANTS, st.just("null"))
NAMES = st.one_of(
    st.sampled_from(["a", "b", "a_b", "a/b", "~0", "a.b", "Größe", '"', "\\", " ", ""]), st.text(max_size=6)
)


def as_object(members: dict[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in members.items()) + "}"


NESTED = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: f"[{', '.join(items)}]"),
        st.dictionaries(NAMES, inner, max_size=4).map(as_object),
    ),
    max_leaves=8,
)
KINDS = [INTEGERS, NUMBERS, TEXTS, DATES, INSTANTS, LOCAL, CONSTANTS, NESTED, SCALARS, st.one_of(INSTANTS, ODD_TIMES)]
DECLARED = [
    "int64",
    "uint64",
    "float64",
    "decimal(30,6)",
    "utf8",
    "bool",
    "date",
    "timestamp",
    "timestamp_local",
    "json",
]


@st.composite
def record_sets(draw: st.DrawFn) -> list[str]:
    """Mostly one kind of value under a name, as sources have it, with nulls, and records that lack it."""
    names = draw(st.lists(NAMES.filter(lambda name: name not in ("#", "_rescued")), max_size=5, unique=True))
    kinds = {name: draw(st.sampled_from(KINDS)) for name in names}
    records = []
    for number in range(draw(st.integers(0, 25))):
        members = {"#": str(number)}
        for name, kind in kinds.items():
            turn = draw(st.integers(0, 11))
            if turn > 0:
                members[name] = "null" if turn == 1 else draw(kind)
        records.append(as_object(members))
    return records


# -- what came of them


def exact(text: str) -> Any:
    return json.loads(
        text, parse_float=Decimal, parse_int=lambda digits: Decimal(digits) if digits == "-0" else int(digits)
    )


def same_json(got: Any, true: Any) -> bool:
    """The same JSON value: numbers digit by digit, however they are written, and nothing else in their place."""
    if isinstance(true, bool) or isinstance(got, bool) or true is None or got is None:
        return got is true
    if isinstance(true, list):
        return isinstance(got, list) and len(got) == len(true) and all(map(same_json, got, true))
    if isinstance(true, dict):
        return isinstance(got, dict) and list(got) == list(true) and all(same_json(got[n], true[n]) for n in true)
    if isinstance(true, str):
        return isinstance(got, str) and got == true
    return isinstance(got, int | Decimal) and Decimal(got) == Decimal(true)


def moment_of(text: str) -> dt.datetime | None:
    """The instant or the local time that a text is, None for another text."""
    if text.startswith("/Date("):
        digits, _, _ = text[6:-2].partition("+")
        moment = dt.datetime(1970, 1, 1) + dt.timedelta(milliseconds=int(digits))  # noqa: DTZ001
        return moment.replace(tzinfo=dt.timezone.utc) if "+" in text else moment
    head, point, rest = text.removesuffix("Z").partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    if digits[6:].strip("0"):
        return None
    zone = "+00:00" if text.endswith("Z") else rest[len(digits) :]
    try:
        return dt.datetime.fromisoformat(head + (f".{digits[:6]:0<6}" if point else "") + zone)
    except ValueError:
        return None


def same_cell(got: Any, true: Any, kind: str, declared: bool) -> bool:
    """A cell of a column of this type holds this JSON value, and no digit of it is another."""
    if kind == "json":
        return isinstance(got, str) and same_json(exact(got), true)
    if kind == "bool":
        return got is true
    if kind in ("int64", "uint64", "float64", "decimal"):
        if isinstance(true, str) and declared:  # decimals that travel as strings
            true = Decimal(true)
        if isinstance(true, bool) or not isinstance(true, int | Decimal):
            return False
        if kind != "float64":
            return not isinstance(got, float | bool) and Decimal(got) == true
        # As JSON has it: the double that the digits mean, bit for bit (a zero has a sign; as the integer that `-0` was
        # before its column widened it has none).
        if not declared and true == 0 and Decimal(true).as_tuple().exponent == 0:
            return bool(got == 0)
        return struct.pack("d", got) == struct.pack("d", float(true)) and (declared or Decimal(repr(got)) == true)
    if not isinstance(true, str):
        return False
    if kind == "date":
        return bool(got.isoformat() == true)
    if kind.startswith("timestamp"):
        moment = moment_of(true)
        if moment is None or moment.tzinfo is None:
            return moment is not None and got.tzinfo is None and got == moment
        return got.tzinfo is not None and as_microseconds(got) == as_microseconds(moment)
    return bool(got == true)


def as_microseconds(moment: dt.datetime) -> int:
    """Since the epoch, also where the instant in UTC has no year of four digits."""
    local = moment.replace(tzinfo=None) - dt.datetime(1970, 1, 1)  # noqa: DTZ001
    return (local - (moment.utcoffset() or dt.timedelta(0))) // dt.timedelta(microseconds=1)


def check(got: list[dict[str, Any]], records: list[str], kinds: dict[str, str], declared: dict[str, str]) -> None:
    assert len(got) == len(records)
    for record, text in zip(got, records, strict=True):
        true, rescued = exact(text), exact(record["_rescued"] or "{}")
        for name, value in true.items():
            cell = record.get(name)
            if name in rescued:
                assert cell is None
                assert same_json(rescued.pop(name), value), (name, record, text)
            elif cell is None:
                assert value is None, (name, value, record, text)
            else:
                assert same_cell(cell, value, kinds[name], name in declared), (name, cell, value, kinds[name], text)
        assert rescued == {}, "what was rescued was sent"
        assert [name for name, cell in record.items() if cell is not None and name not in {*true, "_rescued"}] == []


def read_back(
    listing: Listing, records: list[str], style: str, most: int, page_size: int, declared: dict[str, str]
) -> None:
    listing.records, listing.most = records, most
    size = "" if style == "none" else f'size_param = "limit"\nsize = {page_size}\n'
    where = "" if style == "link" else "/items"
    post = 'method = "POST"\n' if style == "post" else ""
    text = f'name = "r"\n[[entities]]\nname = "all"\npath = "/{style}"\nrecords = "{where}"\n{post}'
    text += f"[entities.paging]\n{PAGING[style]}{size}"
    plant = sg.connect("rest", description=text, url=listing.url)
    reader = plant.read("all", schema={name: f"{kind}?" for name, kind in declared.items()} or None)
    pages = list(reader)
    kinds = {column.name: column.type for column in pages[-1].schema} if pages else {}
    check(reader.to_pylist(), records, kinds, declared)
    table = reader.to_arrow()
    table.validate(full=True)
    check(table.to_pylist(), records, kinds, declared)
    # Page by page, each in its own columns.
    at = 0
    for page in pages:
        own = {column.name: column.type for column in page.schema}
        check(page.to_pylist(), records[at : at + len(page)], own, declared)
        check(page.to_arrow().to_pylist(), records[at : at + len(page)], own, declared)
        at += len(page)


BUSY = [HealthCheck.too_slow]
"""What Hypothesis says of a machine that does other things besides."""
ANY_PAGES = {
    "records": record_sets(),
    "style": st.sampled_from(sorted(PAGING)),
    "most": st.integers(1, 30),
    "page_size": st.integers(1, 30),
}


def some_columns(records: list[str], numbers: list[int]) -> dict[str, str]:
    """Types of one's own for about half of the members."""
    names = sorted({name for text in records for name in exact(text)} - {"#", ""})
    chosen = dict(zip(names, numbers, strict=False))
    return {name: DECLARED[n % len(DECLARED)] for name, n in chosen.items() if n % 2 and "\0" not in name}


@seed(SEED)
@settings(max_examples=40, deadline=None, database=None, suppress_health_check=BUSY)
@given(**ANY_PAGES)
def test_random_records_through_random_pages(
    listing: Listing, records: list[str], style: str, most: int, page_size: int
) -> None:
    read_back(listing, records, style, most, page_size, {})


@seed(SEED)
@settings(max_examples=40, deadline=None, database=None, suppress_health_check=BUSY)
@given(**ANY_PAGES, numbers=st.lists(st.integers(0, 39), min_size=5, max_size=5))
def test_columns_of_types_that_were_chosen(
    listing: Listing, records: list[str], style: str, most: int, page_size: int, numbers: list[int]
) -> None:
    """Whatever type a column is said to have: a value that it can't hold is in `_rescued`, and no other value there."""
    read_back(listing, records, style, most, page_size, some_columns(records, numbers))


@pytest.mark.soak
@seed(SEED)
@settings(max_examples=100 * soak_rounds(200), deadline=None, database=None, suppress_health_check=BUSY)
@given(**ANY_PAGES, numbers=st.lists(st.integers(0, 39), min_size=5, max_size=5))
def test_many_random_records(
    listing: Listing, records: list[str], style: str, most: int, page_size: int, numbers: list[int]
) -> None:
    read_back(listing, records, style, most, page_size, some_columns(records, numbers))


def test_a_name_with_a_zero_byte_is_no_other_name(listing: Listing) -> None:
    """Arrow's names end at a zero byte: the member became a column of the same name as another, and took its values."""
    records = ['{"#":0,"a":1,"a\\u0000b":2,"\\u0000":3}', '{"#":1,"a\\u0000b":4}']
    read_back(listing, records, "cursor", 1, 1, {})
    got = sg.parse_json(f"[{','.join(records)}]", nested="struct").to_pylist()
    assert [(record["a"], exact(record["_rescued"])) for record in got] == [
        (1, {"a\0b": 2, "\0": 3}),
        (None, {"a\0b": 4}),
    ]
    inner = sg.parse_json('[{"o":{"a":1,"\\u0000":2}}]', nested="struct").to_pylist()[0]
    assert (inner["o"], exact(inner["_rescued"])) == ({"a": 1}, {"o/\0": 2})


def test_the_check_can_fail() -> None:
    """On a digit, on a type, on a missing value, and on one that nobody sent."""
    kinds = {"a": "float64", "b": "utf8"}
    good = {"a": 0.1, "b": "x", "_rescued": None}
    check([good], ['{"a":0.1,"b":"x"}'], kinds, {})
    for records, sent in (
        ([good], '{"a":0.10000000000000001,"b":"x"}'),
        ([good], '{"a":0.1,"b":1}'),
        ([good], '{"a":0.1}'),
        ([{**good, "b": None}], '{"a":0.1,"b":"x"}'),
        ([{**good, "_rescued": '{"c":1}'}], '{"a":0.1,"b":"x"}'),
        ([], '{"a":0.1,"b":"x"}'),
    ):
        with pytest.raises(AssertionError):
            check(records, [sent], kinds, {})
