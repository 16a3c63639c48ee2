"""The shipped descriptions, each against a server that refuses what the vendor's page does not document."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from typing import Any

import pytest

import switchgear as sg
from servers.strict_api import MaintainX, NetSuite, StrictApi, UpKeep
from support.plants import ENTITIES, without_rescued
from switchgear.sandbox import Sandbox


def maintainx(api: StrictApi, **options: Any) -> sg.Connection:
    return sg.connect("rest", description="maintainx", url=api.url, token="mx-key", **options)


def upkeep(api: StrictApi, **options: Any) -> sg.Connection:
    return sg.connect("rest", description="upkeep", url=api.url, token="r:session", **options)


def netsuite(api: StrictApi, **options: Any) -> sg.Connection:
    auth = sg.BearerAuth("ns-token")
    return sg.connect("rest", description="netsuite", url=api.url, auth=auth, variables={"account": "1"}, **options)


def test_the_sandbox(box: Sandbox) -> None:
    plant = sg.connect("rest", description="sandbox", url=box.rest_url)
    assert plant.check().online
    for entity in ENTITIES:
        assert without_rescued(plant.read(entity).to_pylist()) == list(box.truth(entity))


@pytest.mark.parametrize("page_size", [None, 1, 33, 100, 5000])
def test_maintainx(page_size: int | None) -> None:
    vendor = MaintainX(records=250)
    with StrictApi(vendor) as api:
        plant = maintainx(api)
        assert plant.check().online
        entities = plant.entities().names if page_size is None else ["workorders"]
        for entity in entities:
            assert without_rescued(plant.read(entity, page_size=page_size).to_pylist()) == vendor.records
        assert api.refused == []


def test_maintainx_for_one_of_several_organizations() -> None:
    with StrictApi(MaintainX(records=3)) as api:
        assert len(maintainx(api, variables={"organization": "17"}).read("assets").to_pylist()) == 3
        with pytest.raises(sg.Error, match="not one of yours"):
            maintainx(api, variables={"organization": "18"}).read("assets").to_pylist()


@pytest.mark.parametrize("page_size", [None, 1, 99])
def test_upkeep(page_size: int | None) -> None:
    vendor = UpKeep(records=201)
    with StrictApi(vendor) as api:
        plant = upkeep(api)
        assert plant.check().online
        for entity in plant.entities().names if page_size is None else ["work_orders"]:
            got = without_rescued(plant.read(entity, page_size=page_size).to_pylist())
            assert [row["id"] for row in got] == [row["id"] for row in vendor.records]
        assert api.refused == []


def test_an_error_of_upkeep_in_a_200_is_an_error() -> None:
    vendor = UpKeep(records=3)
    vendor.closed = True
    with StrictApi(vendor) as api, pytest.raises(sg.Error, match="your plan has no API"):
        upkeep(api).read("assets").to_pylist()


@pytest.mark.parametrize("page_size", [None, 7, 1000, 3000])
def test_netsuite(page_size: int | None) -> None:
    vendor = NetSuite(records=2_345)
    with StrictApi(vendor) as api:
        plant = netsuite(api)
        assert plant.check().online
        got = without_rescued(plant.read("transactions", page_size=page_size).to_pylist())
        assert [(row["id"], row["amount"]) for row in got] == [(row["id"], row["amount"]) for row in vendor.records]
        assert api.refused == []


def test_netsuite_goes_on_with_another_page_size() -> None:
    """The offset has to be a multiple of the limit, whatever the page size was before."""
    vendor = NetSuite(records=2_345)
    with StrictApi(vendor) as api:
        first = next(iter(netsuite(api).read("items", page_size=700)))
        rest = netsuite(api).read("items", token=first.token, page_size=400).to_pylist()
        assert [row["id"] for row in first.to_pylist() + rest] == [row["id"] for row in vendor.records]
        assert api.refused == []


def test_netsuite_customers_are_read_one_by_one_below_their_list() -> None:
    with StrictApi(NetSuite(records=30)) as api:
        got = netsuite(api).read("customers").to_pylist()
        assert [(row["id"], row["companyName"]) for row in got] == [(str(n), f"Customer {n}") for n in range(1, 26)]
        ids = netsuite(api).read("customer_ids", where=[("companyName", "=", "pump")])
        assert len(ids.to_pylist()) == 25
        assert "q=companyName%20IS%20%22pump%22" in api.requests[-1]
        assert api.refused == []


@pytest.mark.parametrize(
    ("make", "connect"), [(MaintainX, maintainx), (UpKeep, upkeep), (NetSuite, netsuite)], ids=["mx", "upkeep", "ns"]
)
def test_the_strict_servers_refuse_what_is_not_documented(
    make: Callable[..., Any], connect: Callable[..., sg.Connection]
) -> None:
    """A server that takes everything would show nothing."""

    with StrictApi(make(records=5)) as api:
        connection = http.client.HTTPConnection(api.url.removeprefix("http://"))
        for path in ("/users?limit=1", "/workorders?pagesize=5", "/nothing"):
            connection.request("GET", path)
            assert connection.getresponse().read()
        connection.close()
        assert len(api.refused) == 3
        entity = connect(api).entities().names[0]
        assert connect(api).read(entity).to_pylist()
        assert len(api.refused) == 3
