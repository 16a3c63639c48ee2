"""Records that are gone at the source, which says so by delta links: their rows go, whatever is killed meanwhile."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import switchgear as sg
from support.sync_process import syncing
from support.tables import difference, reference, rows_of
from switchgear.destinations import CallbackDestination, Checkpoint, Table, register
from switchgear.sandbox import Fault, Sandbox

LEASE = 2.0  # a busy machine must be able to keep it
KEYS = {"WorkOrders": "ID", "Parts": "PartNo"}


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(records=400, process=True) as box:
        yield box


@pytest.fixture(params=["duckdb", "postgresql", "sqlite", "delta"])
def destination(request: pytest.FixtureRequest, database: Callable[[], str], tmp_path: Path) -> str:
    if request.param == "postgresql":
        return database()
    return f"{request.param}:///{tmp_path}/data.{request.param}"


def new_hub(tmp_path: Path, box: Sandbox, destination: str, tracked: bool = True, **entities: Any) -> sg.Hub:
    hub = sg.Hub(tmp_path / "store.db")
    hub.add(
        "plant",
        "odata",
        {"url": box.odata_url, "track_changes": tracked},
        destination=reference(destination, tmp_path),
        entities=entities or {"WorkOrders": {"page_size": 50, "commit_rows": 100}},
        rate_limit=None,
    )
    return hub


def rows(destination: str, entity: str = "WorkOrders") -> list[dict[str, Any]]:
    return rows_of(destination, "plant", entity)


def compare(box: Sandbox, destination: str, entity: str = "WorkOrders") -> list[str]:
    """Also rows that are only marked as deleted are one too many."""
    found = [{**row, "_deleted_at": None} for row in rows(destination, entity)]
    return difference(found, list(box.truth(entity)), KEYS[entity])


def said(run: sg.Run) -> str:
    return "\n".join(message.text for message in run.messages)


def test_what_is_removed_goes_and_what_changed_comes(tmp_path: Path, box: Sandbox, destination: str) -> None:
    hub = new_hub(tmp_path, box, destination)
    first = hub.sync("plant").raise_for_error()
    assert compare(box, destination) == []
    quiet = hub.sync("plant").raise_for_error().entities[0]
    assert (quiet.records_read, quiet.counts.requests, quiet.counts.checkpoints) == (0, 1, 0)
    box.change(120)
    gone = {record["ID"] for record in box.remove(130)}
    box.grow(20)
    box.change(60)
    run = hub.sync("plant").raise_for_error()
    assert compare(box, destination) == []
    assert run.entities[0].counts.deleted == len(gone)
    assert run.to_dict()["entities"][0]["records_deleted"] == len(gone)
    assert run.entities[0].records_read < 300, "what has changed, and no more"
    assert run.entities[0].counts.pages > 3
    assert first.entities[0].counts.deleted == 0


def test_keys_of_text_and_of_two_fields(tmp_path: Path, box: Sandbox) -> None:
    destination = f"duckdb:///{tmp_path}/data.duckdb"
    hub = new_hub(tmp_path, box, destination, Parts={}, PurchaseOrders={})
    hub.sync("plant").raise_for_error()
    gone = box.remove(15, "Parts")
    lines = box.remove(30, "PurchaseOrders")
    run = hub.sync("plant").raise_for_error()
    assert compare(box, destination, "Parts") == []
    assert {one.entity: one.counts.deleted for one in run.entities} == {
        "Parts": len(gone),
        "PurchaseOrders": len(lines),
    }
    assert len(rows(destination, "PurchaseOrders")) == box.count("PurchaseOrders")


def test_keys_are_called_as_their_columns_are(tmp_path: Path, box: Sandbox) -> None:
    destination = f"duckdb:///{tmp_path}/data.duckdb"
    hub = new_hub(tmp_path, box, destination, PurchaseOrders={})
    hub.update("plant", naming="snake_case")
    hub.sync("plant").raise_for_error()
    gone = box.remove(30, "PurchaseOrders")
    assert hub.sync("plant").raise_for_error().entities[0].counts.deleted == len(gone)
    assert len(rows(destination, "purchase_orders")) == box.count("PurchaseOrders")


def test_what_is_removed_while_it_is_read(tmp_path: Path, box: Sandbox, destination: str) -> None:
    """Behind the reader's place and before it; a record that changes and then goes is in one checkpoint with itself."""
    hub = new_hub(tmp_path, box, destination)
    worked: list[str] = []

    def work(place: str) -> None:
        if place == "after_commit" and len(worked) < 6:
            worked.append(place)
            box.change(40)
            box.remove(25)
            box.grow(3)

    for _ in range(3):
        assert hub._syncs.run("plant", None, passed=work).status == "completed"
    hub.sync("plant").raise_for_error()
    assert len(worked) == 6
    assert compare(box, destination) == []


def test_killed_within_a_first_listing_and_within_changes(tmp_path: Path, box: Sandbox, destination: str) -> None:
    hub = new_hub(tmp_path, box, destination)
    store = str(tmp_path / "store.db")
    for place, nth in (("after_commit", 1), ("after_commit", 1), ("before_commit", 2)):  # the listing, then changes
        process, here = syncing(store, LEASE, place, nth)
        process.join(60)
        here.close()
        assert process.exitcode == -signal.SIGKILL
        box.change(80)
        box.remove(60)
        box.grow(10)
        settle(hub)
        assert compare(box, destination) == []
        box.change(120)
        box.remove(80)
        box.grow(30)


@pytest.mark.parametrize("nth", [7, 8])
def test_a_process_that_dies_behind_the_last_page_loses_no_link(
    tmp_path: Path, box: Sandbox, destination: str, nth: int
) -> None:
    hub = new_hub(tmp_path, box, destination, WorkOrders={"page_size": 50, "commit_rows": 1})  # a commit for each of 8
    process, here = syncing(str(tmp_path / "store.db"), LEASE, "after_commit", nth)
    process.join(60)
    here.close()
    assert process.exitcode == -signal.SIGKILL
    assert "everything again" not in said(settle(hub))
    gone = {record["ID"] for record in box.remove(30)}
    box.grow(30)
    assert settle(hub).entities[0].counts.deleted == len(gone)
    assert compare(box, destination) == []


def settle(hub: sg.Hub) -> sg.Run:
    """One sync to its end, when the dead one's leases have run out."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return hub.sync("plant").raise_for_error()
        except sg.Conflict as error:
            assert error.code == "conflict.locked"  # noqa: PT017
            assert time.monotonic() < deadline


def test_a_link_that_the_source_knows_no_longer(tmp_path: Path, box: Sandbox, destination: str) -> None:
    hub = new_hub(tmp_path, box, destination)
    hub.sync("plant").raise_for_error()
    gone = {record["ID"] for record in box.remove(30)}
    box.change(30)
    box.set_faults(Fault("error", status=410, entity="WorkOrders", times=1))
    run = hub.sync("plant").raise_for_error()
    assert "knows no longer what has changed since the last sync (gone" in said(run)
    assert difference(rows(destination), list(box.truth("WorkOrders"))) == []
    assert {row["ID"] for row in rows(destination) if row["_deleted_at"] is not None} == gone
    more = box.remove(10)
    run = hub.sync("plant").raise_for_error()
    assert run.entities[0].counts.deleted == len(more), "from the new link on"
    assert {row["ID"] for row in rows(destination)} == {r["ID"] for r in box.truth("WorkOrders")} | gone


def test_tracking_that_is_turned_on_and_off(tmp_path: Path, box: Sandbox) -> None:
    destination = f"duckdb:///{tmp_path}/data.duckdb"
    new_hub(tmp_path, box, destination, tracked=False).sync("plant").raise_for_error()
    box.remove(20)
    hub = turned(tmp_path, box, tracked=True)
    run = hub.sync("plant").raise_for_error()
    assert "is asked to track changes from now on" in said(run)
    assert difference(rows(destination), list(box.truth("WorkOrders"))) == []
    box.remove(20)
    assert hub.sync("plant").raise_for_error().entities[0].counts.deleted > 10
    hub = turned(tmp_path, box, tracked=False)
    changed = box.change(20)
    run = hub.sync("plant").raise_for_error()
    assert run.entities[0].records_written >= len(changed)
    assert difference(rows(destination), list(box.truth("WorkOrders"))) == []


def turned(tmp_path: Path, box: Sandbox, *, tracked: bool) -> sg.Hub:
    """The hub, with the connection as it is set up now."""
    hub = sg.Hub(tmp_path / "store.db")
    hub.update("plant", config={"url": box.odata_url, "track_changes": tracked})
    return hub


def test_rows_stay_where_nothing_is_deleted_and_the_run_says_so(tmp_path: Path, box: Sandbox) -> None:
    destination = f"parquet:///{tmp_path}/data"
    hub = new_hub(tmp_path, box, destination, WorkOrders={"mode": "append", "cursor": "ChangedAt", "page_size": 50})
    hub.sync("plant").raise_for_error()
    changed, gone = box.change(30), box.remove(20)
    run = hub.sync("plant").raise_for_error()
    left = {record["ID"] for record in gone}
    assert f"{len(left)} records that the source has removed stay in the table" in said(run)
    assert run.entities[0].counts.deleted == 0
    assert run.entities[0].records_written == len({record["ID"] for record in changed} - left)
    assert len(rows(destination)) == 400 + run.entities[0].records_written


def test_a_destination_of_ones_own_is_given_the_keys(tmp_path: Path, box: Sandbox) -> None:
    found: dict[Any, Any] = {}

    def take(table: Table, checkpoint: Checkpoint) -> None:
        for batch in checkpoint.removed:
            for row in pa.record_batch(batch).to_pylist():
                found.pop(row["ID"], None)
        found.update({row["ID"]: row for row in checkpoint.to_arrow().to_pylist()})

    register("own", lambda url: CallbackDestination(take, tmp_path / "own"))
    hub = new_hub(tmp_path, box, "own:///x")
    hub.sync("plant").raise_for_error()
    box.remove(40)
    box.change(40)
    hub.sync("plant").raise_for_error()
    assert difference(list(found.values()), list(box.truth("WorkOrders"))) == []
