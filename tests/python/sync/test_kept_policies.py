"""A source that is away: it is a run that says so, and no process that begins anew hammers it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import switchgear as sg
from switchgear import _core
from switchgear.sandbox import Fault, Sandbox

SYNC = """
import json, sys, switchgear as sg
run = sg.Hub(sys.argv[1]).sync("plant")
print(json.dumps({"status": run.status, "code": run.error.code if run.error else None}))
"""


def in_another_process(store: Path) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", SYNC, str(store)], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def settings(store: Path) -> _core.SettingStore:
    return _core.SettingStore(_core.Store(str(store)))


def test_an_open_breaker_is_open_after_a_restart_until_its_time(tmp_path: Path) -> None:
    store = tmp_path / "plant.db"
    with Sandbox(records=20, process=True) as box:
        hub = sg.Hub(store)
        waits = sg.Backoff(3_600, factor=2, cap=36_000)
        breaker = sg.CircuitBreaker(min_calls=2, window=10, half_open_calls=1, open_for=waits)
        to = f"duckdb:///{tmp_path}/plant.duckdb"
        hub.add(
            "plant",
            "odata",
            {"url": box.odata_url},
            destination=to,
            entities={"Vendors": {}},
            retry=None,
            breaker=breaker,
        )
        box.set_faults(Fault("error", status=503))
        assert [in_another_process(store)["code"] for _ in range(1)] == ["unavailable"]
        assert settings(store).find("policies/plant") is None, "one failure opens nothing"
        for _ in range(2):
            hub.sync("plant")
        box.set_faults()  # it is well again, which nobody may find out before the breaker's time
        asked = box.stats()["requests"]
        for _ in range(2):
            assert in_another_process(store) == {"status": "failed", "code": "circuit_open"}
        assert sg.Hub(store).sync("plant").status == "failed"
        assert box.stats()["requests"] == asked
        kept = json.loads(settings(store).find("policies/plant") or "")
        opened = {(each["entity"], each["operation"]): each for each in kept["breakers"]}
        assert 3_000e6 < opened["", ""]["remaining_us"] <= 3_600e6
        for each in opened.values():  # an hour later
            each["remaining_us"] = 0
        settings(store).put("policies/plant", json.dumps(kept))
        assert in_another_process(store)["status"] == "completed"
        assert box.stats()["requests"] > asked
        assert settings(store).find("policies/plant") is None, "it is well again, which all may know"


def test_a_connection_that_leads_elsewhere_begins_anew(tmp_path: Path) -> None:
    store = tmp_path / "plant.db"
    with Sandbox(records=20) as box:
        hub = sg.Hub(store)
        breaker = sg.CircuitBreaker(min_calls=1, window=10, open_for=3_600)
        to = f"duckdb:///{tmp_path}/plant.duckdb"
        dead = {"url": "http://127.0.0.1:1/odata"}
        hub.add("plant", "odata", dead, destination=to, entities={"Vendors": {}}, retry=None, breaker=breaker)
        assert [hub.sync("plant").error.code for _ in range(2)] == ["offline.connect", "circuit_open"]  # type: ignore[union-attr]
        hub.update("plant", {"url": box.odata_url})
        assert sg.Hub(store).sync("plant").status == "completed"


def test_a_throttled_connection_stays_slow_after_a_restart(tmp_path: Path) -> None:
    store = tmp_path / "plant.db"
    with Sandbox(records=20) as box:
        hub = sg.Hub(store)
        to = f"duckdb:///{tmp_path}/plant.duckdb"
        hub.add("plant", "odata", {"url": box.odata_url}, destination=to, entities={"Vendors": {}}, retry=None)
        hub.sync("plant").raise_for_error()
        box.set_faults(Fault("error", entity="Vendors", status=429))
        assert hub.sync("plant").error is not None
        box.set_faults()
        limits = sg.Hub(store).connection("plant").status().limits
        before = hub.connection("plant").status().limits
        assert limits["slowed_down"]
        assert limits["requests_per_second"] == pytest.approx(before["requests_per_second"], rel=0.01)


def test_a_source_that_is_away_from_the_start_is_a_failed_run(tmp_path: Path) -> None:
    """It was raised, and nothing was written down: the status went on to say what it had said before."""
    hub = sg.Hub(tmp_path / "plant.db")
    dead = {"url": "http://127.0.0.1:1/odata"}
    to = f"duckdb:///{tmp_path}/plant.duckdb"
    hub.add("all", "odata", dead, destination=to, retry=None, breaker=None, schedule="1h")
    hub.add("plant", "odata", dead, destination=to, retry=None, breaker=None, entities={"Vendors": {}, "Assets": {}})
    run = hub.sync("all")
    assert (run.status, run.entities) == ("failed", [])
    assert run.error is not None
    assert run.error.code == "offline.connect"
    with pytest.raises(sg.OfflineError):
        run.raise_for_error()
    assert not (tmp_path / "plant.duckdb").exists()
    assert hub.sync("plant", ["Vendors"]).status == "failed"
    for id in ("all", "plant"):
        other = sg.Hub(tmp_path / "plant.db")
        assert other.sync_status(id).status == "failed"
        assert other.status(id).state == "offline"
        assert other.errors(id)[0].error.category == "offline"
    hub._syncs.statuses.set_next("all", 0.0, 3600.0)
    (due,) = hub._syncs.statuses.due()
    assert due.failures == 1, "by which its next sync is put off"
