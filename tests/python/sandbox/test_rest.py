"""The REST paging styles of the sandbox: each reads the same records, whole and once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

import pytest
import test_rest_odd
from asking import Client, same

from switchgear.sandbox import STYLES, Sandbox

Read = Callable[[Client, str, int], list[Any]]


def ok(client: Client, target: str, **more: str) -> Any:
    got = client.ask(target, **more)
    assert got.status == 200, got.body
    return got


def cursor_in_body(client: Client, entity: str, limit: int) -> list[Any]:
    records: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = ok(
            client, f"/rest/cursor/{entity}?limit={limit}" + (cursor and f"&cursor={quote(cursor, safe='')}")
        ).json
        records += page["data"]
        assert page["total"] == client.box.count(entity)
        cursor = page["next_cursor"]
    return records


def cursor_in_header(client: Client, entity: str, limit: int) -> list[Any]:
    records: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        got = ok(client, f"/rest/header/{entity}?limit={limit}" + (cursor and f"&cursor={quote(cursor, safe='')}"))
        records += got.json["data"]
        cursor = got.headers.get("x-next-cursor")
    return records


def cursor_by_post(client: Client, entity: str, limit: int) -> list[Any]:
    records: list[Any] = []
    cursor: str | None = None
    while True:
        body = json.dumps({"cursor": cursor, "limit": limit})
        page = ok(client, f"/rest/post/{entity}", method="POST", body=body).json
        records += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            return records


def next_url(client: Client, entity: str, limit: int) -> list[Any]:
    records: list[Any] = []
    target: str | None = f"/rest/next_url/{entity}?limit={limit}"
    while target is not None:
        page = ok(client, target).json
        records += page["results"]
        target = page["next"]
    return records


def link_header(client: Client, entity: str, limit: int) -> list[Any]:
    records: list[Any] = []
    target: str | None = f"/rest/link/{entity}?limit={limit}"
    while target is not None:
        got = ok(client, target)
        records += got.json
        assert int(got.headers["x-total-count"]) == client.box.count(entity)
        links = re.findall(r'<([^>]*)>((?:;\s*\w+="(?:[^"\\]|\\.)*")*)', got.headers["link"])
        by_rel = {re.search(r'rel="(\w+)"', rest)[1]: url for url, rest in links}  # type: ignore[index]
        assert "first" in by_rel
        target = by_rel.get("next")
    return records


def page_number(style: str, first: int) -> Read:
    def read(client: Client, entity: str, limit: int) -> list[Any]:
        records: list[Any] = []
        number: int | None = first
        while number is not None:
            page = ok(client, f"/rest/{style}/{entity}?limit={limit}&page={number}").json
            assert page["page"] == number
            records += page["items"]
            number = page["next_page"]
        return records

    return read


def offset_limit(client: Client, entity: str, limit: int) -> list[Any]:
    records: list[Any] = []
    while True:
        page = ok(client, f"/rest/offset/{entity}?limit={limit}&offset={len(records)}").json
        records += page["items"]
        if not page["has_more"]:
            assert len(records) == page["total"]
            return records


def keyset(client: Client, entity: str, limit: int) -> list[Any]:
    keys = {"WorkOrders": ["ID"], "Parts": ["PartNo"], "PurchaseOrders": ["OrderNo", "Line"]}[entity]
    records: list[Any] = []
    after = ""
    while True:
        page = ok(client, f"/rest/keyset/{entity}?limit={limit}{after}").json
        records += page["items"]
        if not page["has_more"]:
            return records
        after = "&after=" + quote(",".join(str(records[-1][key]) for key in keys), safe="")


def everything(client: Client, entity: str, _: int) -> list[Any]:
    items: list[Any] = ok(client, f"/rest/all/{entity}").json["items"]
    return items


READERS: dict[str, Read] = {
    "cursor": cursor_in_body,
    "header": cursor_in_header,
    "post": cursor_by_post,
    "next_url": next_url,
    "link": link_header,
    "page": page_number("page", 1),
    "page0": page_number("page0", 0),
    "offset": offset_limit,
    "keyset": keyset,
    "all": everything,
}


def test_every_style_is_tested() -> None:
    assert {*READERS, "window", *test_rest_odd.READERS} == set(STYLES)


@pytest.mark.parametrize("style", READERS)
@pytest.mark.parametrize(("entity", "limit"), [("WorkOrders", 100), ("WorkOrders", 333), ("Parts", 1), ("Parts", 250)])
def test_every_record_arrives_once_and_whole(box: Sandbox, client: Client, style: str, entity: str, limit: int) -> None:
    same(READERS[style](client, entity, limit), list(box.truth(entity)))


def test_a_key_of_two_fields_pages_too(box: Sandbox, client: Client) -> None:
    same(keyset(client, "PurchaseOrders", 7), list(box.truth("PurchaseOrders")))


def test_windows_of_time_cover_everything(box: Sandbox, client: Client) -> None:
    start, end = datetime(2025, 12, 30, tzinfo=timezone.utc), datetime(2026, 4, 2, tzinfo=timezone.utc)
    seen: list[Any] = []
    while start < end:
        until = start + timedelta(days=7)
        named = f"from={quote(start.isoformat(), safe='')}&until={quote(until.isoformat(), safe='')}"
        page = ok(client, f"/rest/window/WorkOrders?limit=1000&{named}").json
        assert page["has_more"] is False
        seen += page["items"]
        start = until
    same(seen, sorted(box.truth("WorkOrders"), key=lambda r: r["ChangedAt"]))


def test_changed_since_narrows_every_style(box: Sandbox, client: Client) -> None:
    moment = datetime(2026, 3, 1, tzinfo=timezone.utc)
    expected = [r for r in box.truth("Vendors") if r["ChangedAt"] >= moment]
    assert expected
    for style in ("cursor", "page", "offset", "keyset", "window"):
        page = ok(client, f"/rest/{style}/Vendors?changed_since=2026-03-01T00:00:00Z").json
        records = next(v for v in page.values() if isinstance(v, list))
        assert sorted(r["VendorID"] for r in records) == [r["VendorID"] for r in expected], style


def test_parameters_choose_the_style(client: Client) -> None:
    for parameter, member in [
        ("", "next_cursor"),
        ("page=1", "next_page"),
        ("offset=0", "offset"),
        ("after=3", "has_more"),
    ]:
        assert member in ok(client, f"/rest/Vendors?limit=2&{parameter}").json


def test_single_records(box: Sandbox, client: Client) -> None:
    for record in box.truth("Parts"):
        got = ok(client, f"/rest/Parts/{quote(str(record['PartNo']), safe='')}").json
        same([got], [record])
    second = list(box.truth("PurchaseOrders"))[1]
    same([ok(client, "/rest/PurchaseOrders/4500000001,2").json], [second])


@pytest.mark.parametrize(
    ("target", "status", "words"),
    [
        ("/rest/Nope", 404, "No entity 'Nope'; there are WorkOrders"),
        ("/rest", 404, "No entity ''"),
        ("/rest/WorkOrders/77777", 404, "no record"),
        ("/rest/WorkOrders/1/2", 404, "no record"),
        ("/rest/WorkOrders/x", 400, "whole number"),
        ("/rest/WorkOrders?limit=0", 400, "limit is '0'"),
        ("/rest/WorkOrders?page=0", 400, "1 or more"),
        ("/rest/WorkOrders?offset=-1", 400, "offset"),
        ("/rest/WorkOrders?cursor=100/100+0=", 400, "percent-encoded"),
        ("/rest/keyset/PurchaseOrders?after=1", 400, "needs 2 values"),
        ("/rest/WorkOrders?from=yesterday", 400, "timestamp"),
        ("/rest/WorkOrders?from=2026-01-01T00:00:00+01:00", 400, "%2B"),
        ("/rest/post/WorkOrders", 405, "POST is for"),
        ("/nothing", 404, "see /"),
    ],
)
def test_refusals_say_what_is_wrong(client: Client, target: str, status: int, words: str) -> None:
    got = client.ask(target)
    assert got.status == status
    assert words in got.json["error"]["message"]
