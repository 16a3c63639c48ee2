"""Syncs into databases: initial, incremental, full; upsert, append, replace; and what they say about themselves."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import switchgear as sg
from support.tables import difference, latest, reference, rows_of
from switchgear.sandbox import Fault, Sandbox

ENTITIES = {"WorkOrders": "ID", "Assets": "AssetID", "Parts": "PartNo", "Vendors": "VendorID"}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(records=600) as box:
        yield box


def new_hub(tmp_path: Path, box: Sandbox, destination: str, **entities: Any) -> sg.Hub:
    hub = sg.Hub(tmp_path / "store.db")
    to = reference(destination, tmp_path)
    hub.add("plant", "odata", {"url": box.odata_url}, destination=to, entities=entities, rate_limit=None)
    return hub


def compare(box: Sandbox, destination: str, entity: str = "WorkOrders") -> list[str]:
    return difference(rows_of(destination, "plant", entity), list(box.truth(entity)), ENTITIES[entity])


def test_an_initial_sync_brings_every_value_of_every_entity(tmp_path: Path, box: Sandbox, destination: str) -> None:
    hub = new_hub(tmp_path, box, destination)
    run = hub.sync("plant")
    assert run.status == "completed", run.error
    assert run.raise_for_error() is run
    for entity in ENTITIES:
        assert compare(box, destination, entity) == []
    counted = {each.entity: each.records_written for each in run.entities}
    assert counted["WorkOrders"] == 600
    assert all(each.is_initial for each in run.entities)


def test_what_changed_comes_and_what_did_not_is_left_alone(tmp_path: Path, box: Sandbox, destination: str) -> None:
    hub = new_hub(tmp_path, box, destination, WorkOrders={})
    hub.sync("plant").raise_for_error()
    quiet = hub.sync("plant").raise_for_error().entities[0]
    assert quiet.records_written == 0
    assert quiet.counts.requests == 1
    assert quiet.counts.checkpoints == 0
    changed = {record["ID"] for record in box.change(25)} | {record["ID"] for record in box.grow(7)}
    run = hub.sync("plant").raise_for_error()
    assert run.entities[0].records_written == len(changed)
    assert not run.entities[0].is_initial
    assert compare(box, destination) == []
    touched = {row["ID"] for row in rows_of(destination, "plant", "WorkOrders") if row["_run_id"] == run.id}
    assert touched == changed


def test_a_hub_goes_as_soon_as_nobody_has_it(tmp_path: Path, box: Sandbox) -> None:
    """And with it its connections to the store, of which a server has few: not when the collector happens to run."""
    gc.collect()
    gc.disable()
    try:
        hub = new_hub(tmp_path, box, f"duckdb:///{tmp_path}/data.duckdb", WorkOrders={})
        hub.sync("plant").raise_for_error()
        assert hub.status("plant").state == "online"
        assert hub.queue.jobs() == []
        gone = weakref.ref(hub)
        del hub
        assert gone() is None
    finally:
        gc.enable()


def test_append_keeps_each_version_once(tmp_path: Path, box: Sandbox, destination: str) -> None:
    hub = new_hub(tmp_path, box, destination, WorkOrders={"mode": "append"})
    hub.sync("plant").raise_for_error()
    changed = box.change(40)
    hub.sync("plant").raise_for_error()
    hub.sync("plant", full=True).raise_for_error()
    rows = rows_of(destination, "plant", "WorkOrders")
    versions = {(row["ID"], str(row["ChangedAt"])) for row in rows}
    assert len(rows) == len(versions) == 600 + len({(r["ID"], r["ChangedAt"]) for r in changed})
    assert difference(latest(rows), list(box.truth("WorkOrders"))) == []


def test_replace_shows_the_old_table_until_the_new_one_is_whole(tmp_path: Path, box: Sandbox, destination: str) -> None:
    options = {"mode": "replace", "page_size": 50, "commit_rows": 100}
    hub = new_hub(tmp_path, box, destination, WorkOrders=options)
    hub.sync("plant").raise_for_error()
    before = list(box.truth("WorkOrders"))
    box.change(200)
    box.set_faults(Fault("error", page=7, status=500))
    failed = hub.sync("plant")
    assert failed.status == "failed"
    assert failed.error is not None
    assert failed.error.category == "server"
    assert difference(rows_of(destination, "plant", "WorkOrders"), before) == []
    box.set_faults()
    box.change(200)  # which a listing that was gone on with would not show
    hub.sync("plant").raise_for_error()
    assert compare(box, destination) == []


def test_a_failure_in_the_middle_keeps_what_came_before(tmp_path: Path, box: Sandbox, destination: str) -> None:
    hub = new_hub(tmp_path, box, destination, WorkOrders={"page_size": 50}, Vendors={})
    box.set_faults(Fault("error", entity="WorkOrders", page=7, status=500))
    run = hub.sync("plant")
    assert run.status == "partial"
    by_name = {each.entity: each for each in run.entities}
    assert by_name["Vendors"].status == "completed"
    assert by_name["WorkOrders"].status == "failed"
    assert by_name["WorkOrders"].records_written == 300
    assert len(rows_of(destination, "plant", "WorkOrders")) == 300
    status = hub.sync_status("plant")
    assert status.status == "partial"
    assert status.is_initial
    assert status.error is not None
    assert [kept.entity for kept in hub.errors("plant")] == ["WorkOrders"]
    box.set_faults()
    again = hub.sync("plant").raise_for_error()
    assert {e.entity: e.records_written for e in again.entities}["WorkOrders"] == 300
    assert compare(box, destination) == []
    assert hub.sync_status("plant").error is None


def test_a_full_sync_marks_what_the_source_has_no_longer(tmp_path: Path, destination: str) -> None:
    hub = sg.Hub(tmp_path / "store.db")
    with Sandbox(records=300, seed=1) as box:
        to = reference(destination, tmp_path)
        hub.add("plant", "odata", {"url": box.odata_url}, destination=to, entities={"WorkOrders": {}})
        hub.sync("plant").raise_for_error()
    with Sandbox(records=200, seed=1) as smaller:
        hub.update("plant", {"url": smaller.odata_url})
        assert hub.sync("plant", full=True).raise_for_error().records_read == 200
        rows = rows_of(destination, "plant", "WorkOrders")
        gone = [row for row in rows if row["_deleted_at"] is not None]
        assert len(rows) == 300
        assert len(gone) == 100
        assert difference(rows, list(smaller.truth("WorkOrders"))) == []
