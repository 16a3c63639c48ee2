"""Plain REST, in the paging styles that APIs are seen to use: /rest/<style>/<entity>.

/rest/<entity> takes its style from the parameters: `page`, `offset`, `after`, `from`/`until`; else cursor in the body.
A style is two functions: where a request's page begins, and how a page is written. /rest/<entity>/<key> is one record,
/rest/<style>/Assets/<key>/WorkOrders the work orders of one asset.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import quote

from . import rest_odd
from .model import Entity, Value
from .paging import Page, Position, Resource, object_text, page_resource, take_page
from .query import QueryError, Views, parse_timestamp
from .wire import HttpError, Reply, Request

ROOT = "/rest"
PARENT, CHILD = "Assets", "WorkOrders"


def error_reply(problem: HttpError) -> Reply:
    body = {"error": {"code": problem.code, "message": problem.message}}
    return Reply(problem.status, json.dumps(body, ensure_ascii=False).encode(), headers=problem.headers)


@dataclass(frozen=True)
class Call:
    """A request for a page: its parameters (of the query, or of the body for `post`), and the URL it came by."""

    entity: Entity
    parameters: Mapping[str, str]
    base: str
    path: str
    size: int
    views: Views
    below: str | None = None
    """The filter of the parent, for children."""

    @property
    def since(self) -> str | None:
        """The filter of `changed_since`, and of the parent."""
        text = self.parameters.get("changed_since")
        changed = None if text is None else f"{self.entity.changed_at} ge {timestamp_parameter('changed_since', text)}"
        return " and ".join(filter(None, (self.below, changed))) or None

    def rows(self) -> Sequence[int]:
        return self.views.rows(self.entity, self.since)

    def url(self, host: str | None = None, **changed: str) -> str:
        """The URL of the request with other parameters."""
        merged = {**self.parameters, **changed}
        return f"{host or self.base}{self.path}?" + "&".join(f"{n}={quote(v, safe='')}" for n, v in merged.items())


@dataclass(frozen=True)
class Style:
    """One way of paging. `locate` gives the listing and where the page begins in it, `write` the reply."""

    locate: Callable[[Call], tuple[Sequence[int], Position]]
    write: Callable[[Call, Page], Reply]


def whole_number(call: Call, name: str, default: int, low: int) -> int:
    text = call.parameters.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 12) or int(text) < low:
        raise QueryError(f"{name} is {text!r}; it must be a whole number, {low} or more")
    return int(text)


def timestamp_parameter(name: str, text: str) -> str:
    try:
        return parse_timestamp(text).isoformat()
    except ValueError as error:
        raise QueryError(f"{name} is {text!r}: {error} (encode the + of an offset as %2B)") from None


def envelope(page: Page, before: str, after: Mapping[str, object]) -> bytes:
    """A JSON object with the records under a name, and other members after them."""
    rest = "".join(f",{json.dumps(name)}:{json.dumps(value)}" for name, value in after.items())
    return f'{{"{before}":['.encode() + b",".join(page.texts) + f"]{rest}}}".encode()


# Where pages begin.


def _by_token(name: str) -> Callable[[Call], tuple[Sequence[int], Position]]:
    def locate(call: Call) -> tuple[Sequence[int], Position]:
        text = call.parameters.get(name)
        here = Position(0, call.size) if text is None else Position.parse(text)
        if here is None:
            raise QueryError(f"the {name} {text!r} is not one that this service gave out (was it percent-encoded?)")
        return call.rows(), here

    return locate


def _by_amp(call: Call) -> tuple[Sequence[int], Position]:
    text = call.parameters.get("page_token")
    here = Position(0, call.size) if text is None else rest_odd.amp_position(text)
    if here is None:
        raise QueryError(f"the page_token {text!r} is not one that this service gave out (was it percent-encoded?)")
    return call.rows(), here


def _by_position(call: Call) -> tuple[Sequence[int], Position]:
    """`position` counts records from 1."""
    return call.rows(), Position(whole_number(call, "position", 1, 1) - 1, call.size)


def _by_page(first: int) -> Callable[[Call], tuple[Sequence[int], Position]]:
    def locate(call: Call) -> tuple[Sequence[int], Position]:
        number = whole_number(call, "page", first, first) - first
        return call.rows(), Position(number * call.size, call.size)

    return locate


def _by_offset(call: Call) -> tuple[Sequence[int], Position]:
    return call.rows(), Position(whole_number(call, "offset", 0, 0), call.size)


def _by_key(call: Call) -> tuple[Sequence[int], Position]:
    """Rows whose key is greater than `after`, which need not exist; with `order=desc` the other way round."""
    text, entity = call.parameters.get("after"), call.entity
    rows, order = call.rows(), call.parameters.get("order", "asc")
    if order not in ("asc", "desc"):
        raise QueryError(f"order is {order!r}; it must be asc or desc")
    start = 0
    if text is not None:
        key = key_of_text(entity, text)
        if order == "asc":
            start = bisect_right(rows, key, key=entity.key)
        else:
            start = len(rows) - bisect_left(rows, key, key=entity.key)
    return rows if order == "asc" else rows[::-1], Position(start, call.size)


def _by_window(call: Call) -> tuple[Sequence[int], Position]:
    """Records changed in [from, until), the oldest first."""
    column, tests = call.entity.changed_at, []
    for name, test in (("from", "ge"), ("until", "lt")):
        if name in call.parameters:
            tests.append(f"{column} {test} {timestamp_parameter(name, call.parameters[name])}")
    if call.since is not None:
        tests.append(call.since)
    return call.views.rows(call.entity, " and ".join(tests) or None, column), Position(0, call.size)


def _everything(call: Call) -> tuple[Sequence[int], Position]:
    rows = call.rows()
    return rows, Position(0, max(1, len(rows)))


# How pages are written.


def _token(page: Page) -> str | None:
    return None if page.next is None else page.next.token


def _next_url(call: Call, page: Page, name: str) -> str | None:
    return None if page.next is None else call.url(page.foreign_host, **{name: page.next.token})


def _write_cursor(_: Call, page: Page) -> Reply:
    return Reply(200, envelope(page, "data", {"next_cursor": _token(page), "total": page.total}))


def _write_header(_: Call, page: Page) -> Reply:
    token = _token(page)
    return Reply(200, envelope(page, "data", {}), headers=() if token is None else (("X-Next-Cursor", token),))


def _write_next_url(call: Call, page: Page) -> Reply:
    return Reply(200, envelope(page, "results", {"count": page.total, "next": _next_url(call, page, "cursor")}))


def _write_link(call: Call, page: Page) -> Reply:
    first = f'<{call.url(cursor=Position(0, page.here.size).token)}>; rel="first"'
    following = _next_url(call, page, "cursor")
    link = first if following is None else f'<{following}>; title="a, \\"quoted\\"; title"; rel="next", {first}'
    body = b"[" + b",".join(page.texts) + b"]"
    return Reply(200, body, headers=(("Link", link), ("X-Total-Count", str(page.total))))


def _write_page(first: int) -> Callable[[Call, Page], Reply]:
    def write(call: Call, page: Page) -> Reply:
        following = None if page.next is None else page.next.number - 1 + first
        last = -(-page.total // page.here.size)
        state = {"page": page.here.number - 1 + first, "limit": call.size, "next_page": following, "pages": last}
        return Reply(200, envelope(page, "items", {**state, "total": page.total}))

    return write


def _write_offset(call: Call, page: Page) -> Reply:
    state = {"offset": page.here.start, "limit": call.size, "has_more": page.next is not None, "total": page.total}
    return Reply(200, envelope(page, "items", state))


def _write_more(_: Call, page: Page) -> Reply:
    return Reply(200, envelope(page, "items", {"has_more": page.next is not None}))


def _odd_place(name: str) -> Callable[[Call], tuple[Sequence[int], Position]]:
    own = {"amp": _by_amp, "position": _by_position, "rows": _by_offset}
    return own.get(name) or _by_token("cursor")


def _odd_writer(name: str) -> Callable[[Call, Page], Reply]:
    return lambda _, page: rest_odd.WRITERS[name](page)


STYLES: Mapping[str, Style] = MappingProxyType(
    {
        "cursor": Style(_by_token("cursor"), _write_cursor),
        "header": Style(_by_token("cursor"), _write_header),
        "post": Style(_by_token("cursor"), _write_cursor),
        "next_url": Style(_by_token("cursor"), _write_next_url),
        "link": Style(_by_token("cursor"), _write_link),
        "page": Style(_by_page(1), _write_page(1)),
        "page0": Style(_by_page(0), _write_page(0)),
        "offset": Style(_by_offset, _write_offset),
        "keyset": Style(_by_key, _write_more),
        "window": Style(_by_window, _write_more),
        "all": Style(_everything, _write_more),
        **{name: Style(_odd_place(name), _odd_writer(name)) for name in rest_odd.WRITERS},
    }
)
_BY_PARAMETER = {"page": "page", "offset": "offset", "after": "keyset", "from": "window", "until": "window"}


def style_for(parameters: Mapping[str, str]) -> str:
    """The style that a request without one means by its parameters."""
    return next((style for name, style in _BY_PARAMETER.items() if name in parameters), "cursor")


def key_of_text(entity: Entity, text: str) -> tuple[Value, ...]:
    """A key as it stands in URLs: the values of its fields with commas between."""
    parts = text.split(",", len(entity.keys) - 1)
    if len(parts) != len(entity.keys):
        raise QueryError(f"the key {text!r} needs {len(entity.keys)} values ({', '.join(entity.keys)})")
    values: list[Value] = []
    for name, part in zip(entity.keys, parts, strict=True):
        if entity.by_name[name].type.kind != "number":
            values.append(part)
        elif part.isascii() and part.lstrip("-").isdigit() and len(part) <= 20:
            values.append(int(part))
        else:
            raise QueryError(f"{name} is {part!r}; it must be a whole number")
    return tuple(values)


class RestService:
    """Answers requests below ROOT."""

    def __init__(self, entities: Mapping[str, Entity], views: Views, *, page_size: int, max_page_size: int) -> None:
        self.entities = entities
        self.views = views
        self.page_size = page_size
        self.max_page_size = max_page_size

    def respond(self, request: Request, base: str) -> Resource:
        """The page or the record at a path. HttpError for what does not exist or is not understood."""
        path = request.segments()[1:]
        style = path.pop(0) if path and path[0] in STYLES else None
        entity = self.entities.get(path[0]) if path else None
        if entity is None:
            what = path[0] if path else ""
            raise HttpError(404, "not_found", f"No entity {what!r}; there are {', '.join(self.entities)}.")
        if (request.method == "POST") != (style == "post"):
            raise HttpError(405, "method_not_allowed", f"POST is for {ROOT}/post/<entity>, GET for all other styles.")
        try:
            below = None
            if len(path) == 3 and path[2] == CHILD and entity.name == PARENT:
                if self.row(entity, path) is None:
                    raise HttpError(404, "not_found", f"{entity.name} has no record {path[1]!r}.")
                below = f"{entity.keys[0]} eq {path[1]}"
                entity = self.entities[CHILD]
            elif path[1:]:
                return self.single(entity, path)
            parameters = body_parameters(request.body) if style == "post" else request.query
            return self.listing(entity, style or style_for(parameters), parameters, request, base, below)
        except QueryError as error:
            raise HttpError(400, "bad_request", f"{entity.name}: {error}.") from None

    def row(self, entity: Entity, path: list[str]) -> int | None:
        return entity.row_of(key_of_text(entity, path[1]))

    def single(self, entity: Entity, path: list[str]) -> Resource:
        row = self.row(entity, path) if len(path) == 2 else None
        if row is None:
            raise HttpError(404, "not_found", f"{entity.name} has no record {'/'.join(path[1:])!r}.")
        return Resource(Reply(200, object_text(entity, row)), entity.name, None, 1)

    def listing(
        self,
        entity: Entity,
        name: str,
        parameters: Mapping[str, str],
        request: Request,
        base: str,
        below: str | None = None,
    ) -> Resource:
        style = STYLES[name]
        known = Call(entity, parameters, base, request.path, self.page_size, self.views, below)
        size = min(whole_number(known, "limit", self.page_size, 1), self.max_page_size)
        call = Call(entity, parameters, base, request.path, size, self.views, below)
        rows, here = style.locate(call)
        return page_resource(lambda: take_page(entity, rows, here), lambda page: style.write(call, page))


def body_parameters(body: bytes) -> dict[str, str]:
    """The parameters in a JSON body; null counts as absent."""
    try:
        given = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise QueryError(f"the body is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise QueryError("the body must be a JSON object")
    return {name: str(value) for name, value in given.items() if value is not None}
