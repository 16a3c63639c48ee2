"""Descriptions for the tests of the rest connector: the shipped one of the sandbox, paged in other ways."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import switchgear as sg
from switchgear.sandbox import Sandbox

FOLDER = Path(__file__).resolve().parents[2] / "plugins/rest/descriptions"
SHIPPED = (FOLDER / "sandbox.toml").read_text(encoding="utf-8")
KEYS = {
    "WorkOrders": ("ID",),
    "Assets": ("AssetID",),
    "Parts": ("PartNo",),
    "Vendors": ("VendorID",),
    "PurchaseOrders": ("OrderNo", "Line"),
}


@dataclass(frozen=True)
class Style:
    """What a description says about one of the sandbox's paging styles."""

    paging: str
    records: str | None = "/items"
    total: str | None = None
    more: str = ""


SIZE = 'size_param = "limit"\n'
LAST = 'last_params = { order = "desc" }\n'
STYLES = {
    "cursor": Style('style = "cursor"\nparam = "cursor"\nnext = "/next_cursor"\n' + SIZE, "/data", "/total"),
    "header": Style('style = "cursor"\nparam = "cursor"\nnext_header = "X-Next-Cursor"\n' + SIZE, "/data"),
    "post": Style(
        'style = "cursor"\nparam = "cursor"\nnext = "/next_cursor"\n' + SIZE, "/data", "/total", 'method = "POST"\n'
    ),
    "next_url": Style('style = "next_url"\nnext = "/next"\n' + SIZE, "/results", "/count"),
    "link": Style('style = "link"\n' + SIZE, "", None, 'total_header = "X-Total-Count"\n'),
    "page": Style('style = "page"\nparam = "page"\nmore = "/next_page"\n' + SIZE, total="/total"),
    "page0": Style('style = "page"\nparam = "page"\nfirst = 0\n' + SIZE, total="/total"),
    "offset": Style('style = "offset"\nparam = "offset"\nmore = "/has_more"\n' + SIZE, total="/total"),
    "keyset": Style('style = "keyset"\nmore = "/has_more"\n' + SIZE),
    "window": Style(
        'style = "window"\nfrom_param = "from"\nuntil_param = "until"\nmore = "/has_more"\nstart = "2026-01-01"\n'
        + SIZE
    ),
    "all": Style('style = "none"\n'),
    "nested": Style(
        'style = "cursor"\nparam = "cursor"\nnext = "/response/meta/next"\n' + SIZE, "/response/result/items"
    ),
    "amp": Style('style = "cursor"\nparam = "page_token"\nnext = "/next_page"\n' + SIZE),
    "position": Style(
        'style = "cursor"\nparam = "position"\nnext = "/Result/CURRENTCURSORPOSITION"\nadd = 1\n'
        'more = "/Result/MORERECORDPRESENT"\n' + SIZE,
        "/Result/DATARECORD",
    ),
    "rows": Style(
        'style = "offset"\nparam = "offset"\nmore = "/more"\n' + SIZE, "/rows", None, 'row_names_at = "/columns"\n'
    ),
    "ndjson": Style(
        'style = "cursor"\nparam = "cursor"\nnext_header = "X-Next-Cursor"\n' + SIZE, None, None, 'format = "ndjson"\n'
    ),
    "csv": Style(
        'style = "cursor"\nparam = "cursor"\nnext_header = "X-Next-Cursor"\n' + SIZE, None, None, 'format = "csv"\n'
    ),
    "xml": Style('style = "cursor"\nparam = "cursor"\nnext = "/Reply/Next"\n' + SIZE, "XML", None, 'format = "xml"\n'),
}


def description(
    style: str, *, paging: str | None = None, top: str = "", more: str = "", path: str | None = None
) -> str:
    """The shipped description with another style, to read with. `top` goes before the entities, `more` into each."""
    chosen = STYLES[style]
    text = re.sub(r"\[paging\]\n(?:.+\n)+", "", SHIPPED)
    text = re.sub(r"\[\[entities\.writes\]\]\n(?:[^\[\n].*\n)+", "", text)
    text = text.replace("[[entities]]", top + "\n[[entities]]", 1)
    blocks = text.split("[[entities]]\n")
    made = [blocks[0]]
    for block in blocks[1:]:
        name = re.findall(r'^name = "(\w+)"', block, re.MULTILINE)[0]
        lines = [line for line in block.splitlines() if not re.match(r"(path|records|total) = ", line)]
        lines.insert(1, f'path = "{path or f"/{style}/{name}"}"')
        if chosen.records is not None:
            where = f"/Reply/Items/{name}" if chosen.records == "XML" else chosen.records
            lines.insert(2, f'records = "{where}"')
        if chosen.total is not None:
            lines.insert(2, f'total = "{chosen.total}"')
        lines[2:2] = (chosen.more + more).splitlines()
        lines += ["[entities.paging]", paging if paging is not None else paging_of(style, name)]
        made.append("\n".join(lines) + "\n")
    return "[[entities]]\n".join(made)


def paging_of(style: str, entity: str) -> str:
    if style != "keyset":
        return STYLES[style].paging
    fields = ", ".join(f'"/{name}"' for name in KEYS[entity])
    places = ",".join(f"{{{n}}}" for n in range(len(KEYS[entity])))
    return STYLES[style].paging + f'fields = [{fields}]\nparams = {{ after = "{places}" }}\n' + LAST


def rest(box: Sandbox, style: str, *, text: str | None = None, **options: Any) -> sg.Connection:
    """A connection to a sandbox, paged in a style of it (or as a description says)."""
    given = text if text is not None else description(style)
    return sg.connect("rest", description=given, **{"id": "plant", "url": box.rest_url, "page_size": 100, **options})


def in_key_order(records: list[dict[str, Any]], entity: str) -> list[dict[str, Any]]:
    return sorted(records, key=lambda record: [record[name] for name in KEYS[entity]])
