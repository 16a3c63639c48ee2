"""Records over HTTP: read page by page without losing a digit, and written with an outcome for each."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest

import switchgear as sg
from support.serving import Serving
from switchgear.sandbox import Sandbox

RECORDS = "/connections/plant/entities/WorkOrders/records"


def all_pages(server: Serving, query: str) -> list[list[dict[str, Any]]]:
    pages, cursor = [], ""
    while True:
        answer = server("GET", f"{RECORDS}?{query}{cursor}")
        assert answer.status == 200, answer.body
        pages.append(answer.json["records"])
        if answer.json["next_cursor"] is None:
            return pages
        query, cursor = "", f"cursor={quote(answer.json['next_cursor'])}"


def test_entities_with_their_columns_keys_and_what_can_be_written(server: Serving) -> None:
    found = server("GET", "/connections/plant/entities").json["entities"]
    orders = next(each for each in found if each["name"] == "WorkOrders")
    assert orders["key"] == ["ID"]
    assert orders["writable"]
    assert "upsert" in orders["ops"]
    cost = next(field for field in orders["fields"] if field["name"] == "EstimatedCost")
    assert cost["type"] == "decimal"
    assert server("GET", "/connections/plant/entities?refresh=true").json["entities"] == found


def test_pages_are_what_python_reads_and_the_cursor_knows_what_was_asked(server: Serving, box: Sandbox) -> None:
    pages = all_pages(server, "page_size=100&columns=ID,AssetID,EstimatedCost,ChangedAt")
    assert [len(page) for page in pages] == [100] * 6
    got = [record for page in pages for record in page]
    plant = sg.connect("odata", url=box.odata_url)
    expected = plant.read("WorkOrders", columns=["ID", "AssetID", "EstimatedCost", "ChangedAt"]).to_pylist()
    assert [record["ID"] for record in got] == [record["ID"] for record in expected]
    assert [record["AssetID"] for record in got] == [record["AssetID"] for record in expected]
    assert max(record["AssetID"] for record in got) > 1 << 53
    assert [record["EstimatedCost"] for record in got] == [format(record["EstimatedCost"], "f") for record in expected]
    assert {tuple(record) for record in got} == {("ID", "AssetID", "EstimatedCost", "ChangedAt", "_rescued")}


def test_only_what_changed_since(server: Serving) -> None:
    every = sorted(record["ChangedAt"] for page in all_pages(server, "columns=ChangedAt") for record in page)
    since = every[len(every) // 2]
    changed = [r["ChangedAt"] for page in all_pages(server, f"columns=ChangedAt&modified_after={since}") for r in page]
    assert sorted(changed) == every[len(every) // 2 :]
    assert server("GET", f"{RECORDS}?modified_after=2099-01-01").json == {"records": [], "next_cursor": None}


@pytest.mark.parametrize(
    ("query", "status", "code", "said"),
    [
        ("page_size=0", 400, "bad_request.value", "at least 1"),
        ("page_size=many", 400, "bad_request.type", "page_size"),
        ("page_size=5&page_size=6", 400, "bad_request.value", "twice"),
        ("page_sze=5", 400, "bad_request.unknown", "did you mean 'page_size'?"),
        ("modified_after=yesterday", 400, "bad_request.value", "2026-01-31"),
        ("modified_after=2026-01-01T00:00:00", 400, "bad_request.value", "time zone"),
        ("columns=", 400, "bad_request.value", "columns[0]"),
        ("columns=Nope", 422, "config.column", "Nope"),
        ("cursor=abc", 400, "bad_request.cursor", "begin anew"),
        ("cursor=%F0%9F%92%A9", 400, "bad_request.cursor", "begin anew"),
    ],
)
def test_questions_that_can_not_be_meant(server: Serving, query: str, status: int, code: str, said: str) -> None:
    answer = server("GET", f"{RECORDS}?{query}")
    assert (answer.status, answer.error["code"]) == (status, code)
    assert said in answer.error["message"] + answer.error["hint"]


def test_a_cursor_is_for_its_listing_and_can_not_be_made_elsewhere(server: Serving) -> None:
    cursor = server("GET", f"{RECORDS}?page_size=100&columns=ID").json["next_cursor"]
    other = server("GET", f"/connections/plant/entities/Assets/records?cursor={cursor}")
    assert (other.status, other.error["code"]) == (400, "bad_request.cursor")
    other = server("GET", f"/connections/other/entities/WorkOrders/records?cursor={cursor}")
    assert (other.status, other.error["code"]) == (400, "bad_request.cursor")
    changed = server("GET", f"{RECORDS}?cursor={cursor}&columns=Status")
    assert (changed.status, changed.error["code"]) == (400, "bad_request.cursor")
    assert server("GET", f"{RECORDS}?cursor={cursor}&columns=ID&page_size=100").status == 200
    # a place of the client's own would send the server to any address
    whole = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    place = json.loads(whole[16:])
    place["token"] = place["token"].replace("WorkOrders?", "http://169.254.169.254/?")
    forged = base64.urlsafe_b64encode(bytes(whole[:16]) + json.dumps(place).encode()).decode()
    assert server("GET", f"{RECORDS}?cursor={forged}").error["code"] == "bad_request.cursor"


def test_an_unknown_entity_is_suggested_the_nearest(server: Serving) -> None:
    answer = server("GET", "/connections/plant/entities/WorkOrdres/records")
    assert (answer.status, answer.error["code"]) == (404, "not_found.entity")
    assert "did you mean 'WorkOrders'?" in answer.error["message"]


# -- writing


def test_each_record_has_an_outcome(server: Serving) -> None:
    records = [{"ID": 1, "Title": "a"}, {"ID": 2, "Nope": 1}, {"Title": "no key"}, {"ID": 4, "Title": "d"}]
    answer = server("POST", RECORDS, {"op": "update", "records": records, "batch_size": 2})
    assert answer.status == 200
    assert [each["state"] for each in answer.json["outcomes"]] == ["ok", "failed", "failed", "ok"]
    assert [each["index"] for each in answer.json["outcomes"]] == [0, 1, 2, 3]
    assert answer.json["outcomes"][1]["code"] == "data.field"
    assert (answer.json["ok"], answer.json["failed"], answer.json["unknown"], answer.json["skipped"]) == (2, 2, 0, 0)
    by_id = {r["ID"]: r["Title"] for page in all_pages(server, "columns=ID,Title") for r in page}
    assert (by_id[1], by_id[4]) == ("a", "d")


def test_no_digit_of_a_number_is_lost_on_the_way_to_the_source(server: Serving) -> None:
    body = b'{"op":"update","records":[{"ID":7,"ActualCost":12345678901234.5678,"AssetID":9007199254740993}]}'
    assert server("POST", RECORDS, body).json["ok"] == 1
    (record,) = [r for page in all_pages(server, "columns=ID,ActualCost,AssetID") for r in page if r["ID"] == 7]
    assert (record["ActualCost"], record["AssetID"]) == ("12345678901234.5678", 9007199254740993)


def test_a_source_that_is_away_fails_the_records_and_not_the_request(server: Serving) -> None:
    answer = server("POST", "/connections/away/entities/WorkOrders/records", {"records": [{"ID": 1}]})
    assert (answer.status, answer.error["code"]) == (502, "offline.connect")  # nothing can be known of the entity


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "has no 'records'"),
        ({"records": {}}, "the body.records must be an array"),
        ({"records": [1]}, "the body.records[0] must be an object"),
        ({"records": [], "op": "replace"}, "one of create, update, upsert, delete"),
        ({"records": [], "bach_size": 1}, "did you mean 'batch_size'?"),
        ({"records": [], "batch_size": 0}, "at least 1"),
        ({"records": [], "delay": -1}, "at least 0"),
        ({"records": [], "delay": "1"}, "must be a number"),
    ],
)
def test_bodies_that_can_not_be_meant(server: Serving, body: Any, said: str) -> None:
    answer = server("POST", RECORDS, body)
    assert answer.status == 400
    assert said in answer.error["message"] + answer.error["hint"]


def test_a_key_makes_a_request_sent_twice_be_done_once(server: Serving, box: Sandbox) -> None:
    before = len(all_pages(server, "columns=ID")[0])
    assert before
    body = {"op": "update", "records": [{"ID": 11, "Title": "once"}]}
    first = server("POST", RECORDS, body, Idempotency_Key="order-11")
    assert server("POST", RECORDS, {"op": "update", "records": [{"ID": 11, "Title": "later"}]}).json["ok"] == 1
    again = server("POST", RECORDS, body, Idempotency_Key="order-11")
    assert (again.status, again.json) == (first.status, first.json)
    assert (first.headers["Idempotency-Replayed"], again.headers["Idempotency-Replayed"]) == (None, "true")
    (record,) = [r for page in all_pages(server, "columns=ID,Title") for r in page if r["ID"] == 11]
    assert record["Title"] == "later"

    other = server("POST", RECORDS, {"op": "update", "records": []}, Idempotency_Key="order-11")
    assert (other.status, other.error["code"]) == (422, "bad_request.idempotency_key")
    # what was refused is not kept: the mended request may have the same key
    assert server("POST", RECORDS, {"records": 1}, Idempotency_Key="order-12").status == 400
    wrong = server("POST", "/connections/plant/entities/Nope/records", body, Idempotency_Key="order-12")
    assert wrong.status == 404
    assert server("POST", RECORDS, body, Idempotency_Key="order-12").json["ok"] == 1
    assert server("POST", RECORDS, body, Idempotency_Key="x" * 256).status == 400
