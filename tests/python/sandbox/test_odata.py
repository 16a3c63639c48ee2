"""OData of the sandbox against its truth: paging, options, $filter by brute force, keys, errors, metadata."""

from __future__ import annotations

import itertools
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
from asking import Client, same

from switchgear.sandbox import Sandbox

ENTITIES = ("WorkOrders", "Assets", "Parts", "Vendors", "PurchaseOrders")
EDM = "{http://docs.oasis-open.org/odata/ns/edm}"


@pytest.mark.parametrize(
    ("entity", "size"), [*itertools.product(ENTITIES, [None, 7, 100, 5000]), ("Vendors", 1), ("Assets", 1)]
)
def test_every_record_arrives_once_and_whole(box: Sandbox, client: Client, entity: str, size: int | None) -> None:
    headers = {} if size is None else {"Prefer": f"odata.maxpagesize={size}"}
    pages = list(client.odata_pages(entity, **headers))
    assert all(len(page["value"]) == (size or 100) for page in pages[:-1])
    assert 1 <= len(pages[-1]["value"]) <= (size or 100)
    same([record for page in pages for record in page["value"]], list(box.truth(entity)))


def test_a_page_says_which_size_it_has(client: Client) -> None:
    assert client.ask("Parts", Prefer="odata.maxpagesize=7").headers["preference-applied"] == "odata.maxpagesize=7"
    assert client.ask("Parts", Prefer='respond-async, maxpagesize="9"').json["value"][9:] == []
    clamped = client.ask("Parts", Prefer="odata.maxpagesize=99999999").headers["preference-applied"]
    assert clamped == "odata.maxpagesize=10000"
    assert "preference-applied" not in client.ask("Parts").headers


def test_links_are_relative_or_absolute(client: Client) -> None:
    assert client.ask("WorkOrders").json["@odata.nextLink"].startswith("WorkOrders?")
    with Sandbox(records=300, page_size=100, absolute_links=True) as other, Client(other) as asking:
        assert asking.ask("WorkOrders").json["@odata.nextLink"].startswith(f"{other.odata_url}/WorkOrders?")
        same(asking.odata_records("WorkOrders"), list(other.truth("WorkOrders")))
    with (
        Sandbox(records=300, page_size=100, absolute_links=True, public_url="https://edge:8443") as other,
        Client(other) as asking,
    ):
        link = asking.ask("WorkOrders").json["@odata.nextLink"]
        assert link.startswith("https://edge:8443/odata/v4/maintenance/WorkOrders?")


@pytest.mark.parametrize(
    ("top", "skip"), [(0, 0), (1, 0), (100, 0), (101, 0), (250, 33), (9999, 0), (50, 2490), (5, 2500)]
)
def test_top_and_skip_bound_the_whole_listing(box: Sandbox, client: Client, top: int, skip: int) -> None:
    pages = list(client.odata_pages(f"WorkOrders?$top={top}&$skip={skip}&$count=true"))
    same([r for page in pages for r in page["value"]], list(box.truth("WorkOrders"))[skip : skip + top])
    assert {page["@odata.count"] for page in pages} == {2500}


def test_select_names_fields(box: Sandbox, client: Client) -> None:
    sent = client.odata_records("WorkOrders?$select=Title,ID,Location")
    same(sent, [{n: r[n] for n in ("ID", "Title", "Location")} for r in box.truth("WorkOrders")])


Test = Callable[[dict[str, Any]], bool]
MOMENT = datetime(2026, 2, 10, 12, tzinfo=timezone.utc)
FILTERS: list[tuple[str, str, Test]] = [
    ("WorkOrders", "ID eq 17", lambda r: r["ID"] == 17),
    ("WorkOrders", "17 gt ID", lambda r: r["ID"] < 17),
    ("WorkOrders", "Priority ne 3", lambda r: r["Priority"] != 3),
    ("WorkOrders", "Status eq 'OPEN' and Priority le 2", lambda r: r["Status"] == "OPEN" and r["Priority"] <= 2),
    ("WorkOrders", "Status gt 'OPEN'", lambda r: r["Status"] > "OPEN"),
    ("WorkOrders", "EstimatedCost ge 50000.25", lambda r: r["EstimatedCost"] >= Decimal("50000.25")),
    ("WorkOrders", "ActualCost lt 100.0001",
     lambda r: r["ActualCost"] is not None and r["ActualCost"] < Decimal("100.0001")),
    ("WorkOrders", "ActualCost eq null", lambda r: r["ActualCost"] is None),
    ("WorkOrders", "ActualCost ne null and not (ActualCost gt 900)",
     lambda r: r["ActualCost"] is not None and r["ActualCost"] <= 900),
    ("WorkOrders", "DowntimeHours gt 60.5", lambda r: r["DowntimeHours"] > 60.5),
    ("WorkOrders", "SafetyCritical eq true", lambda r: r["SafetyCritical"]),
    ("WorkOrders", "DueDate ge 2026-12-01", lambda r: r["DueDate"] is not None and r["DueDate"] >= date(2026, 12, 1)),
    ("WorkOrders", "ChangedAt gt 2026-02-10T12:00:00Z", lambda r: r["ChangedAt"] > MOMENT),
    ("WorkOrders", "ChangedAt le 2026-02-10T17:30:00+05:30", lambda r: r["ChangedAt"] <= MOMENT),
    ("WorkOrders", "Location/Site eq 'São Paulo' or Location/Building eq null",
     lambda r: r["Location"]["Site"] == "São Paulo" or r["Location"]["Building"] is None),
    ("WorkOrders", "contains(Title,'boiler''s') or startswith(Title,'点検')",
     lambda r: "boiler's" in r["Title"] or r["Title"].startswith("点検")),
    ("WorkOrders", "Priority in (1, 5) and (ID lt 100 or ID ge 2400)",
     lambda r: r["Priority"] in (1, 5) and (r["ID"] < 100 or r["ID"] >= 2400)),
    ("Assets", "AssetID eq 9007199254740993", lambda r: r["AssetID"] == 9007199254740993),
    ("Assets", "AssetID gt 9007199254740995", lambda r: r["AssetID"] > 9007199254740995),
    ("PurchaseOrders", "Amount gt 1000000000000.0001", lambda r: r["Amount"] > Decimal("1000000000000.0001")),
    ("PurchaseOrders", "DeliveredAt eq ChangedAt", lambda r: r["DeliveredAt"] == r["ChangedAt"]),
    ("Parts", "WeightKg lt 10 or WeightKg eq null", lambda r: r["WeightKg"] is None or r["WeightKg"] < 10),
]  # fmt: skip


@pytest.mark.parametrize(("entity", "text", "test"), FILTERS, ids=[f[1] for f in FILTERS])
def test_filters_agree_with_brute_force(box: Sandbox, client: Client, entity: str, text: str, test: Test) -> None:
    expected = [record for record in box.truth(entity) if test(record)]
    assert 0 < len(expected) < box.count(entity)
    pages = list(client.odata_pages(f"{entity}?$filter={quote(text)}&$count=true", Prefer="odata.maxpagesize=37"))
    same([record for page in pages for record in page["value"]], expected)
    assert pages[0]["@odata.count"] == len(expected)
    assert int(client.ask(f"{entity}/$count?$filter={quote(text)}").body) == len(expected)


def test_orderby_is_total_and_nulls_come_first(box: Sandbox, client: Client) -> None:
    sent = client.odata_records("WorkOrders?$orderby=DueDate,ChangedAt%20desc")
    expected = sorted(box.truth("WorkOrders"), key=lambda r: r["ChangedAt"], reverse=True)
    same(sent, sorted(expected, key=lambda r: r["DueDate"] or date.min))


def test_a_keyset_walks_through_ties(box: Sandbox, client: Client) -> None:
    """How an incremental sync reads: by ChangedAt, then key, always after the last pair seen."""
    seen: list[Any] = []
    where = ""
    while True:
        page = client.ask(f"WorkOrders?$orderby=ChangedAt,ID&$top=90{where}").json["value"]
        if not page:
            break
        seen += page
        at, key = quote(page[-1]["ChangedAt"]), page[-1]["ID"]
        where = f"&$filter=ChangedAt%20gt%20{at}%20or%20(ChangedAt%20eq%20{at}%20and%20ID%20gt%20{key})"
    assert sorted(r["ID"] for r in seen) == list(range(1, 2501))


@pytest.mark.parametrize("entity", ENTITIES)
def test_single_entities_by_key(box: Sandbox, client: Client, entity: str) -> None:
    keys = {
        "WorkOrders": ("ID",),
        "Assets": ("AssetID",),
        "Parts": ("PartNo",),
        "Vendors": ("VendorID",),
        "PurchaseOrders": ("OrderNo", "Line"),
    }[entity]
    for record in list(box.truth(entity))[:: max(1, box.count(entity) // 60)]:
        texts = {k: "'" + v.replace("'", "''") + "'" if isinstance(v := record[k], str) else str(v) for k in keys}
        named = ",".join(f"{k}={quote(t, safe='')}" for k, t in texts.items())
        got = client.ask(f"{entity}({named})").json
        assert got.pop("@odata.context") == f"$metadata#{entity}/$entity"
        same([got], [record])
        if len(keys) == 1:
            assert client.ask(f"{entity}({quote(texts[keys[0]], safe='')})?$select={keys[0]}").status == 200


@pytest.mark.parametrize(
    ("target", "status", "words"),
    [
        ("Workorders", 404, "No entity set 'Workorders'; this service has WorkOrders"),
        ("WorkOrders(99999)", 404, "no entity with the key"),
        ("WorkOrders(1)/Title", 404, "No resource"),
        ("WorkOrders?$filter=Titel%20eq%20'x'", 400, "no property 'Titel'"),
        ("WorkOrders?$filter=Title%20eq%205", 400, "cannot compare Title"),
        ("WorkOrders?$filter=ChangedAt%20gt%202026-01-01", 400, "cannot compare ChangedAt"),
        ("WorkOrders?$filter=Title%20eq%20'x", 400, "position"),
        ("WorkOrders?$filter=", 400, "ends too early"),
        ("WorkOrders?$filter=Title%20like%20'x'", 400, "expected one of"),
        ("WorkOrders?$filter=DueDate%20eq%202026-02-31", 400, "not a valid date"),
        ("WorkOrders?$filter=Location%20eq%20null", 400, "cannot be compared"),
        ("WorkOrders?$filter=" + "(" * 4000, 400, "nested deeper"),
        ("WorkOrders?$orderby=ID%20up", 400, "asc or desc"),
        ("WorkOrders?$select=Nope", 400, "no property 'Nope'"),
        ("WorkOrders?$top=-1", 400, "$top is '-1'"),
        ("WorkOrders?$count=1", 400, "$count"),
        ("WorkOrders?$skiptoken=2/2", 400, "not one that this service gave out"),
        ("WorkOrders?$fitler=x", 400, "unknown system query option '$fitler'"),
        ("WorkOrders?$expand=Assets", 501, "$expand"),
        ("WorkOrders(ID=1,ID=1)", 400, "cannot read the key"),
    ],
)
def test_refusals_say_what_is_wrong(client: Client, target: str, status: int, words: str) -> None:
    got = client.ask(target)
    assert got.status == status
    assert set(got.json["error"]) == {"code", "message"}
    assert words in got.json["error"]["message"]
    assert got.headers["odata-version"] == "4.0"


def test_a_set_is_not_deleted(client: Client) -> None:
    got = client.ask("WorkOrders", "DELETE")
    assert (got.status, got.headers["allow"]) == (405, "GET, HEAD, POST")


def test_service_document_lists_the_sets(client: Client) -> None:
    assert [(e["name"], e["kind"], e["url"]) for e in client.ask("/odata/v4/maintenance/").json["value"]] == [
        (name, "EntitySet", name) for name in ENTITIES
    ]


def test_metadata_describes_what_is_sent(box: Sandbox, client: Client) -> None:
    got = client.ask("$metadata")
    assert got.headers["content-type"] == "application/xml"
    schema = ET.fromstring(got.body).find(f".//{EDM}Schema")  # noqa: S314 (our own server's)
    assert schema is not None
    types = {t.get("Name"): t for t in [*schema.iter(f"{EDM}EntityType"), *schema.iter(f"{EDM}ComplexType")]}
    sets = {s.get("Name"): s.get("EntityType") for s in schema.iter(f"{EDM}EntitySet")}
    assert tuple(sets) == ENTITIES
    for entity, type_name in sets.items():
        assert entity is not None
        assert type_name is not None
        described = {p.get("Name"): p for p in types[type_name.removeprefix("Maintenance.")].iter(f"{EDM}Property")}
        records = list(box.truth(entity))
        assert list(described) == list(records[0])
        for name, shown in described.items():
            assert name is not None
            nulls = any(record[name] is None for record in records)
            assert nulls <= (shown.get("Nullable", "true") == "true"), f"{entity}.{name} is null in places"
            values = [record[name] for record in records if record[name] is not None]
            assert all(fits(value, shown.get("Type"), shown.attrib, set(types)) for value in values), f"{entity}.{name}"
    keys = [k.get("Name") for k in types["PurchaseOrder"].iter(f"{EDM}PropertyRef")]
    assert keys == ["OrderNo", "Line"]


def fits(value: Any, edm: str | None, facets: dict[str, str], complex_types: set[str | None]) -> bool:
    if isinstance(value, list):
        assert edm is not None
        inner = edm.removeprefix("Collection(").removesuffix(")")
        return edm.startswith("Collection(") and all(fits(item, inner, facets, complex_types) for item in value)
    if isinstance(value, dict):
        return edm is not None and edm.removeprefix("Maintenance.") in complex_types
    if isinstance(value, Decimal):
        digits = value.as_tuple()
        assert isinstance(digits.exponent, int)
        whole = len(digits.digits) + digits.exponent
        precision, scale = int(facets["Precision"]), int(facets["Scale"])
        return edm == "Edm.Decimal" and -digits.exponent == scale and whole <= precision - scale
    if isinstance(value, bool):
        return edm == "Edm.Boolean"
    if isinstance(value, int):
        bits = {"Edm.Int16": 15, "Edm.Int32": 31, "Edm.Int64": 63}[str(edm)]
        return -(1 << bits) <= value < 1 << bits
    if isinstance(value, str):
        return edm == "Edm.String" and len(value) <= int(facets["MaxLength"])
    names = {float: "Edm.Double", datetime: "Edm.DateTimeOffset", date: "Edm.Date"}
    return names[type(value)] == edm
