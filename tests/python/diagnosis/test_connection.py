"""In one process: what a connection says of itself while its source comes and goes."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator

import pytest

import switchgear as sg
from servers.cap import Cap
from servers.nginx import Nginx
from switchgear.sandbox import Fault, Sandbox

PLANNER = sg.BasicAuth("planner", "planner")


@pytest.fixture
def plant(nginx_tls: Nginx) -> sg.Connection:
    return sg.connect(
        "odata",
        id="plant",
        url=f"{nginx_tls.url}/odata/v4/maintenance",
        auth=PLANNER,
        tls=sg.Tls(ca_file=str(nginx_tls.ca)),
        proxy="none",
    )


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(records=10) as box:
        yield box


def read(plant: sg.Connection, entity: str = "Assets") -> int:
    return len(plant.read(entity, limit=1).to_pylist())


def test_a_permission_withdrawn_while_in_use(nginx_tls: Nginx, plant: sg.Connection) -> None:
    assert plant.status().state == "unknown"
    assert read(plant, "WorkOrders") == read(plant, "Assets") == 1
    assert plant.status().state == "online"
    before = datetime.datetime.now(datetime.timezone.utc)
    nginx_tls.switch("forbidden", entity="Assets")
    for _ in range(2):
        with pytest.raises(sg.PermissionDenied):
            read(plant)
    (logged,) = plant.errors()
    assert (logged.entity, logged.operation, logged.code) == ("Assets", "read", "permission")
    assert (logged.count, logged.recovered, logged.stands) == (2, 0, True)
    assert logged.last_success < before < logged.first_seen <= logged.last_seen
    status = plant.status()
    assert status.state == "degraded"
    assert status.since > before
    assert status.error is not None
    assert status.error.code == "permission"
    sent = len(nginx_tls.requests())
    diagnosis = plant.diagnose()
    assert (diagnosis.scope, diagnosis.code, diagnosis.probe) == ("entity", "permission", None)
    assert [each.entity for each in diagnosis.affected] == ["Assets"]
    assert f"it worked until {logged.last_success:%Y-%m-%dT%H:%M:%S}Z" in diagnosis.cause
    assert any("reading Assets: permission, 2 x from" in line for line in diagnosis.evidence)
    assert any("still works: reading WorkOrders" in line for line in diagnosis.evidence)
    assert len(nginx_tls.requests()) == sent, "what was met says enough"
    nginx_tls.switch("forbidden", on=False, entity="Assets")
    read(plant)
    assert plant.status().state == "online"
    assert not plant.errors()[0].stands
    assert plant.diagnose(probe=False).scope == "none"


def test_one_operation_or_everything_is_found_by_looking(nginx_tls: Nginx, plant: sg.Connection) -> None:
    plant.entities()
    nginx_tls.switch("failing", entity="WorkOrders")
    with pytest.raises(sg.ServerError):
        read(plant, "WorkOrders")
    diagnosis = plant.diagnose()
    assert diagnosis.probe is not None, "nothing else was ever read, so it looks"
    assert (diagnosis.scope, diagnosis.code) == ("entity", "server")
    assert diagnosis.affected[0].count == 2


def test_a_check_that_finds_the_source_heals_the_status(nginx_tls: Nginx, plant: sg.Connection) -> None:
    plant.entities()
    nginx_tls.switch("login")
    with pytest.raises(sg.AuthError):
        read(plant)
    assert plant.status().state == "auth_required"
    nginx_tls.switch("login", on=False)
    assert plant.check().online
    assert plant.status().state == "online"


def test_a_source_that_goes_away_and_comes_back(box: Sandbox) -> None:
    plant = sg.connect("odata", url=box.odata_url, timeout=sg.Timeouts(connect=2))
    assert read(plant, "Vendors") == 1
    with Sandbox(records=1) as gone:
        away = sg.connect("odata", url=gone.odata_url)
        away.entities()
    assert away.status().state == "online"
    health = away.check()
    assert not health.online
    assert health.error is not None
    assert health.error.code == "offline.connect"
    assert away.status().state == "offline"
    assert plant.status().state == "online"


def test_pausing_sends_nothing(box: Sandbox) -> None:
    plant = sg.connect("odata", id="plant", url=box.odata_url)
    read(plant, "Vendors")
    plant.pause()
    assert plant.status().state == "paused"
    for use in (lambda: read(plant, "Vendors"), lambda: plant.entities(refresh=True)):
        with pytest.raises(sg.CircuitOpenError) as refused:
            use()
        assert refused.value.code == "circuit_open.paused"
        assert "resume()" in refused.value.hint
    health = plant.check()
    assert health.error is not None
    assert health.error.code == "circuit_open.paused"
    diagnosis = plant.diagnose()
    assert (diagnosis.scope, diagnosis.code) == ("connection", "circuit_open.paused")
    plant.resume()
    assert read(plant, "Vendors") == 1
    assert plant.status().state == "online"


def test_what_a_retry_gets_over_is_there_and_no_trouble(box: Sandbox) -> None:
    plant = sg.connect("odata", url=box.odata_url)
    plant.entities()
    box.set_faults(Fault("error", status=503, times=1))
    assert read(plant, "Vendors") == 1
    (logged,) = plant.errors()
    assert (logged.code, logged.count, logged.recovered, logged.stands) == ("unavailable", 1, 1, False)
    assert plant.status().state == "online"
    diagnosis = plant.diagnose(probe=False)
    assert diagnosis.scope == "none"
    assert any("1 x unavailable was got over" in line for line in diagnosis.evidence)


def test_they_show_themselves(cap: Cap) -> None:
    plant = sg.connect(
        "odata",
        id="<b>plant",
        url=f"{cap.origin}/odata/v4/maintenance",
        auth=sg.BasicAuth("reader", "reader"),
        proxy="none",
    )
    health = plant.check(entities=["Vendors", "Assets"])
    assert repr(health).startswith("<Health online, but permission: ")
    assert [(each.entity, each.state) for each in health.entities] == [("Vendors", "failed"), ("Assets", "ok")]
    with pytest.raises(sg.PermissionDenied):
        read(plant, "Vendors")
    diagnosis = plant.diagnose()
    status = plant.status()
    (logged,) = plant.errors()
    assert repr(status).startswith("<ConnectionStatus <b>plant: degraded since 20")
    assert repr(logged).startswith("<LoggedError 1 x permission: read Vendors, last at 20")
    assert repr(diagnosis).startswith("<Diagnosis <b>plant: entity, permission: the user may not do this")
    for thing in (health, status, logged, diagnosis):
        assert json.loads(json.dumps(thing.to_dict())) == thing.to_dict()
        html = thing._repr_html_()
        assert "<b>plant" not in html
        assert "<table>" in html
    assert status.to_dict()["state"] == "degraded"
    assert {"requests_per_second", "at_once", "in_flight"} <= status.limits.keys()
    assert [breaker.state for breaker in status.breakers] == ["closed"] * len(status.breakers)
    assert diagnosis.to_dict()["affected"][0]["entity"] == "Vendors"
