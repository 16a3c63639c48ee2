"""Every value of every record arrives, in every paging style, by description alone."""

from __future__ import annotations

import itertools
from datetime import datetime
from typing import Any

import pytest

import switchgear as sg
from support.plants import ENTITIES, without_rescued
from support.rest_descriptions import STYLES, description, in_key_order, rest
from switchgear.sandbox import Fault, Sandbox

FLAT = ("Parts", "Vendors", "PurchaseOrders")


@pytest.mark.parametrize("style", STYLES)
def test_every_record_in_every_style(box: Sandbox, style: str) -> None:
    plant = rest(box, style)
    for entity in FLAT if style == "xml" else ENTITIES:
        got = without_rescued(plant.read(entity).to_pylist())
        assert in_key_order(got, entity) == list(box.truth(entity)), entity


# Windows can't be narrower than the records that share a second.
SIZES = [(style, size) for style in STYLES for size in (1, 7, 5000) if (style, size) != ("window", 1)]


@pytest.mark.parametrize(("style", "page_size"), SIZES)
def test_page_sizes_down_to_one_and_beyond_what_the_source_gives(box: Sandbox, style: str, page_size: int) -> None:
    """The sandbox clamps at 100 without a word: a listing ends on the source's word, never on a short page."""
    got = without_rescued(rest(box, style).read("Vendors", page_size=page_size).to_pylist())
    assert in_key_order(got, "Vendors") == list(box.truth("Vendors"))


@pytest.mark.parametrize("style", [style for style in STYLES if style != "all"])
def test_going_on_from_the_token_of_any_page(box: Sandbox, style: str) -> None:
    """Each page is read by a connection of its own, as after a crash."""
    records: list[dict[str, Any]] = []
    token = None
    while True:
        reader = rest(box, style).read("Parts", page_size=30, token=token)
        page = next(iter(reader), None)
        if page is None:
            break
        records += page.to_pylist()
        token = page.token
    assert in_key_order(without_rescued(records), "Parts") == list(box.truth("Parts"))


@pytest.mark.parametrize("style", [style for style in STYLES if style != "all"])
def test_going_on_with_another_page_size(box: Sandbox, style: str) -> None:
    """Page 3 of 40 a page is not page 3 of 25: records were lost or came twice without a word. After a `limit`, too."""
    truth = list(box.truth("Parts"))
    ways: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"page_size": 40}, {"page_size": 25}),
        ({"page_size": 20}, {"page_size": 90}),
    ]
    if style != "window":  # a page that a limit cuts in the middle is read again
        ways.append(({"limit": 30}, {}))
    for first, then in ways:
        reader = rest(box, style).read("Parts", **first)
        records: list[dict[str, Any]] = []
        for page in reader:
            records += page.to_pylist()
            if len(records) >= 30:
                break
        records += rest(box, style).read("Parts", token=reader.token, **then).to_pylist()
        assert in_key_order(without_rescued(records), "Parts") == truth, (first, then)


@pytest.mark.parametrize("style", ["page", "offset", "keyset", "window"])
@pytest.mark.parametrize(("parallel", "then"), [(4, 1), (1, 4), (4, 3)])
def test_going_on_with_another_division(box: Sandbox, style: str, parallel: int, then: int) -> None:
    reader = rest(box, style).read("WorkOrders", page_size=40, parallel=parallel)
    records = [record for page in itertools.islice(reader, 5) for record in page.to_pylist()]
    records += rest(box, style).read("WorkOrders", page_size=90, parallel=then, token=reader.token).to_pylist()
    assert in_key_order(without_rescued(records), "WorkOrders") == list(box.truth("WorkOrders"))


@pytest.mark.parametrize("style", ["cursor", "next_url", "link", "page", "page0", "offset", "all"])
def test_the_style_is_found_out(box: Sandbox, style: str) -> None:
    text = description(style, paging='style = "auto"\nsize_param = "limit"\n')
    got = without_rescued(rest(box, style, text=text).read("Parts", page_size=30).to_pylist())
    assert got == list(box.truth("Parts"))


def test_a_style_that_cannot_be_found_out_is_an_error_and_no_short_listing(box: Sandbox) -> None:
    text = description("keyset", paging='style = "auto"\nsize_param = "limit"\n')
    with pytest.raises(sg.Unsupported, match="it says so at /has_more"):
        rest(box, "keyset", text=text).read("Parts", page_size=30).to_pylist()


def test_changes_since_a_time(box: Sandbox) -> None:
    since = "2026-02-01T00:00:00+02:00"
    truth = [r for r in box.truth("WorkOrders") if r["ChangedAt"] >= datetime.fromisoformat(since)]
    for style in ("cursor", "offset", "keyset", "window"):
        got = rest(box, style).read("WorkOrders", modified_after=since).to_pylist()
        assert in_key_order(without_rescued(got), "WorkOrders") == truth, style


def test_what_no_column_is_declared_for_is_inferred(box: Sandbox) -> None:
    text = 'name = "p"\n[[entities]]\nname = "v"\npath = "/cursor/Vendors"\nrecords = "/data"\n[entities.paging]\n'
    text += STYLES["cursor"].paging
    got = rest(box, "cursor", text=text).read("v").to_pylist()
    truth = list(box.truth("Vendors"))
    assert [(r["VendorID"], r["Name"], r["Email"]) for r in got] == [
        (r["VendorID"], r["Name"], r["Email"]) for r in truth
    ]


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("style", ["offset", "page", "page0", "window", "keyset", "cursor"])
def test_parts_of_a_listing_side_by_side(box: Sandbox, style: str, ordered: bool) -> None:
    """A style that can't be divided (cursor) is read as it is."""
    reader = rest(box, style).read("WorkOrders", page_size=50, parallel=4, ordered=ordered)
    got = without_rescued(reader.to_pylist())
    assert in_key_order(got, "WorkOrders") == list(box.truth("WorkOrders"))
    if ordered and style != "window":
        assert [record["ID"] for record in got] == [record["ID"] for record in box.truth("WorkOrders")]


@pytest.mark.parametrize("style", ["offset", "page"])
def test_changes_that_shift_each_other_are_not_read_side_by_side(own_box: Sandbox, style: str) -> None:
    """A row that was changed moved one behind it into a part that was read already: that one was lost."""
    own_box.set_faults(Fault("latency", ms=20))
    plant = rest(own_box, style)
    assert len(plant.read("WorkOrders", page_size=50, parallel=4).to_pylist()) == 600
    assert own_box.stats()["peak_delayed"] > 1
    own_box.set_faults()
    with Sandbox(records=600, page_size=100, faults=[Fault("latency", ms=20)]) as box:
        got = rest(box, style).read("WorkOrders", page_size=50, parallel=4, modified_after="2026-01-01").to_pylist()
        assert len(got) == 600
        assert box.stats()["peak_delayed"] == 1


CHILDREN = """
name = "family"
[[entities]]
name = "Assets"
path = "/{style}/Assets"
records = "{records}"
key = ["AssetID"]
[entities.paging]
{paging}
size = 7
[[entities]]
name = "AssetOrders"
path = "/{style}/Assets/{{AssetID}}/WorkOrders"
records = "{records}"
key = ["ID"]
parent = {{ entity = "Assets", fields = {{ asset = "AssetID" }} }}
[entities.paging]
{paging}
"""


@pytest.mark.parametrize("style", ["cursor", "link", "page", "offset", "all"])
def test_children_are_read_below_each_parent(box: Sandbox, style: str) -> None:
    """The parents' keys lie beyond 2^53, and come to the child's path and column with all their digits."""
    chosen = STYLES[style]
    text = CHILDREN.format(style=style, records=chosen.records, paging=chosen.paging)
    if style == "all":
        text = text.replace("size = 7\n", "")
    got = rest(box, style, text=text).read("AssetOrders", page_size=5).to_pylist()
    truth = list(box.truth("WorkOrders"))
    assert [(r["AssetID"], r["ID"], r["asset"]) for r in got] == sorted(
        (r["AssetID"], r["ID"], r["AssetID"]) for r in truth
    )
