"""What the doctor says of the store and of the syncs of its connections."""

from __future__ import annotations

import datetime
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import switchgear as sg
from support.running import Shell

URL = "http://127.0.0.1:1/odata"


def hub_of(folder: Path, **destinations: str) -> sg.Hub:
    hub = sg.Hub(folder / "switchgear.db")
    for id, destination in destinations.items():
        hub.add(id, "odata", {"url": URL}, destination=destination, schedule="15m", timezone="Europe/Berlin")
    return hub


def by_id(report: Any) -> dict[str, Any]:
    return {each["id"]: each for each in report["hub"]["connections"]}


def test_a_store_is_not_made_by_looking(bare: Shell) -> None:
    report = bare("doctor", "--json").json
    assert report["hub"] is None
    assert not (bare.folder / "switchgear.db").exists()
    missing = bare("doctor", "--store", "other.db", "--json", code=1).json
    assert "store: there is none at other.db" in missing["problems"]
    assert not (bare.folder / "other.db").exists()


def test_the_store_and_the_next_syncs_are_told(bare: Shell) -> None:
    hub = hub_of(bare.folder, a=f"duckdb:///{bare.folder}/a.duckdb", b=f"parquet:///{bare.folder}/lake/deep", c="")
    hub.retention(runs="30d", errors=None)
    report = bare("doctor", "--json").json
    store = report["hub"]["store"]
    assert (store["kind"], store["reachable"]) == ("sqlite", True)
    assert store["url"].endswith("switchgear.db")
    assert store["schema_version"] >= 5
    assert store["bytes"] > 10_000
    assert report["hub"]["retention"] == {"runs": 30 * 86_400, "errors": None, "deliveries": 30 * 86_400}
    found = by_id(report)
    assert found["a"]["schedule"] == "15m"
    assert found["a"]["timezone"] == "Europe/Berlin"
    due = datetime.datetime.fromisoformat(found["a"]["next_sync_at"].replace("Z", "+00:00"))
    assert due == hub.sync_status("a").next_sync_at
    assert [(found[id]["destination"] or {}).get("writable") for id in "abc"] == [True, True, None]
    assert found["a"]["destination"]["driver"].startswith("duckdb ")
    assert found["b"]["destination"]["driver"].startswith("pyarrow ")
    assert not (bare.folder / "a.duckdb").exists()
    assert not (bare.folder / "lake").exists()
    words = bare("doctor").out
    assert "connections of the store" in words
    assert "15m (Europe/Berlin)" in words


def test_destinations_that_can_not_be_written_to_are_problems(bare: Shell) -> None:
    (bare.folder / "file").write_text("", encoding="utf-8")
    hub = hub_of(
        bare.folder,
        nowhere=f"duckdb:///{bare.folder}/nowhere/a.duckdb",
        locked=f"duckdb:///{bare.folder}/locked.duckdb",
        file=f"parquet:///{bare.folder}/file/lake",
        broken=f"sqlite:///{bare.folder}/file",
        away="postgresql://nobody@127.0.0.1:1/plant",
        unset="env:NO_SUCH_DSN",
        paused=f"duckdb:///{bare.folder}/nowhere/b.duckdb",
    )
    hub.pause("paused")
    held = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", held, str(bare.folder / "locked.duckdb")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        report = bare("doctor", "--json", code=1).json
        process.communicate("\n")
    found = {id: each["destination"] for id, each in by_id(report).items()}
    assert "is not there" in found["nowhere"]["problem"]
    assert "destination.locked" in found["locked"]["problem"]
    assert found["locked"]["reachable"]
    assert "is no folder" in found["file"]["problem"]
    assert not found["away"]["reachable"]
    assert "NO_SUCH_DSN" in found["unset"]["problem"]
    told = " ".join(report["problems"])
    for id in ("nowhere", "locked", "file", "away", "unset"):
        assert f"the destination of '{id}'" in told
    assert "'paused'" not in told


def test_a_store_from_the_future_and_a_file_that_is_wrong_are_problems(bare: Shell) -> None:
    hub_of(bare.folder, a="")
    bare.write(f'[connections.p]\nconnector = "odata"\ndestination = "duckbd:///x"\nconfig = {{url = "{URL}"}}\n')
    assert "switchgear.toml:3: " in " ".join(bare("doctor", "--json", code=1).json["problems"])
    with sqlite3.connect(bare.folder / "switchgear.db") as database:
        database.execute("insert into schema_migrations values (999, 'later', 0, '9.9.9')")
    report = bare("doctor", "--json", code=1).json
    assert report["hub"]["store"]["reachable"] is False
    assert report["hub"]["store"]["error"]["code"] == "store.newer_version"
    assert "9.9.9" in " ".join(report["problems"])
    assert "no" in bare("doctor", code=1).out
    assert "store.newer_version" in bare("status", code=1).err
