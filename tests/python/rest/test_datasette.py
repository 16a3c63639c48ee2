"""Datasette, a second system that nobody here wrote, by description alone: compared with its own SQLite file."""

from __future__ import annotations

import base64
from decimal import Decimal
from typing import Any

import pytest

import switchgear as sg
from servers.datasette import MOST, Datasette
from support.plants import without_rescued

DATASETTE = """
name = "datasette"
doc = "Datasette 0.65: tables of a SQLite database"

[[entities]]
name = "workorders"
path = "/workorders.json"
RECORDS
key = ["id"]
cursor = "changed"
params = { PARAMS }
filters = [
  { operators = ["="], param = "{field}__exact" }, { operators = ["!="], param = "{field}__not" },
  { operators = ["<"], param = "{field}__lt" }, { operators = ["<="], param = "{field}__lte" },
  { operators = [">"], param = "{field}__gt" }, { operators = [">="], param = "{field}__gte" },
  { operators = ["in"], param = "{field}__in", join = "," },
  { operators = ["contains"], param = "{field}__contains" },
]
order = { param = "_sort", ascending = "{field}" }
changes = { since = { changed__gte = "{value}" } }
fields = [
  { name = "id", type = "int64" }, { name = "title", type = "utf8" }, { name = "priority", type = "int64" },
  { name = "asset", type = "int64" }, { name = "hours", type = "float64" },
  { name = "cost", type = "decimal", precision = 18, scale = 2 }, { name = "due", type = "date" },
  { name = "changed", type = "timestamp" },
  { name = "photo", type = "struct", fields = [
    { name = "$base64", type = "bool" }, { name = "encoded", type = "binary" } ] },
]
[entities.paging]
PAGING

[[entities]]
name = "parts"
path = "/parts.json"
records = "/rows"
total = "/filtered_table_rows_count"
key = ["plant", "number"]
params = { _shape = "objects" }
[entities.paging]
style = "next_url"
next = "/next_url"
size_param = "_size"
size = 90
"""
OBJECTS = 'records = "/rows"\ntotal = "/filtered_table_rows_count"', '_shape = "objects"'
ARRAY = 'records = ""', '_shape = "array"'
STYLES = {
    "next_url": (*OBJECTS, 'style = "next_url"\nnext = "/next_url"'),
    "cursor": (*OBJECTS, 'style = "cursor"\nparam = "_next"\nnext = "/next"'),
    "link": (*ARRAY, 'style = "link"'),
    "lines": ('format = "ndjson"', '_shape = "array", _nl = "on"', 'style = "link"'),
    "rows": (
        'records = "/rows"\nrow_names_at = "/columns"',
        '_shape = "arrays"',
        'style = "cursor"\nparam = "_next"\nnext = "/next"',
    ),
    "keyset": (
        *OBJECTS,
        'style = "keyset"\nfields = ["/id"]\nparams = { id__gt = "{0}" }\nmore = "/next"\n'
        'last_params = { _sort_desc = "id" }',
    ),
}
WHOLE = "select * from workorders order by id"


def connect(datasette: Datasette, style: str, size: int = 700) -> sg.Connection:
    records, params, paging = STYLES[style]
    text = DATASETTE.replace("RECORDS", records).replace("PARAMS", params)
    text = text.replace("PAGING", f'{paging}\nsize_param = "_size"\nsize = {size}\nmax_size = {MOST}')
    return sg.connect("rest", description=text, url=datasette.url)


def plain(record: dict[str, Any]) -> dict[str, Any]:
    """As SQLite has it."""
    photo = record["photo"]
    if photo is not None:
        assert photo["$base64"] is True
    return {
        **record,
        "cost": str(record["cost"]),
        "due": record["due"] and record["due"].isoformat(),
        "changed": record["changed"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "photo": photo and photo["encoded"],
    }


def read(plant: sg.Connection, **options: Any) -> list[dict[str, Any]]:
    return [plain(record) for record in without_rescued(plant.read("workorders", **options).to_pylist())]


@pytest.mark.parametrize("style", STYLES)
def test_every_value_in_every_style(datasette: Datasette, style: str) -> None:
    truth = datasette.rows(WHOLE)
    assert len(truth) == 3000
    assert read(connect(datasette, style)) == truth


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("page_size", [1000, 5000])
def test_no_page_is_larger_than_the_source_allows(datasette: Datasette, style: str, page_size: int) -> None:
    """It refuses more than 1,000: the description says so, and nobody asks for more. The last page is full."""
    assert read(connect(datasette, style), page_size=page_size) == datasette.rows(WHOLE)


@pytest.mark.parametrize("style", STYLES)
def test_going_on_from_the_token_of_any_page(datasette: Datasette, style: str) -> None:
    got: list[dict[str, Any]] = []
    token = None
    while True:
        page = next(iter(connect(datasette, style).read("workorders", page_size=400, token=token)), None)
        if page is None:
            break
        got += without_rescued(page.to_pylist())
        token = page.token
    assert [plain(record) for record in got] == datasette.rows(WHOLE)


@pytest.mark.parametrize("ordered", [True, False])
def test_keysets_side_by_side(datasette: Datasette, ordered: bool) -> None:
    """The first and the last key are asked for, and what lies between is divided."""
    got = read(connect(datasette, "keyset"), parallel=4, ordered=ordered, page_size=200)
    assert (got if ordered else sorted(got, key=lambda record: record["id"])) == datasette.rows(WHOLE)
    assert datasette.log_text().count("_sort_desc=id") >= 1


def test_keys_of_every_character(datasette: Datasette) -> None:
    """The next URL has them escaped in Datasette's own way, `~2C`, and percent-encoded besides."""
    got = without_rescued(connect(datasette, "link").read("parts").to_pylist())
    assert got == datasette.rows("select * from parts order by plant, number")
    assert len(got) == 700


@pytest.mark.parametrize("column", ["hours", "due", "changed", "priority"])
def test_in_the_order_of_a_column_with_ties_and_nulls(datasette: Datasette, column: str) -> None:
    got = read(connect(datasette, "next_url"), order=[column], page_size=300)
    assert got == datasette.rows(f"select * from workorders order by {column}, id")  # noqa: S608 - a name of ours


@pytest.mark.parametrize(
    ("where", "sql"),
    [
        ([("priority", "=", 2), ("asset", ">", 1 << 53)], "priority = 2 and asset > 9007199254740992"),
        ([("asset", "<=", -(1 << 63) + 900)], "asset <= -9223372036854774908"),
        ([("priority", "in", [1, 4]), ("hours", "<", 100.5)], "priority in (1, 4) and hours < 100.5"),
        ([("title", "=", 'Pump "P-7"')], "title = 'Pump \"P-7\"'"),
        ([("title", "=", "点検, Linie 4"), ("priority", "!=", 0)], "title = '点検, Linie 4' and priority != 0"),
    ],
)
def test_conditions_are_asked_for(datasette: Datasette, where: list[Any], sql: str) -> None:
    reader = connect(datasette, "cursor").read("workorders", where=where, page_size=100)
    got = [plain(record) for record in without_rescued(reader.to_pylist())]
    assert got == datasette.rows(f"select * from workorders where {sql} order by id")  # noqa: S608 - ours
    assert got != []
    assert reader.stats.filtered == 0


def test_changes(datasette: Datasette) -> None:
    since = "2026-05-11T06:00:00Z"
    truth = datasette.rows("select * from workorders where changed >= ? order by id", since)
    assert any(row["changed"] == since for row in truth)
    assert read(connect(datasette, "next_url"), modified_after=since) == truth


def test_the_total(datasette: Datasette) -> None:
    assert next(iter(connect(datasette, "next_url").read("workorders"))).total == 3000


def test_what_it_is_by_itself(datasette: Datasette) -> None:
    """Nothing but a path: how it goes on is found out, the columns too; long numbers keep their digits."""
    text = 'name = "d"\n[[entities]]\nname = "w"\npath = "/workorders.json"\n'
    text += 'params = { _shape = "array", _size = "450" }\n'
    got = sg.connect("rest", description=text, url=datasette.url).read("w").to_pylist()
    truth = datasette.rows(WHOLE)
    for name in ("id", "title", "priority", "asset", "hours", "cost"):
        assert [record[name] for record in got] == [row[name] for row in truth], name
    photos = [None if row["photo"] is None else base64.b64encode(row["photo"]).decode() for row in truth]
    assert [
        record["photo"] and sg.parse_json(f"[{record['photo']}]").to_pylist()[0]["encoded"] for record in got
    ] == photos
    assert all(isinstance(record["asset"], int | Decimal) for record in got)


def test_a_column_that_is_not_there_is_named(datasette: Datasette) -> None:
    """With a status of 500, though it was the request that was wrong; its words come through."""
    text = DATASETTE.replace("RECORDS", OBJECTS[0]).replace("PARAMS", OBJECTS[1] + ', _sort = "nope"')
    text = text.replace("PAGING", STYLES["next_url"][2])
    plant = sg.connect("rest", description=text, url=datasette.url, retry=None)
    with pytest.raises(sg.ServerError, match="Cannot sort table by nope"):
        plant.read("workorders").to_pylist()
