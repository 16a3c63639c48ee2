"""Records that are added and changed while the sandbox runs: every style shows them, and the truth knows them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from asking import Client, same

from switchgear.sandbox import Dataset, Sandbox
from switchgear.sandbox.model import PERIOD

LATEST = "2026-04-01T00:00:00Z"


@pytest.fixture(params=[False, True], ids=["thread", "process"])
def own_box(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with Sandbox(records=300, page_size=100, process=request.param) as sandbox:
        yield sandbox


def test_what_is_added_and_changed_is_in_every_listing(own_box: Sandbox) -> None:
    with Client(own_box) as client:
        before = list(own_box.truth("WorkOrders"))
        same(client.odata_records("WorkOrders"), before)
        added, changed = own_box.grow(7), own_box.change(20)
        truth = list(own_box.truth("WorkOrders"))
        assert [record["ID"] for record in added] == list(range(301, 308))
        assert 15 <= len(changed) <= 20
        assert {record["ID"] for record in truth if record not in before} == {r["ID"] for r in [*added, *changed]}
        assert min(record["ChangedAt"] for record in [*added, *changed]) > max(r["ChangedAt"] for r in before)
        same(client.odata_records("WorkOrders"), truth)
        same(client.ask("/rest/all/WorkOrders").json["items"], truth)
        assert client.ask("/rest/page/WorkOrders?limit=300").json["total"] == 307
        since = [r for r in truth if r["ChangedAt"] > before[0]["ChangedAt"] and r["ChangedAt"].month == 4]
        same(client.ask(f"/rest/all/WorkOrders?changed_since={LATEST}").json["items"], since)
        same([client.ask("/rest/WorkOrders/307").json], truth[-1:])
        assert client.ask("/rest/WorkOrders/308").status == 404


@pytest.mark.parametrize("entity", ["Assets", "Parts", "Vendors", "PurchaseOrders"])
def test_every_entity_can_change(own_box: Sandbox, entity: str) -> None:
    with Client(own_box) as client:
        own_box.grow(3, entity)
        own_box.change(2, entity)
        same(client.ask(f"/rest/all/{entity}").json["items"], list(own_box.truth(entity)))
        assert own_box.count(entity) == len(client.ask(f"/rest/all/{entity}").json["items"])


def test_a_filtered_listing_that_was_kept_is_taken_anew(own_box: Sandbox) -> None:
    with Client(own_box) as client:
        for _ in range(3):
            truth = [record["ID"] for record in own_box.truth("WorkOrders") if record["Status"] == "OPEN"]
            found = client.odata_records("WorkOrders?$filter=Status%20eq%20'OPEN'")
            assert [record["ID"] for record in found] == truth
            own_box.change(100)


def test_what_is_removed_is_in_no_listing(own_box: Sandbox) -> None:
    with Client(own_box) as client:
        gone = own_box.remove(20)
        assert 15 <= len(gone) <= 20
        own_box.change(30)
        truth = list(own_box.truth("WorkOrders"))
        assert len(truth) == own_box.count("WorkOrders") == 300 - len(gone)
        assert not {record["ID"] for record in gone} & {record["ID"] for record in truth}
        same(client.odata_records("WorkOrders"), truth)
        same(client.ask("/rest/all/WorkOrders").json["items"], truth)
        assert client.ask(f"/rest/WorkOrders/{gone[0]['ID']}").status == 404


def page_after(client: Client, page: dict[str, Any]) -> dict[str, Any]:
    """The page that a next or a delta link leads to."""
    link = page.get("@odata.nextLink") or page["@odata.deltaLink"]
    reply = client.ask(link)
    assert reply.status == 200, reply.json
    return dict(reply.json)


def changes_since(client: Client, page: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """All entries behind a delta link, and the last page."""
    entries: list[Any] = []
    while True:
        page = page_after(client, page)
        assert page["@odata.context"].endswith("/$delta")
        entries += page["value"]
        if "@odata.deltaLink" in page:
            return entries, page


def test_a_delta_link_tells_what_has_changed_since_the_listing_began(own_box: Sandbox) -> None:
    with Client(own_box) as client:
        wish = "odata.maxpagesize=70,odata.track-changes"
        first = client.ask("/odata/v4/maintenance/Parts", Prefer=wish)
        assert first.headers["preference-applied"] == "odata.maxpagesize=70,odata.track-changes"
        first = client.ask("/odata/v4/maintenance/WorkOrders", Prefer=wish)
        page, listed = first.json, list(first.json["value"])
        gone = {record["ID"] for record in own_box.remove(30)}  # while it is being read
        while "@odata.nextLink" in page:
            page = page_after(client, page)
            listed += page["value"]
        at_first = {record["ID"] for record in listed}
        changed = {record["ID"] for record in [*own_box.change(90), *own_box.grow(5)]}
        assert len(at_first) == len(listed), "no record came twice"
        entries, last = changes_since(client, page)
        removed = {e["id"] for e in entries if e.get("@odata.context", "").endswith("#WorkOrders/$deletedEntity")}
        assert removed == {f"WorkOrders({number})" for number in gone}
        assert {entry["ID"] for entry in entries if "ID" in entry} == changed
        known = {r["ID"]: r for r in [*listed, *entries] if r.get("ID") is not None and r["ID"] not in gone}
        same([known[number] for number in sorted(known)], list(own_box.truth("WorkOrders")))
        assert changes_since(client, last)[0] == []


def test_delta_links_of_a_selection_and_of_keys_in_quotes(own_box: Sandbox) -> None:
    with Client(own_box) as client:
        wish = "odata.track-changes"
        parts = client.ask("/odata/v4/maintenance/Parts", Prefer=wish).json
        gone = own_box.remove(10, "Parts")
        entries, _ = changes_since(client, parts)
        assert len(entries) == len(gone)
        assert all(re.fullmatch(r"Parts\('[^/]+'\)", entry["id"]) for entry in entries)
        lines = client.ask("/odata/v4/maintenance/PurchaseOrders", Prefer=wish).json
        own_box.remove(1, "PurchaseOrders")
        assert "=" in changes_since(client, lines)[0][0]["id"]
        url = "/odata/v4/maintenance/WorkOrders?$select=ID,Status&$filter=Status%20eq%20'OPEN'"
        page = client.ask(url, Prefer="odata.track-changes,odata.maxpagesize=1000").json
        before = {record["ID"] for record in page["value"]}
        own_box.change(200)
        now = {record["ID"] for record in own_box.truth("WorkOrders") if record["Status"] == "OPEN"}
        entries, _ = changes_since(client, page)
        assert before - now <= {int(e["id"][11:-1]) for e in entries if e.get("reason") == "changed"}
        assert now - before <= {entry["ID"] for entry in entries if set(entry) == {"ID", "Status"}}


@pytest.mark.parametrize(
    ("query", "status"),
    [("$deltatoken=99", 410), ("$deltatoken=5-2", 410), ("$deltatoken=x", 400), ("$deltatoken=", 400)],
)
def test_a_delta_link_of_another_day_is_gone(own_box: Sandbox, query: str, status: int) -> None:
    with Client(own_box) as client:
        assert client.ask(f"/odata/v4/maintenance/WorkOrders?{query}").status == status
        for cut in ("$top=5", "$orderby=ID", "$skip=1"):
            reply = client.ask(f"/odata/v4/maintenance/WorkOrders?{cut}", Prefer="odata.track-changes")
            assert "@odata.deltaLink" not in reply.json
            assert "preference-applied" not in reply.headers


def test_changes_that_others_made_leave_no_wrong_truth(own_box: Sandbox) -> None:
    with Client(own_box) as client:
        assert client.ask("/_change?n=5", "POST").json["changes"] == 1
        with pytest.raises(RuntimeError, match="somebody else"):
            own_box.grow()


@pytest.mark.parametrize(
    ("target", "method", "status"),
    [
        ("/_grow?n=-1", "POST", 400),
        ("/_grow?n=1000000", "POST", 400),
        ("/_change?n=x", "POST", 400),
        ("/_change?entity=Nope", "POST", 404),
        ("/_grow", "GET", 405),
    ],
)
def test_wrong_changes_change_nothing(own_box: Sandbox, target: str, method: str, status: int) -> None:
    with Client(own_box) as client:
        assert client.ask(target, method).status == status
    own_box.change(0)
    assert own_box.count("WorkOrders") == 300
    with pytest.raises(ValueError, match="No entity"):
        own_box.grow(1, "Nope")


def test_rows_that_repeat_others_do_not_follow_their_changes() -> None:
    """From row PERIOD on the fields outside the key repeat."""
    data = Dataset(PERIOD + 10)
    orders = data.entities["WorkOrders"]
    far = orders.record(PERIOD + 5)
    orders.change([5], 99, far["ChangedAt"])
    assert orders.record(PERIOD + 5) == far
    assert orders.texts([PERIOD + 5]) != orders.texts([5])
    assert orders.record(5)["Title"] != far["Title"]
    cost = orders.column(("EstimatedCost",))
    assert (cost(PERIOD + 5), cost(5)) == (far["EstimatedCost"], orders.record(5)["EstimatedCost"])


def test_the_same_changes_give_the_same_records() -> None:
    def made() -> list[dict[str, object]]:
        data = Dataset(200, seed=7)
        data.grow("WorkOrders", 5)
        data.change("WorkOrders", 50)
        data.change("WorkOrders", 1000)
        return list(data.truth("WorkOrders"))

    assert made() == made()
