"""Every value of every field arrives, whichever way it is read."""

from __future__ import annotations

import datetime
import math
from decimal import Decimal
from typing import Any

import duckdb
import polars
import pyarrow
import pytest

import switchgear as sg
from support.plants import ENTITIES, without_rescued
from switchgear.sandbox import Sandbox


@pytest.mark.parametrize("entity", ENTITIES)
def test_to_pylist(box: Sandbox, plant: sg.Connection, entity: str) -> None:
    assert without_rescued(plant.read(entity).to_pylist()) == list(box.truth(entity))


@pytest.mark.parametrize("entity", ENTITIES)
def test_types_of_values(box: Sandbox, plant: sg.Connection, entity: str) -> None:
    """Equality is not enough: 1 == 1.0 == Decimal(1), and a datetime has to say that it is UTC."""
    for got, true in zip(plant.read(entity).to_pylist(), box.truth(entity), strict=False):
        for name, value in true.items():
            assert type(got[name]) is type(value), name
            if isinstance(value, datetime.datetime):
                assert got[name].tzinfo == datetime.timezone.utc
            if isinstance(value, Decimal):
                assert got[name].as_tuple() == value.as_tuple(), name


@pytest.mark.parametrize("entity", ENTITIES)
def test_to_arrow(box: Sandbox, plant: sg.Connection, entity: str) -> None:
    table = plant.read(entity).to_arrow()
    table.validate(full=True)
    assert without_rescued(table.to_pylist()) == list(box.truth(entity))


@pytest.mark.parametrize("entity", ENTITIES)
def test_to_polars(box: Sandbox, plant: sg.Connection, entity: str) -> None:
    assert without_rescued(plant.read(entity).to_polars().to_dicts()) == list(box.truth(entity))


@pytest.mark.parametrize("entity", ENTITIES)
def test_to_pandas(box: Sandbox, plant: sg.Connection, entity: str) -> None:
    frame = plant.read(entity).to_pandas()
    truth = list(box.truth(entity))
    assert len(frame) == len(truth)
    for name in truth[0]:
        if isinstance(truth[0][name], dict | list):
            continue
        for got, true in zip(frame[name], (record[name] for record in truth), strict=True):
            assert same_in_pandas(got, true), (name, got, true)


def same_in_pandas(got: Any, true: Any) -> bool:
    if true is None:
        return got is None or got != got or str(got) in ("NaT", "<NA>")
    return bool(got == true)


@pytest.mark.parametrize("entity", ENTITIES)
def test_duckdb_reads_the_stream(box: Sandbox, plant: sg.Connection, entity: str) -> None:
    reader = plant.read(entity)
    with duckdb.connect() as database:
        database.register("records", reader)
        found = database.execute("SELECT * FROM records").fetchall()
        names = [column[0] for column in database.description or ()]
    got = without_rescued([dict(zip(names, row, strict=True)) for row in found])
    truth = list(box.truth(entity))
    key = list(truth[0])[:2]
    assert sorted(got, key=lambda r: [r[k] for k in key]) == sorted(truth, key=lambda r: [r[k] for k in key])


def test_a_page_is_an_arrow_array(box: Sandbox, plant: sg.Connection) -> None:
    page = next(iter(plant.read("WorkOrders")))
    batch = pyarrow.record_batch(page)
    assert batch.equals(page.to_arrow())
    assert without_rescued(batch.to_pylist()) == list(box.truth("WorkOrders"))[:100]
    assert pyarrow.schema(page) == batch.schema
    assert page.nbytes > 1000


def test_the_schema_says_what_the_columns_are(plant: sg.Connection) -> None:
    fields = {field.name: field for field in plant.read("WorkOrders").schema}
    assert [name for name in fields if not name.startswith("_")][:3] == ["ID", "Title", "Status"]
    cost = fields["EstimatedCost"]
    assert (cost.type, cost.precision, cost.scale) == ("decimal", 12, 2)
    assert (fields["ChangedAt"].type, fields["ChangedAt"].utc) == ("timestamp", True)
    assert [child.name for child in fields["Location"].children] == ["Site", "Building", "Floor"]
    assert fields["Tags"].children[0].type == "utf8"
    assert fields["DueDate"].nullable


def test_an_empty_listing_has_columns_and_no_rows(plant: sg.Connection) -> None:
    reader = plant.read("WorkOrders", where=[("ID", "=", -1)])
    assert reader.to_pylist() == []
    assert reader.to_arrow().num_rows == 0
    assert reader.to_arrow().column_names[:2] == ["ID", "Title"]
    assert reader.to_polars().shape[0] == 0
    assert list(reader.to_pandas().columns[:2]) == ["ID", "Title"]


def test_entities(plant: sg.Connection) -> None:
    entities = plant.entities()
    assert set(entities.names) == set(ENTITIES)
    assert entities["PurchaseOrders"].key == ("OrderNo", "Line")
    assert entities["WorkOrders"].cursor == "ChangedAt"
    assert "Parts" in entities.names
    assert "Prats" not in entities.names
    with pytest.raises(KeyError, match="did you mean 'Parts'"):
        entities["Prats"]


def test_check(plant: sg.Connection) -> None:
    health = plant.check()
    assert health.online
    assert (health.cause, health.next_step, health.error) == ("", "", None)
    assert 0 < health.latency_ms < 60_000
    assert [step.state for step in health.steps if step.name in ("config", "http")] == ["ok", "ok"]


def test_doubles_are_exact(box: Sandbox, plant: sg.Connection) -> None:
    column = plant.read("WorkOrders", columns=["DowntimeHours"]).to_arrow()["DowntimeHours"].to_pylist()
    assert sum(map(math.ulp, column)) == sum(math.ulp(r["DowntimeHours"]) for r in box.truth("WorkOrders"))
    assert column == [r["DowntimeHours"] for r in box.truth("WorkOrders")]


def test_polars_takes_a_reader_as_it_is(box: Sandbox, plant: sg.Connection) -> None:
    assert polars.DataFrame(plant.read("Vendors")).height == box.count("Vendors")
