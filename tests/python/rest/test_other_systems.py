"""Systems that nobody here wrote, by description alone: json-server, and SAP CAP's plain JSON."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

import switchgear as sg
from servers.cap import Cap
from servers.json_server import JsonServer
from support.plants import without_rescued

JSON_SERVER = """
name = "json_server"
doc = "json-server 0.17: /workorders and /assets"
[[entities]]
name = "workorders"
path = "/workorders"
total_header = "X-Total-Count"
key = ["id"]
cursor = "updatedAt"
filters = [
  { operators = ["="], param = "{field}" },
  { operators = [">="], param = "{field}_gte" },
  { operators = ["<="], param = "{field}_lte" },
]
changes = { since = { updatedAt_gte = "{value}" } }
fields = [ { name = "id", type = "int64" }, { name = "assetId", type = "int64" }, { name = "title", type = "utf8" },
           { name = "priority", type = "int64" }, { name = "cost", type = "decimal", precision = 12, scale = 2 },
           { name = "updatedAt", type = "timestamp" } ]
[entities.paging]
PAGING
[[entities]]
name = "assets"
path = "/assets"
key = ["id"]
params = { _page = "1", _sort = "updatedAt,id", _order = "desc,asc" }
[entities.paging]
style = "link"
size_param = "_limit"
size = 1000
"""
PAGINGS = {
    "page": 'style = "page"\nparam = "_page"\nsize_param = "_limit"\nsize = 700\n',
    "offset": 'style = "offset"\nparam = "_start"\nsize_param = "_limit"\nsize = 999\n',
    "keyset": (
        'style = "keyset"\nfields = ["/id"]\nparams = { id_gte = "{0}", id_ne = "{0}" }\n'
        'size_param = "_limit"\nsize = 900\n'
    ),
}


def truth(url: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(url) as reply:
        found: list[dict[str, Any]] = json.load(reply)
    return found


def plain(record: dict[str, Any]) -> dict[str, Any]:
    return {**record, "cost": float(record["cost"]), "updatedAt": record["updatedAt"].strftime("%Y-%m-%dT%H:%M:%SZ")}


@pytest.mark.parametrize("style", PAGINGS)
def test_json_server_in_several_styles(json_server: JsonServer, style: str) -> None:
    text = JSON_SERVER.replace("PAGING", PAGINGS[style])
    plant = sg.connect("rest", description=text, url=json_server.origin)
    got = without_rescued(plant.read("workorders").to_pylist())
    assert [plain(record) for record in got] == truth(json_server.origin + "/workorders")


def test_json_server_links_hold_raw_commas(json_server: JsonServer) -> None:
    """`_sort=updatedAt,id` comes back in the Link header as it is."""
    text = JSON_SERVER.replace("PAGING", PAGINGS["page"])
    plant = sg.connect("rest", description=text.replace("size = 1000", "size = 350"), url=json_server.origin)
    plant_records = without_rescued(plant.read("assets").to_pylist())
    wanted = truth(json_server.origin + "/assets?_sort=updatedAt,id&_order=desc,asc")
    assert [record["id"] for record in plant_records] == [record["id"] for record in wanted]
    assert [record["name"] for record in plant_records] == [record["name"] for record in wanted]


def test_json_server_filters_and_changes(json_server: JsonServer) -> None:
    plant = sg.connect("rest", description=JSON_SERVER.replace("PAGING", PAGINGS["offset"]), url=json_server.origin)
    all_of_them = truth(json_server.origin + "/workorders")
    got = plant.read("workorders", where=[("priority", "=", 2), ("assetId", ">=", 100), ("assetId", "<=", 2000)])
    assert [record["id"] for record in got.to_pylist()] == [
        record["id"] for record in all_of_them if record["priority"] == 2 and 100 <= record["assetId"] <= 2000
    ]
    since = "2024-07-01T00:00:00Z"
    changed = plant.read("workorders", modified_after=since).to_pylist()
    assert [record["id"] for record in changed] == [r["id"] for r in all_of_them if r["updatedAt"] >= since]
    # Nothing says how to ask for "!=", so that condition is applied to what comes.
    rest = plant.read("workorders", where=[("priority", "!=", 2), ("assetId", "<=", 2000)])
    assert [record["id"] for record in rest.to_pylist()] == [
        record["id"] for record in all_of_them if record["priority"] != 2 and record["assetId"] <= 2000
    ]
    assert rest.stats.filtered == sum(record["priority"] == 2 and record["assetId"] <= 2000 for record in all_of_them)


def test_json_server_by_itself(json_server: JsonServer) -> None:
    """Nothing but a path: the records are the reply, the pages are found out from the Link header."""
    text = 'name = "j"\n[[entities]]\nname = "assets"\npath = "/assets"\nparams = { _page = "1", _limit = "250" }\n'
    got = sg.connect("rest", description=text, url=json_server.origin).read("assets").to_pylist()
    assert [record["id"] for record in got] == [record["id"] for record in truth(json_server.origin + "/assets")]


def test_cap_as_plain_json(cap: Cap) -> None:
    """OData read as any REST API: relative next links with `%24`."""
    text = (
        'name = "cap"\n[[entities]]\nname = "orders"\npath = "/WorkOrders"\nrecords = "/value"\n'
        'paging = { style = "next_url", next = "/@odata.nextLink" }\n'
    )
    auth = sg.BasicAuth("reader", "reader")
    got = sg.connect("rest", description=text, url=cap.url, auth=auth).read("orders").to_pylist()
    known = sg.connect("odata", url=cap.url, auth=auth).read("WorkOrders").to_pylist()
    assert [record["ID"] for record in got] == [record["ID"] for record in known]
    assert len(got) == 20_000
