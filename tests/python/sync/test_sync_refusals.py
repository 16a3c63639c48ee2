"""What can't be synced is named, with what to do, and nothing is half done; status is the same wherever it is asked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

import switchgear as sg
from support.sync_process import syncing
from support.tables import rows_of
from switchgear.sandbox import Fault, Sandbox


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(records=100, process=True) as box:
        yield box


@pytest.fixture
def hub(tmp_path: Path) -> sg.Hub:
    return sg.Hub(tmp_path / "store.db")


def add(hub: sg.Hub, box: Sandbox, destination: str, id: str = "plant", **options: Any) -> sg.Connection:
    return hub.add(id, "odata", {"url": box.odata_url}, destination=destination, retry=None, **options)


@pytest.mark.parametrize(
    ("options", "code", "part"),
    [
        ({"schedule": "61 * * * *"}, "config.schedule", "61"),
        ({"schedule": "* * * *"}, "config.schedule", "* * * *"),
        ({"schedule": "1h", "timezone": "Europe/Berlim"}, "config.schedule", "Europe/Berlin"),
        ({"destination": "duckbd:///x"}, "config.destination", "duckdb"),
        ({"destination": "postgresql://sg:pw@host/db"}, "config.secret", "password"),
        ({"destination": "duckdb://"}, "config.destination", "no file"),
        ({"entities": {"WorkOrders": {"curser": "ChangedAt"}}}, "config.entities", "cursor"),
        ({"entities": {"WorkOrders": {"mode": "upset"}}}, "config.entities", "upsert"),
        ({"entities": {"WorkOrders": {"initial_window": "9 days"}}}, "config.entities", "initial_window"),
        ({"entities": {"WorkOrders": "ChangedAt"}}, "config.entities", "no table"),
    ],
)
def test_what_can_not_be_meant_is_refused_when_it_is_added(
    hub: sg.Hub, box: Sandbox, options: dict[str, Any], code: str, part: str
) -> None:
    given = {"destination": "duckdb:///plant.duckdb", **options}
    with pytest.raises(sg.ConfigError) as caught:
        add(hub, box, **given)
    assert caught.value.code == code
    assert part in str(caught.value)
    assert caught.value.hint
    assert hub.connections() == []


def test_ids_that_give_one_schema_are_refused(hub: sg.Hub, box: Sandbox, tmp_path: Path) -> None:
    add(hub, box, f"duckdb:///{tmp_path}/x.duckdb", "sap-mt")
    with pytest.raises(sg.Conflict) as caught:
        add(hub, box, f"duckdb:///{tmp_path}/x.duckdb", "SAP.mt")
    assert caught.value.code == "conflict.schema"
    add(hub, box, f"duckdb:///{tmp_path}/y.duckdb", "SAP.mt")


def test_names_that_are_not_there_have_a_nearest_one(hub: sg.Hub, box: Sandbox, tmp_path: Path) -> None:
    to = f"duckdb:///{tmp_path}/plant.duckdb"  # its catalog has the name of the schema
    add(hub, box, to, entities={"WorkOrders": {"cursor": "ChangedAd"}})
    with pytest.raises(sg.NotFound, match="did you mean 'plant'"):
        hub.sync("plent")
    with pytest.raises(sg.NotFound, match="did you mean 'WorkOrders'"):
        hub.sync("plant", ["WorkOrder"])
    run = hub.sync("plant")
    assert run.status == "failed"
    with pytest.raises(sg.ConfigError, match="did you mean 'ChangedAt'"):
        run.raise_for_error()


def test_a_destination_that_is_locked_is_named_and_the_next_sync_goes_on(
    hub: sg.Hub, box: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "x.duckdb"
    add(hub, box, f"duckdb:///{path}", entities={"WorkOrders": {}})
    hub.sync("plant").raise_for_error()
    holder = f"import duckdb; c = duckdb.connect({str(path)!r}); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        run = hub.sync("plant")
        process.communicate("\n")
    assert run.status == "failed"
    assert run.error is not None
    assert run.error.code == "destination.locked", run.error
    assert run.error.hint
    assert hub.sync("plant").status == "completed"


def test_a_folder_that_is_not_there_is_named(hub: sg.Hub, box: Sandbox, tmp_path: Path) -> None:
    add(hub, box, f"duckdb:///{tmp_path}/nowhere/x.duckdb", entities={"WorkOrders": {}})
    run = hub.sync("plant")
    assert run.error is not None
    assert run.error.category == "destination"
    assert "nowhere" in str(run.error)
    assert hub.sync_status("plant").entities[0].status == "failed"


def test_a_table_that_others_have_changed_is_named_and_left_alone(hub: sg.Hub, box: Sandbox, tmp_path: Path) -> None:
    to = f"duckdb:///{tmp_path}/plant.duckdb"  # its catalog has the name of the schema
    add(hub, box, to, entities={"Vendors": {}})
    hub.sync("plant").raise_for_error()
    with duckdb.connect(str(tmp_path / "plant.duckdb")) as connection:
        connection.execute('alter table plant.plant."Vendors" drop column "Email"')
    before = rows_of(to, "plant", "Vendors")
    run = hub.sync("plant", full=True)
    assert run.status == "failed"
    assert run.error is not None
    assert run.error.category == "destination"
    assert rows_of(to, "plant", "Vendors") == before


def test_status_agrees_wherever_it_is_asked(hub: sg.Hub, tmp_path: Path) -> None:
    to = f"duckdb:///{tmp_path}/plant.duckdb"  # its catalog has the name of the schema

    def agreed(id: str = "plant") -> dict[str, Any]:
        """The same from this hub, another one on the store, and from the list of all."""
        here = hub.sync_status(id).to_dict()
        assert sg.Hub(tmp_path / "store.db").sync_status(id).to_dict() == here
        assert next(each.to_dict() for each in hub.sync_status() if each.connection_id == id) == here
        return here

    with Sandbox(records=400, process=True) as box:
        hub.add(
            "plant",
            "odata",
            {"url": box.odata_url},
            destination=to,
            retry=None,
            breaker=None,
            entities={"WorkOrders": {"page_size": 50, "commit_rows": 50}},
        )
        assert agreed()["status"] == "never"
        seen: list[str] = []
        other = sg.Hub(tmp_path / "store.db")
        hub.sync("plant", progress=lambda _: seen.extend(each.sync_status("plant").status for each in (hub, other)))
        assert set(seen[:-2]) == {"in_progress"}  # the last is told after the run's end
        assert agreed()["status"] == "completed"
        box.change(200)
        process, talk = syncing(str(tmp_path / "store.db"), 3.0, "after_commit", 1)
        assert talk.recv() == "ready"
        process.join(60)
        while hub.sync_status("plant").status == "in_progress":  # until its lease has run out
            pass
        died = agreed()
        assert died["status"] == "failed"
        assert died["error"]["code"] == "failed.interrupted"
        assert hub.run(died["error"]["run_id"]).status == "failed"
        box.set_faults(Fault("error", status=401))
        hub.sync("plant")
        assert agreed()["error"]["category"].startswith("auth")
        assert hub.status("plant").state == "auth_required"
        assert sg.Hub(tmp_path / "store.db").status("plant").state == "auth_required"
        box.set_faults()
    hub.sync("plant")
    assert agreed()["error"]["category"] == "offline"
    assert sg.Hub(tmp_path / "store.db").status("plant").state == "offline"
    hub.pause("plant")
    assert agreed()["status"] == "paused"
    with pytest.raises(sg.CircuitOpenError):
        hub.sync("plant")
    assert hub.status("plant").state == "paused"


def test_a_source_that_loses_a_column_keeps_the_old_values(hub: sg.Hub, tmp_path: Path) -> None:
    to = f"duckdb:///{tmp_path}/plant.duckdb"  # its catalog has the name of the schema
    with Sandbox(records=50, process=True) as box:
        add(hub, box, to, entities={"WorkOrders": {}})
        hub.sync("plant").raise_for_error()
        titles = {row["ID"]: row["Title"] for row in rows_of(to, "plant", "WorkOrders")}
        columns = [
            field.name for field in hub.connection("plant").entities()["WorkOrders"].fields if field.name != "Title"
        ]
        hub.update("plant", entities={"WorkOrders": {"columns": columns}})
        box.change(30)
        run = hub.sync("plant").raise_for_error()
        assert run.records_written > 0
        rows = rows_of(to, "plant", "WorkOrders")
        assert {row["ID"]: row["Title"] for row in rows} == titles
        assert any("Title" in message.text for message in run.messages), run.messages
