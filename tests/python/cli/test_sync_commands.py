"""The commands of syncs, from a project file, against a real source and DuckDB."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import switchgear as sg
from support.tables import difference, rows_of
from switchgear.sandbox import Fault, Sandbox

PROJECT = """
[hub]
store = "plant.db"
[connections.plant]
connector = "odata"
destination = "duckdb:///plant.duckdb"
schedule = "*/15 * * * *"
timezone = "Europe/Berlin"
retry = {{attempts = 1}}
[connections.plant.config]
url = "{url}"
[connections.plant.entities.WorkOrders]
page_size = 50
commit_rows = 50
[connections.plant.entities.Vendors]
mode = "replace"
"""


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(records=400, process=True) as box:
        yield box


@pytest.fixture
def folder(tmp_path: Path, box: Sandbox) -> Path:
    (tmp_path / "switchgear.toml").write_text(PROJECT.format(url=box.odata_url))
    return tmp_path


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "switchgear", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def answer(folder: Path, *arguments: str, code: int = 0) -> Any:
    done = command(folder, *arguments, "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_a_project_file_is_synced_and_shown(folder: Path, box: Sandbox) -> None:
    assert answer(folder, "status")[0]["status"] == "never"
    (run,) = answer(folder, "sync")
    assert run["status"] == "completed"
    assert {each["entity"]: each["mode"] for each in run["entities"]} == {"WorkOrders": "upsert", "Vendors": "replace"}
    table = rows_of(f"duckdb:///{folder}/plant.duckdb", "plant", "WorkOrders")
    assert difference(table, list(box.truth("WorkOrders"))) == []
    hub = sg.Hub(folder / "plant.db")
    (status,) = answer(folder, "status", "plant")
    assert status == hub.sync_status("plant").to_dict()
    assert status["freshness"] == "on_time"
    assert status["next_sync_at"] is not None
    assert [each["id"] for each in answer(folder, "runs")] == [run["id"]]
    shown = answer(folder, "run", run["id"])
    assert shown["messages"]
    assert {**run, "messages": shown["messages"]} == shown
    assert answer(folder, "errors") == []
    assert "completed" in command(folder, "sync", "plant", "--entity", "Vendors").stdout
    assert "WorkOrders" in command(folder, "run", run["id"]).stdout


def test_a_failure_is_told_and_ends_with_1(folder: Path, box: Sandbox) -> None:
    box.set_faults(Fault("error", entity="WorkOrders", status=500))
    (run,) = answer(folder, "sync", code=1)
    assert run["status"] == "partial"
    assert answer(folder, "errors", "plant")[0]["entity"] == "WorkOrders"
    done = command(folder, "sync", "plant", "--full")
    assert done.returncode == 1
    assert "server" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("sync", "plent"), 1, "did you mean 'plant'"),
        (("sync", "plant", "--entity", "WorkOrder"), 1, "did you mean 'WorkOrders'"),
        (("run", "nothing"), 1, "there is no run 'nothing'"),
        (("status", "plent"), 1, "did you mean 'plant'"),
        (("runs", "--limit", "0"), 2, "--limit"),
    ],
)
def test_what_is_not_there_is_named(folder: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = command(folder, *arguments)
    assert done.returncode == code
    assert said in done.stderr


def test_a_connection_is_paused_and_taken_back(folder: Path) -> None:
    assert command(folder, "pause", "plant").returncode == 0
    assert answer(folder, "status")[0]["status"] == "paused"
    assert "paused" in command(folder, "sync", "plant").stderr
    assert command(folder, "resume", "plant").returncode == 0
    assert answer(folder, "sync")[0]["status"] == "completed"


def test_a_change_of_the_file_alone_is_taken_over(folder: Path) -> None:
    answer(folder, "status")
    file = folder / "switchgear.toml"
    file.write_text(file.read_text().replace("*/15 * * * *", "0 6 * * *"))
    answer(folder, "status")
    (info,) = sg.Hub(folder / "plant.db").connections()
    assert (info.schedule, info.timezone, info.owner) == ("0 6 * * *", "Europe/Berlin", "file")
    file.write_text(file.read_text().replace("0 6 * * *", "61 6 * * *"))
    assert "config.schedule" in command(folder, "sync", "plant").stderr


@pytest.mark.parametrize(
    ("right", "wrong", "line", "said"),
    [
        ('schedule = "*/15 * * * *"', 'schedule = "61 * * * *"', 7, "config.schedule"),
        ("duckdb:///plant.duckdb", "duckbd:///plant.duckdb", 6, "config.destination"),
        ('url = "http', 'uri = "http', 11, "uri"),
        ("[connections.plant.entities.Vendors]", "[connections.plant.entities.Vendor]", 15, "did you mean 'Vendors'"),
        ("page_size = 50", 'cursor = "ChangedAd"', 12, "did you mean 'ChangedAt'"),
    ],
)
def test_a_wrong_setting_in_the_file_ends_with_1_and_its_line(
    folder: Path, right: str, wrong: str, line: int, said: str
) -> None:
    """It went on with the old settings, and ended with 0, where no connection was named."""
    answer(folder, "sync")
    file = folder / "switchgear.toml"
    file.write_text(file.read_text().replace(right, wrong))
    before = len(sg.Hub(folder / "plant.db").runs())
    for arguments in (("sync",), ("sync", "plant")):
        done = command(folder, *arguments)
        assert done.returncode == 1, done.stdout
        assert f"{file}:{line}: " in done.stderr
        assert said in done.stderr
    if said != "did you mean 'ChangedAt'":  # which its source must be asked for
        assert len(sg.Hub(folder / "plant.db").runs()) == before


def test_one_that_is_wrong_does_not_keep_the_others_from_being_synced(folder: Path, box: Sandbox) -> None:
    file = folder / "switchgear.toml"
    other = f'[connections.other]\nconnector = "odata"\ndestination = "duckdb:///{folder}/plant.duckdb"\n'
    file.write_text(f'{file.read_text()}{other}config = {{uri = "{box.odata_url}"}}\n')
    done = command(folder, "sync", "--json")
    assert done.returncode == 1
    assert [(run["connection_id"], run["status"]) for run in json.loads(done.stdout)] == [("plant", "completed")]
    assert f"{file}:" in done.stderr
    assert command(folder, "sync", "plant").returncode == 0


def test_ctrl_c_commits_what_was_read(folder: Path, box: Sandbox) -> None:
    box.set_faults(Fault("latency", entity="WorkOrders", after=4, ms=30_000))
    process = subprocess.Popen(
        [sys.executable, "-m", "switchgear", "sync", "plant", "--entity", "WorkOrders"],
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    hub = sg.Hub(folder / "plant.db")
    while not any(run.records_written >= 150 for run in hub.runs(limit=1)):
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "goes on" in said
    (run,) = hub.runs("plant")
    assert run.status == "cancelled"
    assert run.error is not None
    assert "goes on" in run.error.hint
    box.set_faults()
    assert answer(folder, "sync")[0]["status"] == "completed"
    table = rows_of(f"duckdb:///{folder}/plant.duckdb", "plant", "WorkOrders")
    assert difference(table, list(box.truth("WorkOrders"))) == []
