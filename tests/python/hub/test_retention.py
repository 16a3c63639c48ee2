"""How long history is kept: in the store, for all processes, and carried out while one works."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import switchgear as sg
from switchgear.sandbox import Sandbox

DAY = 86_400.0


def test_what_is_given_is_changed_for_all_and_the_rest_stays(store: str) -> None:
    hub = sg.Hub(store)
    assert hub.retention().to_dict() == {"runs": 90 * DAY, "errors": 90 * DAY, "deliveries": 30 * DAY}
    assert hub.retention(runs="7d", deliveries=timedelta(hours=1)).runs == timedelta(days=7)
    assert sg.Hub(store).retention(errors=None).to_dict() == {"runs": 7 * DAY, "errors": None, "deliveries": 3600.0}
    assert hub.retention().errors is None
    assert hub.retention(errors="1.5h").errors == timedelta(minutes=90)


@pytest.mark.parametrize("wrong", ["soon", "90", -1, 90, timedelta(days=-1), True, "", timedelta.max])
def test_what_is_no_age_is_refused_and_changes_nothing(tmp_path: Path, wrong: Any) -> None:
    hub = sg.Hub(tmp_path / "plant.db")
    hub.retention(runs="7d")
    with pytest.raises(sg.ConfigError, match="the retention of runs") as caught:
        hub.retention(runs=wrong, errors="1d")
    assert caught.value.code == "config.retention"
    assert caught.value.hint
    assert hub.retention().to_dict() == {"runs": 7 * DAY, "errors": 90 * DAY, "deliveries": 30 * DAY}


def forever(hub: sg.Hub, done: Any) -> None:
    """Until what is to happen has."""
    thread = threading.Thread(target=lambda: hub.run_forever(poll=0.05, workers=0))
    thread.start()
    try:
        while not done():
            assert thread.is_alive()
    finally:
        hub.stop()
        thread.join()


def test_who_sees_that_it_works_can_end_it(tmp_path: Path) -> None:
    hub = sg.Hub(tmp_path / "plant.db")
    hub._remove_old = hub.stop  # type: ignore[method-assign]
    for workers in (0, 1, 1, 1):
        thread = threading.Thread(target=hub.run_forever, kwargs={"poll": 0.01, "workers": workers}, daemon=True)
        thread.start()
        thread.join(20)
        assert not thread.is_alive()


def test_a_process_that_works_removes_what_is_old(tmp_path: Path) -> None:
    hub = sg.Hub(tmp_path / "plant.db")
    to = f"duckdb:///{tmp_path}/plant.duckdb"
    with Sandbox(records=10) as box:
        hub.add("plant", "odata", {"url": box.odata_url}, destination=to, entities={"Vendors": {}}, retry=None)
        hub.sync("plant").raise_for_error()
    hub.sync("plant")
    assert len(hub.runs()) == 2
    assert len(hub.errors()) == 1
    watched = threading.Event()
    remove = hub._syncs.remove_old

    def watching(**ages: timedelta | None) -> None:
        remove(**ages)
        watched.set()

    hub._syncs.remove_old = watching  # type: ignore[method-assign]
    forever(hub, watched.is_set)
    assert len(hub.runs()) == 2, "they are young"
    hub.retention(runs=timedelta(0), errors=None)
    forever(hub, lambda: not hub.runs())
    assert len(hub.errors()) == 1
    assert hub.sync_status("plant").error is not None, "what is known of the connection stays"
    hub.retention(errors="0s")
    forever(hub, lambda: not hub.errors())


def test_flow_runs_and_webhooks_that_came_go_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = sg.webhooks.new_secret()
    monkeypatch.setenv("HOOK", key)
    hub = sg.Hub(tmp_path / "plant.db")
    hub.add("plant", "odata", {"url": "http://127.0.0.1:1/odata"})
    hub.inbox.accept("plant", "env:HOOK")
    body = b'{"type": "order.changed"}'
    assert hub.inbox.receive("plant", body, sg.webhooks.sign(body, key)).status == 202
    assert hub.inbox.work() == 1

    @hub.flow("nothing")
    def nothing(ctx: Any) -> None:
        """Does nothing."""

    hub.run_flow("nothing")
    assert len(hub.runs()) == 1
    hub._remove_old()
    assert (len(hub.runs()), len(hub.inbox.messages())) == (1, 1), "they are young"
    hub.retention(runs="0s", deliveries="0s")
    hub._remove_old()
    assert (hub.runs(), hub.inbox.messages()) == ([], [])
