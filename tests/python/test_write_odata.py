"""How OData is written: multipart $batch, V2, versions by ETag, PUT. Against SAP CAP and its V2 adapter."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

import switchgear as sg
from servers.cap import PLANNER, Cap
from support.losing_proxy import LosingProxy

BEYOND_DOUBLE = 2**53 + 1


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cap]:
    """A service that takes $batch as multipart/mixed only; a page has 50 records."""
    with Cap(tmp_path_factory.mktemp("cap"), work_orders=130, page_size=50, multipart_only=True) as server:
        yield server


NUMBERS = itertools.count(1_000_000, 100_000)


@pytest.fixture
def first() -> int:
    """The first of 100,000 IDs that no other test uses."""
    return next(NUMBERS)


WAYS = ("refused", "multipart", "v2", "v2-gateway")


def connect(cap: Cap, way: str, **config: Any) -> sg.Connection:
    auth: sg.BasicAuth | sg.CsrfToken = sg.BasicAuth(*PLANNER)
    if way == "v2-gateway":
        url = cap.gateway_v2_url
        auth = sg.CsrfToken(url + "/", sg.BasicAuth(*PLANNER))
    else:
        url = cap.v2_url if way == "v2" else cap.url
    if way == "multipart":
        config["batch"] = "multipart"
    return sg.connect("odata", url=url, auth=auth, **config)


def order(number: int, **fields: Any) -> dict[str, Any]:
    return {"ID": number, "number": f"N{number}", "title": f"Order {number}", "priority": 1 + number % 4, **fields}


def stored(cap: Cap, first: int) -> dict[int, dict[str, Any]]:
    rows = cap.query(f"SELECT * FROM maintenance_WorkOrders WHERE ID BETWEEN {first} AND {first + 99_999}")  # noqa: S608
    return {row["ID"]: dict(row) for row in rows}


def counts(result: sg.WriteResult) -> tuple[int, int, int, int]:
    return result.ok, result.failed, result.unknown, result.skipped


@pytest.mark.parametrize("way", WAYS)
def test_each_record_of_a_multipart_batch_has_its_outcome(target: Cap, first: int, way: str) -> None:
    plant = connect(target, way)
    before = [order(first + i, title="before") for i in range(0, 60, 2)]
    assert counts(plant.write("WorkOrders", before, op="create")) == (30, 0, 0, 0)
    records = [order(first + i) for i in range(60)]
    records[7]["priority"] = 9
    records[20]["title"] = "LOCKED"
    del records[33]["title"]
    result = plant.write("WorkOrders", records, batch_size=25)
    assert counts(result) == (57, 3, 0, 0), result.errors
    said = [(outcome.index, outcome.category) for outcome in result.errors]
    assert said == [(7, "bad_request"), (20, "conflict"), (33, "bad_request")]
    for outcome, words in zip(
        result.errors,
        ("Enter a value between 1 and 4.", "being edited by another user", "Provide the missing"),
        strict=True,
    ):
        assert words in outcome.message
    rows = stored(target, first)
    assert sorted(rows) == [first + i for i in range(60) if i not in (7, 33)]
    assert rows.pop(first + 20)["title"] == "before"
    for number, row in rows.items():
        assert {name: row[name] for name in order(number)} == order(number)


@pytest.mark.parametrize("way", WAYS)
def test_update_delete_and_atomic_batches(target: Cap, first: int, way: str) -> None:
    plant = connect(target, way)
    records = [order(first + i) for i in range(9)]
    records[4]["priority"] = 9
    result = plant.write("WorkOrders", records, batch_size=3, atomic=True)
    assert counts(result) == (6, 3, 0, 0)
    assert [(outcome.index, outcome.code) for outcome in result.errors] == [
        (3, "bad_request.rolled_back"),
        (4, "bad_request"),
        (5, "bad_request.rolled_back"),
    ]
    update = [{"ID": first, "title": "new"}, {"ID": first + 77, "title": "nobody"}]
    updated = plant.write("WorkOrders", update, op="update")
    assert counts(updated) == (1, 1, 0, 0)
    assert updated.errors[0].category == "not_found"
    assert counts(plant.write("WorkOrders", [{"ID": first + i} for i in (1, 2, 6, 7, 8)], op="delete")) == (5, 0, 0, 0)
    assert {number: row["title"] for number, row in stored(target, first).items()} == {first: "new"}


@pytest.mark.parametrize("way", WAYS)
def test_values_arrive_whole(target: Cap, first: int, way: str) -> None:
    """Integers beyond 2^53 and decimals as texts, dates, instants, times, children."""
    moment = dt.datetime(2026, 1, 31, 12, 30, 15, 250_000, tzinfo=dt.timezone.utc)
    record = order(
        first,
        title='ä „quoted“ "x" \\ \n',
        runtimeTicks=BEYOND_DOUBLE,
        estimatedHours=Decimal("1.125"),
        actualCost=-1234.5678,
        meterReading=0.1,
        changedAt=moment,
        scheduledOn="2026-01-31",
        startTime="13:20:05",
        safetyRelevant=True,
        operations=[{"sequence": 1, "text": "open"}, {"sequence": 2, "text": "close"}],
    )
    result = connect(target, way).write("WorkOrders", [record], op="create")
    assert counts(result) == (1, 0, 0, 0), result.errors
    row = stored(target, first)[first]
    wanted = {
        "title": record["title"],
        "runtimeTicks": BEYOND_DOUBLE,
        "estimatedHours": 1.125,
        "actualCost": -1234.5678,
        "meterReading": 0.1,
        "changedAt": "2026-01-31T12:30:15.250Z",
        "scheduledOn": "2026-01-31",
        "startTime": "13:20:05",
        "safetyRelevant": 1,
    }
    assert {name: row[name] for name in wanted} == wanted
    steps = target.query(f"SELECT text FROM maintenance_Operations WHERE workOrder_ID={first} ORDER BY sequence")  # noqa: S608
    assert [step["text"] for step in steps] == ["open", "close"]


@pytest.mark.parametrize("way", ["multipart", "v2"])
def test_keys_of_several_fields_are_written_into_urls(target: Cap, first: int, way: str) -> None:
    """One of them a time, the other a text with everything that has to be escaped."""
    asset = f"A/'&+ü{first}"
    keys = [{"asset": asset, "takenAt": f"2026-01-31T12:00:0{i}Z"} for i in range(4)]
    plant = connect(target, way)
    sql = f"SELECT takenAt, value FROM maintenance_Readings WHERE asset LIKE '%{first}' ORDER BY takenAt"  # noqa: S608
    assert counts(plant.write("Readings", [{**key, "value": 1.5} for key in keys], op="create")) == (4, 0, 0, 0)
    assert counts(plant.write("Readings", [{**key, "value": 2.5} for key in keys[:2]])) == (2, 0, 0, 0)
    assert counts(plant.write("Readings", keys[3:], op="delete")) == (1, 0, 0, 0)
    assert [(row["takenAt"][17:19], row["value"]) for row in target.query(sql)] == [
        ("00", 2.5),
        ("01", 2.5),
        ("02", 1.5),
    ]


@pytest.mark.parametrize("way", ["multipart", "v2"])
@pytest.mark.parametrize("op", ["create", "upsert", "delete"])
def test_lost_replies_to_multipart_batches_double_nothing(target: Cap, first: int, way: str, op: str) -> None:
    records = [order(first + i) for i in range(30)]
    if op == "delete":
        assert counts(connect(target, way).write("WorkOrders", records, op="create")) == (30, 0, 0, 0)
    with LosingProxy("127.0.0.1", target.port, lambda n: n == 1) as proxy:
        url = (target.v2_url if way == "v2" else target.url).replace(target.origin, f"http://{proxy.address}")
        plant = sg.connect("odata", url=url, auth=sg.BasicAuth(*PLANNER), batch="multipart")
        result = plant.write("WorkOrders", records, op=op, batch_size=10)
        assert proxy.lost == 1
    assert counts(result) == (30, 0, 0, 0), result.errors[:2]
    assert sorted(stored(target, first)) == ([] if op == "delete" else [first + i for i in range(30)])


def test_v2_is_read_as_v4_is(target: Cap) -> None:
    """Every value of every column but those whose type V2 does not have."""
    four, two = (connect(target, way) for way in ("refused", "v2"))
    assert two.check().online
    names = {entity.name: entity for entity in two.entities()}
    assert list(names["WorkOrders"].key) == ["ID"]
    mine = [("ID", "<=", 130)]
    left = {row["ID"]: row for row in four.read("WorkOrders", where=mine).to_pylist()}
    reader = two.read("WorkOrders", count=True, where=mine)
    pages = list(reader)
    assert len(pages) == 3
    assert pages[0].total == 130
    right = {row["ID"]: row for page in pages for row in page.to_pylist()}
    assert right.keys() == left.keys()
    assert reader.stats.rescued == 0
    different = ("scheduledOn", "startTime")  # a DateTime at midnight, and a duration
    for key, row in right.items():
        expected = {name: value for name, value in left[key].items() if name not in different}
        assert {name: value for name, value in row.items() if name not in different} == expected
        assert row["scheduledOn"] is None or row["scheduledOn"].date() == left[key]["scheduledOn"]


@pytest.mark.parametrize(
    "where",
    [
        [("runtimeTicks", ">", BEYOND_DOUBLE + 50)],
        [("estimatedHours", "<", Decimal("400.5")), ("title", "=", 'Check "north" valve \\ O\'Neil 5')],
        [("dueAt", ">=", "2024-01-02T00:00:00Z"), ("ID", "in", [1, 40, 41])],
        [("meterReading", "<", -0.5)],
        [("changedAt", "<=", "2024-01-01T01:00:00Z")],
    ],
)
def test_conditions_hold_in_v2_as_in_v4(target: Cap, where: list[tuple[str, str, Any]]) -> None:
    conditions = [*where, ("ID", "<=", 130)]
    ids = [
        sorted(
            row["ID"] for row in connect(target, way).read("WorkOrders", columns=["ID"], where=conditions).to_pylist()
        )
        for way in ("refused", "v2")
    ]
    assert ids[0] == ids[1]
    assert 0 < len(ids[0]) < 130


@pytest.mark.parametrize("way", ["refused", "v2"])
def test_changes_are_asked_for_by_the_time_of_the_last_one(target: Cap, way: str) -> None:
    since = target.query("SELECT modifiedAt FROM maintenance_WorkOrders WHERE ID=100")[0]["modifiedAt"]
    rows = connect(target, way).read("WorkOrders", modified_after=since, where=[("ID", "<=", 130)]).to_pylist()
    assert sorted(row["ID"] for row in rows) == list(range(100, 131))


@pytest.mark.parametrize("way", ["refused", "v2"])
@pytest.mark.parametrize("op", ["update", "upsert", "delete"])
def test_a_record_that_was_read_is_changed_only_if_nobody_else_did(target: Cap, first: int, way: str, op: str) -> None:
    plant = connect(target, way, etags=True)
    assert counts(plant.write("WorkOrders", [order(first + i) for i in range(3)], op="create")) == (3, 0, 0, 0)
    etag = "__metadata" if way == "v2" else "@odata.etag"
    columns = ["ID", "title", etag]
    mine = [("ID", ">=", first), ("ID", "<", first + 10)]
    rows = plant.read("WorkOrders", columns=columns, where=mine).to_pylist()
    assert all(row[etag] for row in rows)
    other = connect(target, way)
    assert counts(other.write("WorkOrders", [{"ID": first + 1, "title": "faster"}], op="update")) == (1, 0, 0, 0)
    assert counts(other.write("WorkOrders", [{"ID": first + 2}], op="delete")) == (1, 0, 0, 0)
    changed = [{"ID": row["ID"], "title": "mine", etag: row[etag]} for row in rows]
    result = plant.write("WorkOrders", changed, op=op)
    assert counts(result) == (1, 2, 0, 0), result.errors
    assert (result.errors[0].index, result.errors[0].code) == (1, "conflict.precondition")
    assert "read it again" in result.errors[0].hint
    assert result.errors[1].index == 2
    assert result.errors[1].category in ("not_found", "conflict"), "what was deleted is not made again"
    titles = {number: row["title"] for number, row in stored(target, first).items()}
    assert titles == {**({} if op == "delete" else {first: "mine"}), first + 1: "faster"}


@pytest.mark.parametrize("way", ["refused", "v2"])
def test_records_are_put_where_the_connection_says_so(target: Cap, first: int, way: str) -> None:
    """CAP's PUT keeps what a record does not name, and needs the version as a PATCH does."""
    plant = connect(target, way, update_method="PUT")
    assert counts(plant.write("WorkOrders", [order(first, notes="old")])) == (1, 0, 0, 0)
    assert counts(plant.write("WorkOrders", [order(first, title="put")], op="update")) == (1, 0, 0, 0)
    assert stored(target, first)[first]["title"] == "put"


def test_a_service_that_takes_no_json_says_so_where_json_is_wanted(target: Cap, first: int) -> None:
    result = connect(target, "refused", batch="json").write("WorkOrders", [order(first)])
    assert counts(result) == (0, 1, 0, 0)
    assert "only taken as multipart/mixed" in result.errors[0].message
    with pytest.raises(sg.ConfigError, match="batch"):
        connect(target, "refused", batch="xml").entities()
