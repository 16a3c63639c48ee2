"""What does not work of our own is told once for each time that it begins, as soon as the store takes it."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

import switchgear as sg
from switchgear import running
from switchgear.events import Troubles


def full() -> sg.StoreError:
    return sg.StoreError("the disk is full", code="store.full", hint="free space")


def test_told_once_until_it_is_over(tmp_path: Path) -> None:
    hub = sg.Hub(tmp_path / "plant.db")
    troubles = Troubles(hub.events)
    for _ in range(3):
        troubles.met("store", full())
        troubles.tell()
    (event,) = hub.events.list()
    assert event.type == "system.error"
    assert event.data["error"] == {
        "category": "store",
        "code": "store.full",
        "message": "the disk is full",
        "hint": "free space",
    }
    troubles.over("store")
    troubles.tell()
    assert len(hub.events.list()) == 1
    troubles.met("store", full())
    troubles.tell()
    assert len(hub.events.list()) == 2


def test_kept_while_the_store_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = sg.Hub(tmp_path / "plant.db")
    troubles = Troubles(hub.events)
    troubles.met("store", full())
    with monkeypatch.context() as patched:

        def fail(*_: object, **__: object) -> str:
            raise full()

        patched.setattr(hub.events, "emit", fail)
        with pytest.raises(sg.StoreError):
            troubles.tell()
    troubles.tell()
    (event,) = hub.events.list()
    assert event.occurred_at <= event.recorded_at


def test_a_scheduler_that_stood_still_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "STANDS_STILL", -0.1)  # any pause is too long
    hub = sg.Hub(tmp_path / "plant.db")
    thread = threading.Thread(target=lambda: hub.run_forever(poll=0.1, workers=0, webhooks=False))
    thread.start()
    deadline = time.monotonic() + 30
    while not (found := hub.events.list(type="system.error")) and time.monotonic() < deadline:
        time.sleep(0.02)
    hub.stop()
    thread.join(30)
    assert not thread.is_alive()
    assert found[-1].data["error"]["code"] == "internal.scheduler"
    assert "stood still" in found[-1].data["error"]["message"]
