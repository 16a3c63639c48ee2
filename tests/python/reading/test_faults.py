"""Each thing that a source does wrong is its own error, says what to do, and loses nothing that came before it."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

import switchgear as sg
from support.plants import plant_of
from switchgear.sandbox import Fault, Sandbox

FAULTS = [
    (Fault("login_page"), sg.AuthError, "auth_expired"),
    (Fault("error", status=400), sg.BadRequest, "bad_request"),
    (Fault("error", status=401), sg.AuthError, "auth_invalid"),
    (Fault("error", status=403), sg.PermissionDenied, "permission"),
    (Fault("error", status=404), sg.NotFound, "not_found"),
    (Fault("error", status=408), sg.TimeoutError, "timeout"),
    (Fault("error", status=409), sg.Conflict, "conflict"),
    (Fault("error", status=410), sg.NotFound, "gone"),
    (Fault("error", status=413), sg.BadRequest, "too_large"),
    (Fault("error", status=500), sg.ServerError, "server"),
    (Fault("error", status=502), sg.ServerError, "server"),
    (Fault("error", status=503), sg.ServerError, "unavailable"),
    (Fault("rate_limit", retry_after=0), sg.RateLimited, "rate_limit"),
    (Fault("expire_token"), sg.AuthError, "auth"),
    (Fault("cut"), sg.OfflineError, "offline.lost"),
    (Fault("cut", reset=True), sg.OfflineError, "offline.lost"),
    (Fault("cut", fraction=0), sg.OfflineError, "offline.lost"),
    (Fault("broken_json"), sg.ProtocolError, "protocol"),
    (Fault("invalid_utf8"), sg.ProtocolError, "protocol"),
    (Fault("repeat_next"), sg.ProtocolError, "protocol"),
    (Fault("empty_page"), sg.ProtocolError, "protocol"),
    (Fault("foreign_next"), sg.ProtocolError, "protocol"),
]


def name_of(fault: Any) -> str | None:
    return "-".join(str(part) for part in fault.to_dict().values()) if isinstance(fault, Fault) else None


def on_page(fault: Fault, page: int) -> Fault:
    return Fault.of({**fault.to_dict(), "entity": "WorkOrders", "page": page})


@pytest.mark.parametrize(("fault", "kind", "code"), FAULTS, ids=name_of)
@pytest.mark.parametrize("way", ["pages", "arrow", "polars"])
def test_a_fault_in_mid_listing(own_box: Sandbox, fault: Fault, kind: type[sg.Error], code: str, way: str) -> None:
    plant = plant_of(own_box)
    plant.entities()
    own_box.set_faults(on_page(fault, 4))
    reader = plant.read("WorkOrders", columns=["ID"])
    taken: list[int] = []

    def take_pages() -> None:
        for page in reader:
            taken.extend(record["ID"] for record in page.to_pylist())

    with pytest.raises(kind) as caught:
        take_pages() if way == "pages" else getattr(reader, f"to_{way}")()
    error = caught.value
    assert type(error) is kind
    assert error.code.startswith(code), error.code
    assert error.code.split(".")[0] == error.category
    assert error.message
    assert error.hint, str(error)
    assert (error.connection_id, error.entity) == ("plant", "WorkOrders")
    if fault.kind == "error":
        assert error.http_status == fault.status
    if way == "pages":
        # A page whose continuation is wrong comes again, whole, when reading goes on; unless nothing else is known.
        assert taken in (list(range(1, 301)), list(range(1, 401)))
        if fault.kind == "foreign_next":
            return
        own_box.set_faults()
        rest = plant.read("WorkOrders", columns=["ID"], token=reader.token).to_pylist()
        assert taken + [record["ID"] for record in rest] == list(range(1, 1_001))


# What a check cannot meet: it asks for no listing, and reads no record.
OF_LISTINGS = ("repeat_next", "empty_page", "foreign_next", "broken_json", "invalid_utf8")


@pytest.mark.parametrize(
    ("fault", "kind", "code"), [case for case in FAULTS if case[0].kind not in OF_LISTINGS], ids=name_of
)
def test_a_fault_of_everything_is_found_by_check(
    own_box: Sandbox, fault: Fault, kind: type[sg.Error], code: str
) -> None:
    own_box.set_faults(fault)
    health = plant_of(own_box).check()
    assert not health.online
    assert health.error is not None
    assert isinstance(health.error, kind | sg.ConfigError)
    assert health.cause
    assert health.next_step
    assert [step.state for step in health.steps].count("failed") == 1


def test_retry_after_is_in_the_error(own_box: Sandbox) -> None:
    plant = plant_of(own_box)
    plant.entities()
    own_box.set_faults(Fault("rate_limit", retry_after=1))
    with pytest.raises(sg.RateLimited) as caught:
        plant.read("WorkOrders").to_pylist()
    assert caught.value.retry_after == 1
    assert caught.value.retryable


def test_no_reply_in_time_is_a_timeout_of_both_kinds(own_box: Sandbox) -> None:
    own_box.set_faults(Fault("latency", ms=30_000))
    plant = plant_of(own_box, timeout=sg.Timeouts(total=0.3))
    with pytest.raises(TimeoutError) as caught:
        plant.read("WorkOrders").to_pylist()
    assert isinstance(caught.value, sg.TimeoutError)
    assert caught.value.retryable


def test_a_closed_port_is_a_connection_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        plant = sg.connect("odata", url=f"http://127.0.0.1:{taken.getsockname()[1]}/")
        with pytest.raises(ConnectionError) as caught:
            plant.read("WorkOrders").to_pylist()
    assert isinstance(caught.value, sg.OfflineError)
    assert caught.value.code == "offline.connect"
    assert caught.value.hint


def test_an_unknown_entity_suggests_the_nearest(plant: sg.Connection) -> None:
    with pytest.raises(sg.NotFound) as caught:
        plant.read("Workorder").to_pylist()
    assert "WorkOrders" in f"{caught.value}"


def test_unknown_connectors_and_settings_suggest_the_nearest() -> None:
    with pytest.raises(sg.ConfigError, match="odata"):
        sg.connect("odta", url="http://x/")
    with pytest.raises(sg.ConfigError, match="page_size"):
        sg.connect("odata", url="http://x/", pagesize=5)
    with pytest.raises(sg.ConfigError, match="url"):
        sg.connect("odata")
    with pytest.raises(sg.ConfigError, match="page_size"):
        sg.connect("odata", url="http://x/", page_size="many")


def test_a_reply_that_is_too_large_is_an_error_instead_of_memory(own_box: Sandbox) -> None:
    plant = plant_of(own_box, max_reply_bytes=20_000)
    with pytest.raises(sg.Error) as caught:
        plant.read("WorkOrders").to_pylist()
    assert caught.value.category in ("protocol", "too_large")
    assert "20" in caught.value.message
    assert "max_reply_bytes" in caught.value.hint


# -- odd records: nothing is dropped


def rescued(record: dict[str, Any]) -> dict[str, Any]:
    text = record.pop("_rescued", None)
    return json.loads(text) if text else {}


def test_values_of_a_wrong_type_are_rescued(own_box: Sandbox) -> None:
    plant = plant_of(own_box)
    own_box.set_faults(Fault("wrong_types", entity="WorkOrders"))
    reader = plant.read("WorkOrders")
    odd = set()
    for got, true in zip(reader.to_pylist(), own_box.truth("WorkOrders"), strict=True):
        kept = rescued(got)
        changed = {name for name in true if got[name] != true[name]}
        assert changed <= set(kept), (true["ID"], kept)  # a value in place of a null changes nothing but _rescued
        assert len(kept) == (true["ID"] % 10 == 0), true["ID"]
        for name in kept:
            assert got[name] is None
            assert kept[name] in ("n/a", 12345, "yes", 20260131, "31/01/2026 25:00", "none", {"0": "x"})
        odd |= set(kept)
    assert reader.stats.rescued == 100
    assert len(odd) >= 10, "the fault goes round the fields"


def test_fields_that_no_schema_names_are_rescued(own_box: Sandbox) -> None:
    plant = plant_of(own_box)
    own_box.set_faults(Fault("extra_fields", entity="WorkOrders"))
    reader = plant.read("WorkOrders")
    for got, true in zip(reader.to_pylist(), own_box.truth("WorkOrders"), strict=True):
        kept, turn = rescued(got), (true["ID"] - 1) % 100 // 10
        assert got == true
        expected = {"X_Plant": f"plant {turn}", "X_Meta": {"revision": turn, "labels": [None, "ä"]}}
        assert kept == (expected if true["ID"] % 10 == 0 else {})
    assert reader.stats.rescued == 100


def test_missing_fields_are_null(own_box: Sandbox) -> None:
    plant = plant_of(own_box)
    own_box.set_faults(Fault("missing_fields", entity="WorkOrders"))
    for got, true in zip(plant.read("WorkOrders").to_pylist(), own_box.truth("WorkOrders"), strict=True):
        assert rescued(got) == {}
        changed = [name for name in true if got[name] != true[name]]
        assert len(changed) <= (true["ID"] % 10 == 0)
        assert all(got[name] is None for name in changed)


def test_empty_pages_on_the_way_are_passed_over(own_box: Sandbox) -> None:
    own_box.set_faults(Fault("empty_page", entity="WorkOrders", page=3, times=5))
    plant = plant_of(own_box)
    assert [r["ID"] for r in plant.read("WorkOrders").to_pylist()] == list(range(1, 1_001))
