"""Odd REST styles, each of which stands for one that was met in the wild; and replies that are no JSON.

nested     the records in an envelope of envelopes, the next cursor beside them
amp        `next_page` holds the characters that part parameters: "&=&…"
position   Infor EAM: CURRENTCURSORPOSITION is the last record's, MORERECORDPRESENT is "+" or "-"
rows       records are lists of values, their names stand once beside them
ndjson, csv, xml   lines of JSON, RFC 4180, elements; the next cursor in a header, or in an element
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from html import escape

from .paging import Page, Position
from .wire import Reply

Writer = Callable[[Page], Reply]
AMP = "&=&"


def token_of(page: Page) -> str | None:
    return None if page.next is None else page.next.token


def _members(page: Page, row: int) -> dict[str, str]:
    return page.entity.members(row, None if page.columns is None else sorted(page.columns))


def write_nested(page: Page) -> Reply:
    result = b'{"items":[' + b",".join(page.texts) + b"]}"
    meta = json.dumps({"next": token_of(page), "count": len(page.texts)}).encode()
    return Reply(200, b'{"status":"ok","response":{"meta":' + meta + b',"result":' + result + b"}}")


def write_amp(page: Page) -> Reply:
    token = token_of(page)
    following = json.dumps(None if token is None else AMP + token)
    return Reply(200, b'{"items":[' + b",".join(page.texts) + b'],"next_page":' + following.encode() + b"}")


def amp_position(token: str) -> Position | None:
    return Position.parse(token[len(AMP) :]) if token.startswith(AMP) else None


def write_position(page: Page) -> Reply:
    last = page.here.start + len(page.texts)
    more = "+" if page.next is not None else "-"
    state = json.dumps({"CURRENTCURSORPOSITION": last, "MORERECORDPRESENT": more})[1:]
    return Reply(200, b'{"Result":{"DATARECORD":[' + b",".join(page.texts) + b"]," + state.encode() + b"}")


def write_rows(page: Page) -> Reply:
    names = [field.name for field in page.entity.fields]
    lists = ("[" + ",".join(_members(page, row)[name] for name in names) + "]" for row in page.rows)
    more = json.dumps(page.next is not None)
    return Reply(200, f'{{"columns":{json.dumps(names)},"rows":[{",".join(lists)}],"more":{more}}}'.encode())


def _next_header(page: Page) -> tuple[tuple[str, str], ...]:
    token = token_of(page)
    return () if token is None else (("X-Next-Cursor", token),)


def write_ndjson(page: Page) -> Reply:
    return Reply(200, b"".join(text + b"\n" for text in page.texts), "application/x-ndjson", _next_header(page))


def _plain(text: str) -> str | None:
    """A JSON value as text: numbers keep their digits, what is nested stays JSON."""
    if text == "null":
        return None
    return str(json.loads(text)) if text.startswith('"') else text


def _cell(text: str) -> str:
    value = _plain(text)
    if value is None:
        return ""
    return '"' + value.replace('"', '""') + '"' if value == "" or set(value) & set('",\r\n') else value


def write_csv(page: Page) -> Reply:
    names = [field.name for field in page.entity.fields]
    lines = [",".join(names), *(",".join(_cell(_members(page, row)[n]) for n in names) for row in page.rows)]
    return Reply(200, ("\r\n".join(lines) + "\r\n").encode(), "text/csv; charset=utf-8", _next_header(page))


def _element(name: str, value: object) -> str:
    if value is None:
        return f'<{name} xsi:nil="true"/>'
    if isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    if isinstance(value, dict):
        return f"<{name}>" + "".join(_element(key, item) for key, item in value.items()) + f"</{name}>"
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    return f"<{name}>{escape(text, quote=False)}</{name}>"


class _Digits(str):
    """A number as it stands in the JSON."""


def write_xml(page: Page) -> Reply:
    name = page.entity.name
    records = []
    for row in page.rows:
        values = {n: json.loads(t, parse_float=_Digits, parse_int=_Digits) for n, t in _members(page, row).items()}
        records.append(_element(name, values))
    token = token_of(page)
    following = "" if token is None else _element("Next", token)
    spaces = 'xmlns:m="urn:maintenance" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    items = f'<m:Items count="{len(records)}">{"".join(records)}</m:Items>'
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<m:Reply {spaces}>{items}{following}</m:Reply>'
    return Reply(200, text.encode(), "application/xml; charset=utf-8")


WRITERS: Mapping[str, Writer] = {
    "nested": write_nested,
    "amp": write_amp,
    "position": write_position,
    "rows": write_rows,
    "ndjson": write_ndjson,
    "csv": write_csv,
    "xml": write_xml,
}
