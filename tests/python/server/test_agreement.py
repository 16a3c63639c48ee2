"""The status of a sync is the same wherever it is asked: command line, Python, HTTP and the store itself."""

from __future__ import annotations

import sqlite3
import subprocess
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import switchgear as sg
from support.running import Shell
from support.serving import Serving
from support.sync_process import syncing
from support.tables import difference, rows_of
from switchgear.sandbox import Fault, Sandbox


@pytest.fixture
def bare(tmp_path: Path) -> Shell:
    """A folder without connections in its project file."""
    return Shell(tmp_path)


class Everywhere:
    """Those who may be asked, of one store."""

    def __init__(self, shell: Shell, server: Serving, hub: sg.Hub) -> None:
        self.shell, self.server, self.hub = shell, server, hub

    def stored(self) -> dict[str, Any]:
        """What lies in the tables, in their own words."""
        with sqlite3.connect(self.shell.folder / "plant.db") as database:
            database.row_factory = sqlite3.Row
            whole = database.execute("select * from sync_connections where connection_id = 'plant'").fetchone()
            entities = database.execute("select entity, state from sync_entities where connection_id = 'plant'")
            of = {row["entity"]: row["state"] for row in entities}
            kept = database.execute("select state from connections where id = 'plant'").fetchone()
        state = (whole and whole["state"]) or "never"
        return {"status": "paused" if kept["state"] != "active" and state != "in_progress" else state, "entities": of}

    def agreed(self) -> dict[str, Any]:
        """What all say."""
        here = self.hub.sync_status("plant").to_dict()
        assert self.server("GET", "/sync-status?connection_id=plant").json == here
        assert self.server("GET", "/connections/plant/sync-status").json == here
        assert self.server("GET", "/sync-status").json["connections"] == [here]
        assert self.shell("status", "--json").json == [here]
        assert self.shell("status", "plant", "--json").json == [here]
        assert sg.Hub(self.shell.folder / "plant.db").sync_status("plant").to_dict() == here
        entities = {each["entity"]: each["status"] for each in here["entities"]}
        assert self.stored() == {"status": here["status"], "entities": entities}
        return here

    def state(self) -> str:
        """How the connection is: as a hub that has just begun says it, and as the server does."""
        told = self.server("GET", "/connections/plant/status").json["status"]
        assert sg.Hub(self.shell.folder / "plant.db").status("plant").state == told
        return str(told)


@pytest.mark.timeout(180)
def test_all_agree_during_a_run_after_it_after_a_crash_while_offline_and_without_credentials(bare: Shell) -> None:
    bare.write('[hub]\nstore = "plant.db"\n')
    hub = sg.Hub(bare.folder / "plant.db")
    with Sandbox(records=300, process=True) as box:
        to = f"duckdb:///{bare.folder}/plant.duckdb"
        entities = {"WorkOrders": {"page_size": 50, "commit_rows": 50}, "Vendors": {"mode": "replace"}}
        options: dict[str, Any] = {"retry": None, "breaker": None, "entities": entities, "schedule": "1h"}
        hub.add("plant", "odata", {"url": box.odata_url}, destination=to, **options)
        with Serving(bare, "--no-work") as server:
            everywhere = Everywhere(bare, server, hub)
            assert everywhere.agreed()["status"] == "never"

            box.set_faults(Fault("latency", entity="WorkOrders", after=3, ms=120_000))
            process, talk = syncing(str(bare.folder / "plant.db"), 4.0)
            assert talk.recv() == "ready"
            while not any(
                each.status == "in_progress" and each.error is None for each in hub.sync_status("plant").entities
            ):
                assert process.is_alive()
            while sum(run.records_written for run in hub.runs("plant")) < 100:  # then the source keeps it waiting
                assert process.is_alive()
            during = everywhere.agreed()
            assert (during["status"], during["is_initial"]) == ("in_progress", True)

            process.kill()
            process.join(30)
            box.set_faults()
            while hub.sync_status("plant").status == "in_progress":  # until its lease has run out
                pass
            died = everywhere.agreed()
            assert (died["status"], died["error"]["code"]) == ("failed", "failed.interrupted")
            assert died["error"]["run_id"] == hub.runs("plant")[0].id

            assert server("POST", "/connections/plant/sync", {}, Prefer="wait=120").json["status"] == "completed"
            done = everywhere.agreed()
            assert (done["status"], done["error"], done["freshness"]) == ("completed", None, "on_time")
            assert done["next_sync_at"] is not None
            assert everywhere.state() == "online"

            box.set_faults(Fault("error", status=401))
            assert bare("sync", "plant", code=1).err
            refused = everywhere.agreed()
            assert refused["status"] == "failed"
            assert refused["error"]["category"].startswith("auth")
            assert sg.Hub(bare.folder / "plant.db").status("plant").state == "auth_required"
            box.set_faults()
            box.stop()
            assert bare("sync", "plant", code=1).err
            away = everywhere.agreed()
            assert (away["status"], away["error"]["category"]) == ("failed", "offline")
            assert away["last_success_at"] == done["last_success_at"]
            assert sg.Hub(bare.folder / "plant.db").status("plant").state == "offline"

            assert server("POST", "/connections/plant/pause").status == 200
            assert everywhere.agreed()["status"] == "paused"
            assert everywhere.state() == "paused"


@pytest.mark.timeout(180)
def test_two_hubs_a_server_and_the_command_line_on_one_store_at_once(bare: Shell) -> None:
    bare.write('[hub]\nstore = "plant.db"\n')
    store, to = bare.folder / "plant.db", f"duckdb:///{bare.folder}/plant.duckdb"
    with Sandbox(records=300, process=True) as box:
        entities = {"WorkOrders": {"cursor": "ChangedAt", "page_size": 50, "commit_rows": 50}, "Vendors": {}}
        config = {"url": box.odata_url}
        hub = sg.Hub(store)
        hub.add("plant", "odata", config, destination=to, entities=entities, schedule=timedelta(seconds=1))
        met: list[str] = []

        def sync_often() -> None:
            mine = sg.Hub(store)
            for _ in range(5):
                try:
                    met.append(mine.sync("plant").status)
                except sg.Conflict as conflict:
                    met.append(conflict.code)

        with Serving(bare):
            threads = [threading.Thread(target=sync_often) for _ in range(2)]
            commands: list[subprocess.Popen[str]] = []
            for thread in threads:
                thread.start()
            for _ in range(3):
                commands.append(bare.start("sync", "plant", "--json"))
                box.change(30)
            said = [command.communicate(timeout=120) for command in commands]
            for thread in threads:
                thread.join()
            while not any(run.cause == "schedule" and run.status == "completed" for run in hub.runs(limit=200)):
                pass
        assert set(met) <= {"completed", "conflict.locked"}, met
        assert len(met) == 10
        for command, (_, errors) in zip(commands, said, strict=True):
            assert command.returncode == 0 or "conflict.locked" in errors, errors
        runs = hub.runs(limit=500)
        assert {run.cause for run in runs} == {"manual", "schedule"}
        assert {run.status for run in runs} <= {"completed", "cancelled"}, [run.error for run in runs]
        hub.sync("plant").raise_for_error()
        assert difference(rows_of(to, "plant", "WorkOrders"), list(box.truth("WorkOrders"))) == []
        assert difference(rows_of(to, "plant", "Vendors"), list(box.truth("Vendors")), key="VendorID") == []


def test_a_store_of_the_future_is_refused_by_all_with_what_to_do(bare: Shell) -> None:
    sg.Hub(bare.folder / "switchgear.db")
    with sqlite3.connect(bare.folder / "switchgear.db") as database:
        database.execute("insert into schema_migrations values (999, 'later', 0, '9.9.9')")
    with pytest.raises(sg.StoreError) as refused:
        sg.Hub(bare.folder / "switchgear.db")
    assert refused.value.code == "store.newer_version"
    assert "9.9.9" in refused.value.hint
    for command in ("status", "sync", "serve"):
        assert "store.newer_version" in bare(command, code=1).err
