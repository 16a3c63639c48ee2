"""Whole syncs into destinations of Python: what the source has is what their readers read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

import switchgear as sg
from support.checkpoints import Memory, Row, delta_rows, duckdb_rows
from support.tables import difference, latest
from switchgear.destinations import CallbackDestination, path_from_url, register
from switchgear.sandbox import Fault, Sandbox

Rows = Callable[[], list[Row]]


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(records=300, page_size=50) as box:
        yield box


def new_hub(kind: str, folder: Path, box: Sandbox, **options: Any) -> tuple[sg.Hub, Rows]:
    """A hub that syncs work orders, and what reads them where they land."""
    hub = sg.Hub(folder / "store.db")
    entities = {"WorkOrders": {"page_size": 50, "commit_rows": 100, **options}}
    url = f"{kind}:///{folder}/data"
    hub.add("plant", "odata", {"url": box.odata_url}, destination=url, entities=entities, rate_limit=None)
    if kind == "delta":
        return hub, lambda: delta_rows(DeltaTable(str(folder / "data/plant/WorkOrders")))
    return hub, lambda: duckdb_rows(f"{folder}/data/plant/WorkOrders/*.parquet")


@pytest.mark.parametrize(("kind", "mode"), [("parquet", "append"), ("delta", "append"), ("delta", "upsert")])
def test_changes_come_once(kind: str, mode: str, tmp_path: Path, box: Sandbox) -> None:
    hub, rows = new_hub(kind, tmp_path, box, mode=mode, cursor="ChangedAt")
    hub.sync("plant").raise_for_error()
    assert difference(rows(), list(box.truth("WorkOrders"))) == []
    changed = {record["ID"] for record in box.change(20)} | {record["ID"] for record in box.grow(5)}
    run = hub.sync("plant").raise_for_error()
    assert run.entities[0].records_written == len(changed)
    found = rows()
    assert len(found) == (305 if mode == "upsert" else 300 + len(changed))
    assert difference(latest(found), list(box.truth("WorkOrders"))) == []
    assert hub.sync("plant").raise_for_error().entities[0].records_written == 0
    assert rows() == found


@pytest.mark.parametrize("kind", ["parquet", "delta"])
def test_a_source_that_fails_leaves_the_table_that_is_to_be_replaced(kind: str, tmp_path: Path, box: Sandbox) -> None:
    hub, rows = new_hub(kind, tmp_path, box, mode="replace")
    hub.sync("plant").raise_for_error()
    before = list(box.truth("WorkOrders"))
    box.change(100)
    box.set_faults(Fault("error", page=5, status=500))
    assert hub.sync("plant").status == "failed"
    assert difference(rows(), before) == []
    box.set_faults()
    box.change(100)
    hub.sync("plant").raise_for_error()
    assert difference(rows(), list(box.truth("WorkOrders"))) == []


def test_a_full_read_marks_what_the_source_has_no_longer(tmp_path: Path, box: Sandbox) -> None:
    hub, rows = new_hub("delta", tmp_path, box, mode="upsert", cursor="ChangedAt")
    hub.sync("plant").raise_for_error()
    plant = sg.connect("odata", url=box.odata_url)
    gone = {row["ID"] for row in rows()[:7]}
    assert plant.write("WorkOrders", [{"ID": each} for each in gone], op="delete").failed == 0
    hub.sync("plant", full=True).raise_for_error()
    assert {row["ID"] for row in rows() if row["_deleted_at"] is not None} == gone
    assert len(rows()) == 300


def test_a_function_gets_what_a_hub_syncs(tmp_path: Path, box: Sandbox) -> None:
    memory = Memory()
    register("memory", lambda url: CallbackDestination(memory.take, path_from_url(url)))
    hub = sg.Hub(tmp_path / "store.db")
    url = f"memory:///{tmp_path}/states"
    hub.add("plant", "odata", {"url": box.odata_url}, destination=url, entities={"WorkOrders": {}}, rate_limit=None)
    hub.sync("plant").raise_for_error()
    assert difference(memory.tables["WorkOrders"], list(box.truth("WorkOrders"))) == []
