"""Each kind of event, caused for real, reaches exactly the endpoints that are set for it on that connection."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import switchgear as sg
from servers.process import free_ports
from support.plugins import build
from support.receiver import Receiver
from switchgear.events import TYPES
from switchgear.sandbox import Sandbox

HERE = ["127.0.0.0/8"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        yield one


@pytest.fixture
def hub(tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> sg.Hub:
    """An endpoint for each type on `plant`, one for all of it, and one for another connection."""
    monkeypatch.setenv("PLANT_PW", "good")
    hub = sg.Hub(tmp_path / "plant.db")
    for type in TYPES:
        hub.endpoints.add(f"{receiver.origin}/hook/{type}", events={"plant": [type]}, allowed_subnets=HERE)
    hub.endpoints.add(f"{receiver.origin}/hook/all", events={"plant": ["*"]}, allowed_subnets=HERE)
    hub.endpoints.add(f"{receiver.origin}/hook/other", events={"other": ["*"]}, allowed_subnets=HERE)
    return hub


def reached(hub: sg.Hub, receiver: Receiver) -> dict[str, int]:
    """How often each type came, having gone where it should and nowhere else."""
    hub.send_webhooks()
    came = Counter(one.event["type"] for one in receiver.received("/hook/all"))
    for type in TYPES:
        received = receiver.received(f"/hook/{type}")
        assert [one.event["type"] for one in received] == [type] * came[type]
    assert receiver.received("/hook/other") == []
    return dict(came)


def plant(hub: sg.Hub, box: Sandbox, folder: Path, auth: sg.Auth | None = None) -> None:
    destination = f"duckdb:///{folder}/data.duckdb"
    entities = {"WorkOrders": {"cursor": "ChangedAt"}}
    hub.add("plant", "odata", {"url": box.odata_url}, auth=auth, destination=destination, entities=entities, retry=None)


def test_credentials_that_are_revoked_and_given_back(hub: sg.Hub, receiver: Receiver, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    before, revoked = (Sandbox(records=20, port=port, user="planner", password=word) for word in ("good", "changed"))
    with before:
        plant(hub, before, tmp_path, sg.BasicAuth("planner", sg.Secret.env("PLANT_PW")))
        assert hub.sync("plant").status == "completed"
    with revoked:
        assert hub.sync("plant").status == "failed"
        assert hub.sync("plant").status == "failed"
        assert hub.status("plant").state == "auth_required"
    wanted = {"sync.completed": 1, "sync.failed": 2, "connection.auth_required": 1}
    assert reached(hub, receiver) == wanted
    with before:
        assert hub.sync("plant").status == "completed"
    assert reached(hub, receiver) == wanted | {"sync.completed": 2, "connection.online": 1}


def test_a_host_that_goes_down_and_comes_up(hub: sg.Hub, receiver: Receiver, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    box = Sandbox(records=20, port=port)
    with box:
        plant(hub, box, tmp_path)
        assert hub.sync("plant").status == "completed"
    for _ in range(2):
        assert hub.sync("plant").status == "failed"
    wanted = {"sync.completed": 1, "sync.failed": 2, "connection.offline": 1}
    assert reached(hub, receiver) == wanted
    with box:
        assert hub.sync("plant").status == "completed"
    assert reached(hub, receiver) == wanted | {"sync.completed": 2, "connection.online": 1}


def test_a_check_tells_that_a_host_is_down(hub: sg.Hub, receiver: Receiver, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    box = Sandbox(records=20, port=port)
    with box:
        plant(hub, box, tmp_path)
        assert hub.connection("plant").check().online
    assert not hub.connection("plant").check().online
    with box:
        assert hub.connection("plant").check().online
    assert [event.type for event in hub.events.list()] == ["connection.online", "connection.offline"]
    assert reached(hub, receiver) == {"connection.offline": 1, "connection.online": 1}


@pytest.fixture(scope="module")
def throwing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("throwing/connector.cpp", tmp_path_factory.mktemp("connector") / "throwing.so", "g++", "-std=c++17")


@pytest.mark.parametrize("place", ["open", "read"])
def test_a_connector_that_breaks_its_contract(
    hub: sg.Hub, receiver: Receiver, tmp_path: Path, throwing: Path, place: str
) -> None:
    hub.add(
        "plant",
        str(throwing),
        {"place": place, "kind": "exception"},
        destination=f"duckdb:///{tmp_path}/data.duckdb",
        entities={"things": {"mode": "append"}},
        retry=None,
    )
    run = hub.sync("plant")
    assert run.status == "failed"
    assert run.error is not None
    assert run.error.category == "plugin"
    assert reached(hub, receiver) == {"sync.failed": 1, "system.error": 1}
    (event,) = hub.events.list(type="system.error")
    assert event.data["error"]["category"] == "plugin"
    assert "the floor opened" in event.data["error"]["message"]


def test_a_destination_that_can_not_be_used(hub: sg.Hub, receiver: Receiver, tmp_path: Path) -> None:
    (tmp_path / "data.duckdb").write_text("this is no database, and longer than what is looked at first" * 200)
    with Sandbox(records=20) as box:
        plant(hub, box, tmp_path)
        assert hub.sync("plant").status == "failed"
    assert reached(hub, receiver) == {"sync.failed": 1, "system.error": 1}


BY_HAND = """
import json, logging, resource, sys
import switchgear as sg

logging.basicConfig()
store, odata, folder = sys.argv[1:]
hub = sg.Hub(store)
hub.add("plant", "odata", {"url": odata}, destination=f"duckdb:///{folder}/data.duckdb", retry=None,
        entities={"WorkOrders": {}})
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))  # no file may grow
for _ in range(2):
    try:
        hub.sync("plant")
    except sg.StoreError as error:
        assert error.hint, error
    else:
        raise AssertionError("there was no room for a run")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
assert hub.events.list() == []
hub.sync("plant").raise_for_error()
hub.sync("plant").raise_for_error()
print(json.dumps([event.to_dict() for event in hub.events.list(type="system.error")]))
"""


def test_a_store_that_a_sync_by_hand_finds_full_is_told_of_once_there_is_room(tmp_path: Path) -> None:
    with Sandbox(records=20) as box:
        program = [sys.executable, "-c", BY_HAND, str(tmp_path / "plant.db"), box.odata_url, str(tmp_path)]
        done = subprocess.run(program, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (event,) = json.loads(done.stdout)
    assert event["data"]["error"]["category"] == "store"
    assert done.stderr.count("the sync of plant could not go on") == 2


FULL = """
import json, logging, resource, sys, threading, time
import switchgear as sg

class Said(logging.Handler):
    def emit(self, record):
        if "could not" in record.getMessage():
            said.set()

said = threading.Event()
logging.getLogger("switchgear").addHandler(Said())

store, odata, folder = sys.argv[1:]
hub = sg.Hub(store)
hub.add("plant", "odata", {"url": odata}, destination=f"duckdb:///{folder}/data.duckdb", schedule="1s", retry=None,
        entities={"WorkOrders": {}})
thread = threading.Thread(target=lambda: hub.run_forever(poll=0.1, workers=0, webhooks=False))
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))  # no file may grow
thread.start()
assert said.wait(60), "nothing was to be written"
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
deadline = time.monotonic() + 30
while not (found := hub.events.list(type="system.error")) and time.monotonic() < deadline:
    time.sleep(0.05)
hub.stop()
thread.join()
print(json.dumps([event.to_dict() for event in found]))
"""


def test_a_store_that_is_full_is_told_of_once_there_is_room(tmp_path: Path) -> None:
    with Sandbox(records=20) as box:
        program = [sys.executable, "-c", FULL, str(tmp_path / "plant.db"), box.odata_url, str(tmp_path)]
        done = subprocess.run(program, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (event,) = json.loads(done.stdout)
    assert event["data"]["error"]["category"] == "store"
