"""Pages, tokens, limits, choices: each record once, in the source's order, and no more than was asked for."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from typing import Any

import pytest

import switchgear as sg
from support.plants import plant_of, without_rescued
from switchgear.sandbox import Sandbox


def ids(reader: sg.Reader) -> list[int]:
    return [record["ID"] for record in reader.to_pylist()]


def test_pages_come_as_the_source_makes_them(box: Sandbox, plant: sg.Connection) -> None:
    pages = list(plant.read("WorkOrders"))
    assert [len(page) for page in pages if len(page)] == [100] * 25
    got = [record for page in pages for record in page.to_pylist()]
    assert without_rescued(got) == list(box.truth("WorkOrders"))


def test_a_token_of_every_page_goes_on_after_it(plant: sg.Connection) -> None:
    reader = plant.read("WorkOrders", columns=["ID"], page_size=250)
    taken = 0
    for page in reader:
        taken += len(page)
        assert reader.token == page.token
        assert isinstance(json.dumps(page.token), str)
        assert ids(plant.read("WorkOrders", columns=["ID"], page_size=250, token=page.token)) == list(
            range(taken + 1, 2_501)
        )
    assert taken == 2_500


def test_the_token_of_the_end_gives_nothing_more(plant: sg.Connection) -> None:
    reader = plant.read("Vendors")
    assert len(reader.to_pylist()) == 25
    assert reader.token
    assert plant.read("Vendors", token=reader.token).to_pylist() == []


def test_a_token_holds_in_another_connection(box: Sandbox, plant: sg.Connection) -> None:
    page = next(iter(plant.read("WorkOrders")))
    assert ids(plant_of(box, id="other").read("WorkOrders", token=page.token))[0] == 101


def test_a_token_of_another_entity_is_refused(plant: sg.Connection) -> None:
    token = next(iter(plant.read("WorkOrders"))).token
    with pytest.raises(sg.ConfigError) as caught:
        plant.read("Assets", token=token).to_pylist()
    assert caught.value.code == "config.token"


@pytest.mark.parametrize("limit", [0, 1, 99, 100, 101, 1_000, 2_499, 2_500, 2_501])
def test_limit(plant: sg.Connection, limit: int) -> None:
    expected = list(range(1, min(limit, 2_500) + 1))
    reader = plant.read("WorkOrders", limit=limit)
    assert ids(reader) == expected
    assert reader.to_arrow()["ID"].to_pylist() == expected
    assert reader.to_polars()["ID"].to_list() == expected


def test_a_limit_asks_for_no_more_than_it_needs(own_box: Sandbox) -> None:
    reader = plant_of(own_box).read("WorkOrders", limit=150)
    assert len(reader.to_pylist()) == 150
    assert own_box.stats()["pages"] == 1


def test_going_on_after_a_limit(plant: sg.Connection) -> None:
    reader = plant.read("WorkOrders", limit=150)
    first = ids(reader)
    rest = ids(plant.read("WorkOrders", token=reader.token))
    assert first + rest == list(range(1, 2_501))


def test_columns_in_the_order_asked_for(plant: sg.Connection) -> None:
    reader = plant.read("WorkOrders", columns=["Status", "ID", "Location"], limit=5)
    assert [name for name in reader.to_pylist()[0] if name != "_rescued"] == ["Status", "ID", "Location"]
    assert reader.to_arrow().column_names[:3] == ["Status", "ID", "Location"]


@pytest.mark.parametrize(
    ("name", "operator", "value"),
    [
        ("Status", "=", "OPEN"),
        ("Status", "!=", "OPEN"),
        ("Priority", "<", 3),
        ("Priority", ">=", 4),
        ("Priority", "in", [1, 5]),
        ("Status", "in", ["DONE", "WAITING"]),
        ("SafetyCritical", "=", True),
        ("DueDate", ">", datetime.date(2026, 6, 1)),
        ("ChangedAt", "<=", datetime.datetime(2026, 2, 1, tzinfo=datetime.timezone.utc)),
        ("AssetID", "=", (1 << 53) + 3),
        ("Title", "=", 'Replace: pump "P-7" seal #0'),
        ("DueDate", "=", None),
    ],
)
def test_where(box: Sandbox, plant: sg.Connection, name: str, operator: str, value: object) -> None:
    holds: Callable[[Any, Any], bool] = {
        "=": lambda a, b: a == b,
        "!=": lambda a, b: a != b,
        "<": lambda a, b: a is not None and a < b,
        "<=": lambda a, b: a is not None and a <= b,
        ">": lambda a, b: a is not None and a > b,
        ">=": lambda a, b: a is not None and a >= b,
        "in": lambda a, b: a in b,
    }[operator]
    expected = [r["ID"] for r in box.truth("WorkOrders") if holds(r[name], value)]
    assert ids(plant.read("WorkOrders", where=[(name, operator, value)])) == expected


def test_quotes_in_a_value_stay_a_value(box: Sandbox, plant: sg.Connection) -> None:
    title = next(r["Title"] for r in box.truth("WorkOrders") if "'" in r["Title"])
    expected = [r["ID"] for r in box.truth("WorkOrders") if r["Title"] == title]
    assert ids(plant.read("WorkOrders", where=[("Title", "=", title)])) == expected
    assert ids(plant.read("WorkOrders", where=[("Title", "=", "x' or 1 eq 1 or 'x' eq 'x")])) == []


def test_all_conditions_must_hold(box: Sandbox, plant: sg.Connection) -> None:
    where = [("Status", "=", "OPEN"), ("Priority", "=", 1)]
    expected = [r["ID"] for r in box.truth("WorkOrders") if r["Status"] == "OPEN" and r["Priority"] == 1]
    assert ids(plant.read("WorkOrders", where=where)) == expected
    assert ids(plant.read("WorkOrders", where=sg.raw("Status eq 'OPEN' and Priority eq 1"))) == expected


@pytest.mark.parametrize(
    "since",
    [
        "2026-02-14",
        datetime.date(2026, 2, 14),
        "2026-02-14T00:00:00Z",
        datetime.datetime(2026, 2, 14, tzinfo=datetime.timezone.utc),
        datetime.datetime(2026, 2, 14, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
    ],
)
def test_modified_after_holds_the_instant_itself(box: Sandbox, plant: sg.Connection, since: object) -> None:
    """Many records were changed at midnight sharp: leaving them out is how syncs lose records."""
    moment = datetime.datetime(2026, 2, 14, tzinfo=datetime.timezone.utc)
    expected = {r["ID"] for r in box.truth("WorkOrders") if r["ChangedAt"] >= moment}
    assert any(r["ChangedAt"] == moment for r in box.truth("WorkOrders"))
    assert set(ids(plant.read("WorkOrders", modified_after=since))) == expected  # type: ignore[arg-type]


def test_an_instant_without_zone_is_refused(plant: sg.Connection) -> None:
    with pytest.raises(sg.ConfigError, match="no time zone"):
        plant.read("WorkOrders", modified_after=datetime.datetime(2026, 1, 1))  # noqa: DTZ001


def test_order(box: Sandbox, plant: sg.Connection) -> None:
    got = ids(plant.read("WorkOrders", order=[("Priority", "desc"), "ID"]))
    truth = sorted(box.truth("WorkOrders"), key=lambda r: (-r["Priority"], r["ID"]))
    assert got == [r["ID"] for r in truth]


def test_the_total_when_asked_for(plant: sg.Connection) -> None:
    assert next(iter(plant.read("WorkOrders", count=True, limit=200))).total == 2_500


def test_stats_count_what_was_read(own_box: Sandbox) -> None:
    reader = plant_of(own_box).read("WorkOrders")
    reader.to_pylist()
    stats = reader.stats
    assert (stats.records, stats.pages, stats.retries, stats.rescued) == (1_000, 10, 0, 0)
    assert stats.bytes > 100_000
    assert stats.requests >= 10
    reader.to_polars()
    assert reader.stats.records == 1_000
    reader.to_arrow()
    assert reader.stats.records == 1_000


def test_each_pass_is_a_fresh_one(plant: sg.Connection) -> None:
    reader = plant.read("Vendors")
    first = reader.to_pylist()
    assert reader.to_pylist() == first
    assert reader.to_polars().height == reader.to_arrow().num_rows == len(reader.to_pandas()) == 25
    iterator = iter(reader)
    next(iterator)
    assert sum(len(page) for page in reader) == 25


def test_nothing_is_sent_before_the_reader_is_used(own_box: Sandbox) -> None:
    plant_of(own_box).read("WorkOrders", where=[("Status", "=", "OPEN")])
    assert own_box.stats()["requests"] == 0


@pytest.mark.parametrize("way", ["break", "close", "with"])
def test_ending_early_stops_the_producer(own_box: Sandbox, way: str) -> None:
    plant = plant_of(own_box)
    reader = plant.read("WorkOrders", page_size=10, prefetch=2)
    if way == "with":
        with reader:
            next(iter(reader))
    elif way == "close":
        iterator = iter(reader)
        next(iterator)
        reader.close()
    else:
        for _ in reader:
            break
    before = own_box.stats()["pages"]
    assert before <= 6, "of 100 pages, the one taken, those fetched ahead and the one under way"
    assert len(plant.read("WorkOrders", page_size=100).to_pylist()) == 1_000
    assert own_box.stats()["pages"] <= before + 1 + 10


def test_without_prefetch_a_page_is_asked_for_when_it_is_wanted(own_box: Sandbox) -> None:
    for taken, _ in enumerate(plant_of(own_box).read("WorkOrders", page_size=100, prefetch=0), 1):
        assert own_box.stats()["pages"] == taken, "a page that nobody waits for"
    assert own_box.stats()["pages"] == 10


def test_fetching_ahead_is_bounded_in_bytes(own_box: Sandbox) -> None:
    reader = plant_of(own_box).read(
        "WorkOrders", page_size=100, prefetch=50, max_bytes=200_000
    )  # a page takes some 64,000: four fit, and two were taken
    iterator = iter(reader)
    next(iterator)
    next(iterator)
    pages = own_box.stats()["pages"]
    reader.close()
    assert pages <= 6


def test_progress_is_told_after_each_page(plant: sg.Connection) -> None:
    told: list[int] = []
    plant.read("WorkOrders", progress=lambda stats: told.append(stats.records)).to_pylist()
    assert told[-1] == 2_500
    assert told == sorted(told)
    assert len(told) >= 25


def test_progress_says_nothing_where_nobody_looks(plant: sg.Connection, capfd: pytest.CaptureFixture[str]) -> None:
    plant.read("WorkOrders").to_pylist()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "options", [{"limit": -1}, {"page_size": 0}, {"prefetch": -1}, {"limit": True}, {"limit": "5"}]
)
def test_wrong_options_are_refused_when_given(plant: sg.Connection, options: dict[str, object]) -> None:
    with pytest.raises(sg.ConfigError, match=next(iter(options))):
        plant.read("WorkOrders", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "where", [[("Status", "~", "x")], [("Status", "=")], ["Status"], [("Nope", "=", 1)], [("Status", "=", object())]]
)
def test_wrong_conditions_are_refused(plant: sg.Connection, where: list[object]) -> None:
    with pytest.raises(sg.Error) as caught:
        plant.read("WorkOrders", where=where).to_pylist()  # type: ignore[arg-type]
    assert isinstance(caught.value, sg.ConfigError | sg.NotFound | sg.BadRequest)
    assert caught.value.message
