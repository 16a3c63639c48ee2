"""Who listens to a connection hears of each transition, in order, whatever the listeners do."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import pickle
import threading
import weakref
from collections.abc import Iterator

import pytest

import switchgear as sg
from switchgear.sandbox import Fault, Sandbox


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(records=10) as box:
        yield box


@pytest.fixture
def plant(box: Sandbox) -> sg.Connection:
    return sg.connect("odata", id="plant", url=box.odata_url, retry=None, proxy="none")


def test_transitions_are_told_with_what_brought_them_about(box: Sandbox, plant: sg.Connection) -> None:
    heard: list[sg.StatusChange] = []
    assert plant.on_status(heard.append) is not None
    plant.check(entities=[])
    box.set_faults(Fault("error", status=401))
    with pytest.raises(sg.AuthError):
        plant.read("WorkOrders").to_pylist()
    box.set_faults()
    plant.pause()
    assert [(change.from_state, change.to_state) for change in heard] == [
        ("unknown", "online"),
        ("online", "auth_required"),
        ("auth_required", "paused"),
    ]
    asked = heard[1]
    assert asked.connection_id == "plant"
    assert asked.error is not None
    assert asked.error.code.startswith("auth_invalid")
    assert asked.to_dict()["to"] == "auth_required"
    assert asked.to_dict()["error"]["category"] == "auth_invalid"
    assert repr(asked).startswith("<StatusChange plant: online -> auth_required at 20")
    assert heard[0].at <= asked.at <= heard[2].at
    assert plant.status().state == "paused"


def test_a_listener_may_call_anything_and_hears_what_comes_of_it_afterwards(plant: sg.Connection) -> None:
    heard: list[tuple[str, str]] = []

    @plant.on_status
    def first(change: sg.StatusChange) -> None:
        heard.append(("first", change.to_state))
        if change.to_state == "online":
            plant.pause()
            assert len(plant.entities()) > 0  # known; sends nothing

    plant.on_status(lambda change: heard.append(("second", change.to_state)))
    plant.entities()
    plant.check(entities=[])
    assert heard == [("first", "online"), ("second", "online"), ("first", "paused"), ("second", "paused")]


def test_what_a_listener_raises_is_logged_and_stops_nobody(
    plant: sg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []

    def broken(change: sg.StatusChange) -> None:
        raise RuntimeError("of the listener")

    plant.on_status(broken)
    plant.on_status(lambda change: heard.append(change.to_state))
    with caplog.at_level(logging.ERROR, "switchgear"):
        plant.pause()
        plant.resume()
    assert heard == ["paused", "unknown"]
    assert caplog.text.count("a listener of connection plant raised") == 2
    assert "of the listener" in caplog.text


def test_what_is_no_function_is_refused(plant: sg.Connection) -> None:
    with pytest.raises(sg.ConfigError, match="must be callable"):
        plant.on_status("print")  # type: ignore[arg-type]
    with pytest.raises(sg.ConfigError, match="must be callable"):
        plant.on_event(None)  # type: ignore[arg-type]


def test_listeners_keep_no_connection_alive_and_do_not_travel(plant: sg.Connection, box: Sandbox) -> None:
    other = sg.connect("odata", id="other", url=box.odata_url, proxy="none")
    heard: list[str] = []
    other.on_status(lambda change: heard.append(change.connection_id))
    copy = pickle.loads(pickle.dumps(other))  # noqa: S301 - our own
    copy.pause()
    assert heard == []
    gone = weakref.ref(other)
    other.pause()
    del other
    gc.collect()
    assert gone() is None
    plant.pause()
    assert heard == ["other"]


def test_threads_of_python_hear_each_change_once(box: Sandbox) -> None:
    plants = [sg.connect("odata", id=f"plant-{n}", url=box.odata_url, proxy="none") for n in range(8)]
    heard: list[tuple[str, str]] = []
    for plant in plants:
        plant.on_status(lambda change: heard.append((change.connection_id, change.to_state)))

    def work(plant: sg.Connection) -> None:
        for _ in range(50):
            plant.pause()
            plant.resume()

    threads = [threading.Thread(target=work, args=(plant,)) for plant in plants]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    plants[0].check(entities=[])  # whatever a thread left for another one
    for plant in plants:
        mine = [state for name, state in heard if name == plant.id]
        assert mine[:100] == ["paused", "unknown"] * 50


def _in_the_child(url: str, result: multiprocessing.SimpleQueue[list[str]]) -> None:
    heard: list[str] = []
    plant = sg.connect("odata", id="child", url=url, proxy="none")
    plant.on_status(lambda change: heard.append(change.to_state))
    plant.check(entities=[])
    result.put(heard)


def test_a_forked_child_hears_its_own_connections(box: Sandbox, plant: sg.Connection) -> None:
    plant.on_status(lambda change: plant.status())
    plant.check(entities=[])
    context = multiprocessing.get_context("fork")
    result: multiprocessing.SimpleQueue[list[str]] = context.SimpleQueue()
    child = context.Process(target=_in_the_child, args=(box.odata_url, result))
    child.start()
    child.join(30)
    assert child.exitcode == 0
    assert result.get() == ["online"]
