"""Writing by a description: the sandbox's plain REST and json-server, compared with what they then hold."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import switchgear as sg
from servers.json_server import JsonServer
from support.losing_proxy import LosingProxy
from switchgear.sandbox import Sandbox

SINGLE = """
name = "plant"
[errors]
message = ["/error/message"]
code = ["/error/code"]
categories = { Conflict = "conflict" }
[[entities]]
name = "Vendors"
path = "/cursor/Vendors"
records = "/items"
key = ["VendorID"]
paging = { style = "none" }
[[entities.writes]]
op = "create"
method = "POST"
path = "/Vendors"
statuses = [200, 201]
key = "/VendorID"
IDEMPOTENT
[[entities.writes]]
op = "update"
method = "PATCH"
path = "/Vendors/{key}"
body = "changes"
[[entities.writes]]
op = "upsert"
method = "PUT"
path = "/Vendors/{VendorID}"
[[entities.writes]]
op = "delete"
method = "DELETE"
path = "/Vendors/{key}"
"""
IDEMPOTENT = SINGLE.replace("IDEMPOTENT", 'idempotency_header = "Idempotency-Key"')
SINGLE = SINGLE.replace("IDEMPOTENT", "")
BULK = """
name = "plant"
[errors]
message = ["/error/message"]
code = ["/error/code"]
categories = { TooLong = "bad_request" }
[[entities]]
name = "Vendors"
path = "/cursor/Vendors"
records = "/items"
key = ["VendorID"]
paging = { style = "none" }
[[entities.writes]]
op = "upsert"
method = "POST"
path = "/bulk/Vendors"
body = "records"
wrap = "/records"
most = 40
results = "/results"
status = "/status"
error = "/error"
"""
FIRST = 1_000_000


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(records=20) as sandbox:
        yield sandbox


def vendor(number: int, **fields: Any) -> dict[str, Any]:
    return {"VendorID": FIRST + number, "Name": f"Vendor {number} ä", "Rating": 4.5, "Preferred": True, **fields}


def stored(box: Sandbox) -> dict[int, dict[str, Any]]:
    plant = sg.connect("odata", url=box.odata_url)
    rows = plant.read("Vendors", where=[("VendorID", ">=", FIRST)]).to_pylist()
    found = {row["VendorID"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def counts(result: sg.WriteResult) -> tuple[int, int, int, int]:
    return result.ok, result.failed, result.unknown, result.skipped


def test_records_are_written_by_verb_path_and_body(box: Sandbox) -> None:
    plant = sg.connect("rest", url=box.rest_url, description=SINGLE)
    assert plant.entities()["Vendors"].ops == ("create", "update", "upsert", "delete")
    made = plant.write("Vendors", [vendor(i) for i in range(4)], op="create")
    assert counts(made) == (4, 0, 0, 0), made.errors
    twice = plant.write("Vendors", [vendor(0), vendor(4, Rating="high"), vendor(5)], op="create")
    assert counts(twice) == (1, 2, 0, 0)
    assert [outcome.category for outcome in twice.errors] == ["conflict", "bad_request"]
    assert "has an entity with this key already" in twice.errors[0].message
    assert "Rating" in twice.errors[1].message
    update = plant.write(
        "Vendors", [{"VendorID": FIRST, "Name": "new"}, {"VendorID": FIRST + 99, "Name": "x"}], op="update"
    )
    assert counts(update) == (1, 1, 0, 0)
    assert update.errors[0].category == "not_found"
    assert counts(plant.write("Vendors", [vendor(1, Name="put"), vendor(6)])) == (2, 0, 0, 0)
    assert counts(plant.write("Vendors", [{"VendorID": FIRST + 2}, {"VendorID": FIRST + 3}], op="delete")) == (
        2,
        0,
        0,
        0,
    )
    names = {number - FIRST: row["Name"] for number, row in stored(box).items()}
    assert names == {0: "new", 1: "put", 5: "Vendor 5 ä", 6: "Vendor 6 ä"}


def test_what_the_description_has_no_words_for_is_refused(box: Sandbox) -> None:
    bulk = sg.connect("rest", url=box.rest_url, description=BULK)
    with pytest.raises(sg.Unsupported, match="upsert"):
        bulk.write("Vendors", [vendor(1)], op="delete")
    refused = bulk.write("Vendors", [vendor(1)], atomic=True)
    assert counts(refused) == (0, 1, 0, 0)
    assert refused.errors[0].code == "unsupported.atomic"
    assert stored(box) == {}


def test_a_bulk_endpoint_tells_the_fate_of_each(box: Sandbox) -> None:
    plant = sg.connect("rest", url=box.rest_url, description=BULK)
    records = [vendor(i) for i in range(200)]
    records[7]["Rating"] = "high"
    records[133]["Name"] = "x" * 500
    result = plant.write("Vendors", records, batch_size=100)
    assert counts(result) == (198, 2, 0, 0)
    assert [(outcome.index, outcome.category) for outcome in result.errors] == [
        (7, "bad_request"),
        (133, "bad_request"),
    ]
    assert 'Rating: "high" is no' in result.errors[0].message
    rows = stored(box)
    assert sorted(rows) == [FIRST + i for i in range(200) if i not in (7, 133)]
    assert rows[FIRST + 5]["Name"] == "Vendor 5 ä"


@pytest.mark.parametrize("honoured", [True, False])
def test_creations_with_a_key_of_their_own_are_done_once(box: Sandbox, honoured: bool) -> None:
    """The source honours Idempotency-Key, so a lost reply is asked for again; else it stays unknown."""
    host, port = box.rest_url.removeprefix("http://").split("/")[0].split(":")
    with LosingProxy(host, int(port), lambda n: n % 5 == 2) as proxy:
        url = box.rest_url.replace(f"{host}:{port}", proxy.address)
        plant = sg.connect(
            "rest", url=url, description=IDEMPOTENT if honoured else SINGLE, retry=sg.Retry(base=0.001), breaker=None
        )
        result = plant.write("Vendors", [vendor(i) for i in range(40)], op="create")
        assert proxy.lost >= 8
    assert counts(result) == ((40, 0, 0, 0) if honoured else (32, 0, 8, 0)), result.errors[:2]
    assert sorted(stored(box)) == [FIRST + i for i in range(40)]


def test_the_key_is_a_text_of_a_structured_field(box: Sandbox) -> None:
    """The sandbox refuses any other, and a key that comes with another body."""

    def post(key: str, number: int) -> int:
        body = json.dumps(vendor(number)).encode()
        request = urllib.request.Request(f"{box.rest_url}/Vendors", body, {"Idempotency-Key": key}, method="POST")
        try:
            with urllib.request.urlopen(request) as reply:
                return int(reply.status)
        except urllib.error.HTTPError as error:
            return error.code

    assert [post("bare", 1), post('"a"', 1), post('"a"', 1), post('"a"', 2), post('"b"', 1)] == [
        400,
        201,
        201,
        422,
        409,
    ]


def left_out(row: dict[str, Any]) -> dict[str, Any]:
    """Without what is the source's own, and the empty column of what no other has."""
    return {name: value for name, value in row.items() if name not in ("ChangedAt", "_rescued")}


def test_the_shipped_description_of_the_sandbox_writes_every_entity(box: Sandbox) -> None:
    """A record of each is read, created with another key, changed, put and deleted."""
    plant = sg.connect("rest", url=box.rest_url, description="sandbox")
    plain = sg.connect("odata", url=box.odata_url)
    for entity in plant.entities():
        record = left_out(plain.read(entity.name, limit=1).to_pylist()[0])
        for name in entity.key:
            record[name] = f"X{record[name]}"[:30] if isinstance(record[name], str) else FIRST + record[name]
        key = {name: record[name] for name in entity.key}
        where = [(name, "=", value) for name, value in key.items()]
        for op, given, there in (
            ("create", {**record, "_rescued": None}, [record]),
            ("update", key, [record]),
            ("upsert", record, [record]),
            ("delete", key, []),
        ):
            result = plant.write(entity.name, [given], op=op)
            assert counts(result) == (1, 0, 0, 0), result.errors
            assert [left_out(row) for row in plain.read(entity.name, where=where).to_pylist()] == there


def test_json_server_is_written(tmp_path: Path) -> None:
    description = """
name = "json-server"
[[entities]]
name = "assets"
path = "/assets"
key = ["id"]
paging = { style = "none" }
[[entities.writes]]
op = "create"
method = "POST"
path = "/assets"
key = "/id"
[[entities.writes]]
op = "update"
method = "PATCH"
path = "/assets/{id}"
[[entities.writes]]
op = "delete"
method = "DELETE"
path = "/assets/{id}"
"""
    with JsonServer(tmp_path / "json-server") as server:
        plant = sg.connect("rest", url=server.origin, description=description)
        made = [{"id": 9000 + i, "code": f"X{i}", "name": "ä"} for i in range(5)]
        assert counts(plant.write("assets", made, op="create")) == (5, 0, 0, 0)
        again = plant.write("assets", made[:2], op="create")
        assert counts(again) == (0, 0, 2, 0), "a duplicate is 500 there, and after a 500 nobody knows"
        assert {outcome.category for outcome in again.errors} == {"server"}
        changed = plant.write(
            "assets", [{"id": 9001, "name": "new"}, {"id": 1, "name": "one"}, {"id": 99_999}], op="update"
        )
        assert counts(changed) == (2, 1, 0, 0)
        assert changed.errors[0].category == "not_found"
        assert counts(plant.write("assets", [{"id": 9004}], op="delete")) == (1, 0, 0, 0)
        rows = {row["id"]: row for row in plant.read("assets").to_pylist()}
    assert sorted(rows)[-4:] == [9000, 9001, 9002, 9003]
    assert (rows[9001]["name"], rows[9001]["code"], rows[1]["name"]) == ("new", "X1", "one")
