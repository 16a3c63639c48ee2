"""The odd REST styles of the sandbox: each reads the same records, by the standard library alone."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

import pytest
from asking import Client, Got, same

from switchgear.sandbox import Sandbox

Read = Callable[[Client, str], list[Any]]


def pages(client: Client, style: str, entity: str, name: str, following: Callable[[Got], object]) -> Iterator[Got]:
    token: object = None
    while True:
        more = "" if token is None else f"&{name}={quote(str(token), safe='')}"
        got = client.ask(f"/rest/{style}/{entity}?limit=33{more}")
        assert got.status == 200, got.body
        yield got
        token = following(got)
        if token is None:
            return


def next_cursor(got: Got) -> str | None:
    return got.headers.get("x-next-cursor")


def nested(client: Client, entity: str) -> list[Any]:
    found = pages(client, "nested", entity, "cursor", lambda got: got.json["response"]["meta"]["next"])
    return [record for got in found for record in got.json["response"]["result"]["items"]]


def amp(client: Client, entity: str) -> list[Any]:
    found = list(pages(client, "amp", entity, "page_token", lambda got: got.json["next_page"]))
    assert found[0].json["next_page"].startswith("&=&")
    return [record for got in found for record in got.json["items"]]


def position(client: Client, entity: str) -> list[Any]:
    def following(got: Got) -> int | None:
        state = got.json["Result"]
        return state["CURRENTCURSORPOSITION"] + 1 if state["MORERECORDPRESENT"] == "+" else None

    found = list(pages(client, "position", entity, "position", following))
    assert found[-1].json["Result"]["MORERECORDPRESENT"] == "-"
    return [record for got in found for record in got.json["Result"]["DATARECORD"]]


def rows(client: Client, entity: str) -> list[Any]:
    records: list[Any] = []
    for _ in range(1000):
        page = client.ask(f"/rest/rows/{entity}?limit=33&offset={len(records)}").json
        records += [dict(zip(page["columns"], row, strict=True)) for row in page["rows"]]
        if not page["more"]:
            break
    return records


def ndjson(client: Client, entity: str) -> list[Any]:
    found = pages(client, "ndjson", entity, "cursor", next_cursor)
    return [json.loads(line, parse_float=Decimal) for got in found for line in got.body.splitlines()]


READERS: dict[str, Read | None] = {
    "nested": nested,
    "amp": amp,
    "position": position,
    "rows": rows,
    "ndjson": ndjson,
    "csv": None,
    "xml": None,
}


@pytest.mark.parametrize("style", [style for style, read in READERS.items() if read])
@pytest.mark.parametrize("entity", ["WorkOrders", "Parts"])
def test_every_record_arrives_once_and_whole(box: Sandbox, client: Client, style: str, entity: str) -> None:
    read = READERS[style]
    assert read is not None
    same(read(client, entity), list(box.truth(entity)))


def test_csv_is_that_of_rfc_4180(box: Sandbox, client: Client) -> None:
    records: list[dict[str, str]] = []
    for got in pages(client, "csv", "Parts", "cursor", next_cursor):
        records += csv.DictReader(io.StringIO(got.body.decode(), newline=""), strict=True)
    truth = list(box.truth("Parts"))
    assert [record["PartNo"] for record in records] == [record["PartNo"] for record in truth]
    assert [record["Description"] for record in records] == [record["Description"] or "" for record in truth]
    assert [Decimal(record["UnitPrice"]) for record in records] == [record["UnitPrice"] for record in truth]


def element(got: Got) -> ElementTree.Element:
    return ElementTree.fromstring(got.body)  # noqa: S314 - of our own sandbox


def test_xml_holds_every_value(box: Sandbox, client: Client) -> None:
    records: list[ElementTree.Element] = []
    for got in pages(client, "xml", "WorkOrders", "cursor", lambda got: element(got).findtext("Next")):
        records += element(got).iter("WorkOrders")
    truth = list(box.truth("WorkOrders"))
    assert [record.findtext("Title") for record in records] == [record["Title"] for record in truth]
    assert [record.findtext("AssetID") for record in records] == [str(record["AssetID"]) for record in truth]
    assert [[tag.text for tag in record.findall("Tags")] for record in records] == [r["Tags"] for r in truth]
    assert [record.findtext("Location/Site") for record in records] == [r["Location"]["Site"] for r in truth]


def test_children_are_those_of_one_parent(box: Sandbox, client: Client) -> None:
    asset = next(iter(box.truth("WorkOrders")))["AssetID"]
    wanted = [record["ID"] for record in box.truth("WorkOrders") if record["AssetID"] == asset]
    got = client.ask(f"/rest/all/Assets/{asset}/WorkOrders")
    assert [record["ID"] for record in got.json["items"]] == wanted
    assert client.ask("/rest/all/Assets/17/WorkOrders").status == 404
