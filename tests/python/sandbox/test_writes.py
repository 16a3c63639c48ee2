"""Writing to the sandbox: what clients write is in every listing afterwards, what does not fit changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

import switchgear as sg
from switchgear.sandbox import Fault, Sandbox


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(records=50) as box:
        yield box


@pytest.fixture
def plant(box: Sandbox) -> sg.Connection:
    return sg.connect("odata", id="plant", url=box.odata_url, rate_limit=None, proxy="none")


def send(box: Sandbox, method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
    data = None if body is None else json.dumps(body).encode()
    sent = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    request = Request(f"{box.odata_url}/{path}", data, sent, method=method)
    try:
        with urlopen(request, timeout=10) as reply:
            text = reply.read()
            return reply.status, json.loads(text) if text else None
    except HTTPError as error:
        return error.code, json.loads(error.read())["error"]["message"]


def ids(plant: sg.Connection, **options: Any) -> list[int]:
    return [record["ID"] for record in plant.read("WorkOrders", **options).to_pylist()]


def test_single_entities(box: Sandbox) -> None:
    created = {"ID": 1_000, "Title": "Öl & Luft", "ActualCost": "17.5", "DueDate": "2026-02-03", "Tags": ["a", "b"]}
    status, body = send(box, "POST", "WorkOrders", created)
    assert (status, body["ID"], body["Title"], body["ActualCost"]) == (201, 1_000, "Öl & Luft", "17.5000")
    assert body["Tags"] == ["a", "b"]
    assert body["Status"]  # what was not given is what a row in its place would have
    assert send(box, "GET", "WorkOrders(1000)")[1]["DueDate"] == "2026-02-03"
    assert send(box, "POST", "WorkOrders", created)[0] == 409
    status, body = send(box, "PATCH", "WorkOrders(7)", {"Title": "seven", "ActualCost": None})
    assert (status, body["Title"], body["ActualCost"]) == (200, "seven", None)
    assert send(box, "PATCH", "WorkOrders(7)", {"Title": "7"}, Prefer="return=minimal") == (204, None)
    assert send(box, "PUT", "WorkOrders(2000)", {"Title": "new"}, If_Match="*")[0] == 404
    assert send(box, "PUT", "WorkOrders(2000)", {"Title": "new"})[0] == 201
    assert send(box, "PUT", "WorkOrders(2000)", {"Title": "new"}, If_None_Match="*")[0] == 409
    assert send(box, "DELETE", "WorkOrders(7)") == (204, None)
    assert send(box, "GET", "WorkOrders(7)")[0] == send(box, "DELETE", "WorkOrders(7)")[0] == 404
    assert send(box, "POST", "WorkOrders", {"ID": 7})[0] == 201


def test_what_is_written_is_in_the_listings(box: Sandbox, plant: sg.Connection) -> None:
    assert ids(plant) == list(range(1, 51))
    box_ids = [{"ID": 60}, {"ID": 70, "Title": "seventy", "Location": {"Site": "Linz", "Floor": 3}}]
    result = plant.write("WorkOrders", box_ids)
    assert (result.ok, result.failed) == (2, 0), result.errors[:1]
    assert plant.write("WorkOrders", [{"ID": 3}, {"ID": 70}], op="delete").ok == 2
    assert ids(plant, page_size=7) == [1, 2, *range(4, 51), 60]
    assert ids(plant, where=[("Title", "=", "seventy")]) == []
    plant.write("WorkOrders", [{"ID": 5, "Title": "five", "EstimatedCost": Decimal("12.5")}], op="update")
    (five,) = plant.read("WorkOrders", where=[("Title", "=", "five")]).to_pylist()
    assert (five["ID"], five["EstimatedCost"]) == (5, Decimal("12.50"))
    after = five["ChangedAt"]
    assert [record["ID"] for record in plant.read("WorkOrders", modified_after=after).to_pylist()] == [5]
    assert ids(plant, order=[("Title", "desc")]) != []


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ({"ID": "x"}, "ID"),
        ({"ID": 1, "Title": 7}, "Title"),
        ({"ID": 1, "Title": "x" * 121}, "Title"),
        ({"ID": 1, "Title": None}, "Title: Provide the missing value."),
        ({"ID": 1, "EstimatedCost": 1.234}, "EstimatedCost"),
        ({"ID": 1, "DueDate": "2026-02-30"}, "DueDate"),
        ({"ID": 1, "ChangedAt": "2026-01-01T00:00:00"}, "ChangedAt"),
        ({"ID": 1, "SafetyCritical": 1}, "SafetyCritical"),
        ({"ID": 1, "Priority": 1 << 31}, "Priority"),
        ({"ID": 1, "Tags": "a"}, "Tags"),
        ({"ID": 1, "Location": {"Town": "Linz"}}, "Location"),
        ({"ID": 1, "Nonsense": 1}, "Nonsense"),
        ({"Title": "no key"}, "ID: Provide the missing value."),
        ([], "one JSON object"),
    ],
)
def test_what_does_not_fit_changes_nothing(box: Sandbox, record: object, says: str) -> None:
    status, message = send(box, "POST", "WorkOrders", record)
    assert status == 400
    assert says in message
    assert send(box, "GET", "WorkOrders/$count")[1] == 50


def test_an_atomicity_group_is_done_whole_or_not_at_all(plant: sg.Connection) -> None:
    records = [{"ID": 100}, {"ID": 101, "Title": 5}, {"ID": 102}]
    result = plant.write("WorkOrders", records, atomic=True)
    assert (result.ok, result.failed) == (0, 3)
    assert "Title" in result.errors[1].message
    assert len(ids(plant)) == 50
    assert plant.write("WorkOrders", [{"ID": 100}, {"ID": 101}], atomic=True).ok == 2


def test_a_reply_that_is_lost_leaves_its_records_written(box: Sandbox, plant: sg.Connection) -> None:
    plant.entities()
    box.set_faults(Fault("cut", fraction=0.0, times=1))
    records = [{"ID": 1_000 + i} for i in range(30)]
    result = plant.write("WorkOrders", records, op="create", batch_size=10)
    assert (result.ok, result.failed, result.unknown) == (30, 0, 0)
    assert len(ids(plant)) == 80
    box.set_faults(Fault("error", status=503, times=1))
    assert send(box, "POST", "WorkOrders", {"ID": 5_000})[0] == 503
    assert send(box, "GET", "WorkOrders(5000)")[0] == 404


def test_keys_of_several_fields_and_of_text(box: Sandbox, plant: sg.Connection) -> None:
    lines = [{"OrderNo": 4_500_000_001, "Line": 9, "Quantity": 3}, {"OrderNo": 77, "Line": 1}]
    assert plant.write("PurchaseOrders", lines).ok == 2
    found = {(row["OrderNo"], row["Line"]): row["Quantity"] for row in plant.read("PurchaseOrders").to_pylist()}
    assert found[4_500_000_001, 9] == 3
    assert (77, 1) in found
    assert plant.write("Parts", [{"PartNo": "O'Neil/7", "Description": None}]).ok == 1
    assert plant.write("Parts", [{"PartNo": "O'Neil/7"}], op="delete").ok == 1
    assert box.count("Parts") == len(plant.read("Parts").to_pylist())
