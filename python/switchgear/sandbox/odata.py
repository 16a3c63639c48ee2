"""OData V4 (JSON, minimal metadata), reading: service document, $metadata, entity sets, single entities, $count.

Listings are paged by the server: `@odata.nextLink` carries the client's own options and a $skiptoken. Who prefers
`odata.track-changes` gets a delta link at the end (odata_changes.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from . import odata_changes
from .metadata import CONTENT_TYPE, VERSION, metadata_document
from .model import Entity
from .paging import Page, Position, Resource, object_text, page_resource, take_page
from .query import QueryError, Views, parse_key, resolve
from .wire import HttpError, Reply, Request

ROOT = "/odata/v4/maintenance"
_KNOWN = {"$filter", "$orderby", "$select", "$top", "$skip", "$count", "$skiptoken", "$deltatoken", "$format"}
_LATER = {"$expand", "$search", "$apply", "$compute", "$levels"}


def error_reply(problem: HttpError) -> Reply:
    body = json.dumps({"error": {"code": problem.code, "message": problem.message}}, ensure_ascii=False).encode()
    return Reply(problem.status, body, CONTENT_TYPE, VERSION + problem.headers)


@dataclass(frozen=True)
class Options:
    """The system query options of a request, checked."""

    given: Mapping[str, str]
    columns: frozenset[str] | None
    skip: int
    top: int | None
    count: bool


class ODataService:
    """Answers requests below ROOT. `absolute_links`: next links with scheme and host, or relative to the request."""

    def __init__(
        self, entities: Mapping[str, Entity], views: Views, *, page_size: int, max_page_size: int, absolute_links: bool
    ) -> None:
        self.entities = entities
        self.views = views
        self.page_size = page_size
        self.max_page_size = max_page_size
        self.absolute_links = absolute_links

    def respond(self, request: Request, base: str) -> Resource:
        """The resource at a path below ROOT. HttpError for what does not exist or is not understood."""
        rest = request.segments()[3:]
        if not rest:
            return Resource(self.service_document(base))
        if rest == ["$metadata"]:
            return Resource(Reply(200, metadata_document(self.entities.values()).encode(), "application/xml", VERSION))
        name, paren, key = rest[0].partition("(")
        entity = self.entities.get(name)
        if entity is None:
            raise HttpError(404, "NotFound", f"No entity set {name!r}; this service has {', '.join(self.entities)}.")
        try:
            options = read_options(entity, request.query)
            if paren:
                return self.single(entity, rest, key, options, base)
            if rest[1:] == ["$count"]:
                rows = self.views.rows(entity, options.given.get("$filter"))
                return Resource(Reply(200, str(len(rows)).encode(), "text/plain", VERSION), entity.name)
            if rest[1:]:
                raise HttpError(404, "NotFound", f"No resource {'/'.join(rest)!r}.")
            return self.listing(entity, options, request, base)
        except QueryError as error:
            raise HttpError(400, "BadRequest", f"{entity.name}: {error}.") from None

    def service_document(self, base: str) -> Reply:
        value = [{"name": name, "kind": "EntitySet", "url": name} for name in self.entities]
        body = {"@odata.context": self.link(base, "$metadata"), "value": value}
        return Reply(200, json.dumps(body).encode(), CONTENT_TYPE, VERSION)

    def single(self, entity: Entity, path: list[str], key: str, options: Options, base: str) -> Resource:
        if not key.endswith(")") or path[1:]:
            raise HttpError(404, "NotFound", f"No resource {'/'.join(path)!r}.")
        values = parse_key(entity, key[:-1])
        row = None if values is None else entity.row_of(values)
        if row is None:
            raise HttpError(404, "NotFound", f"{entity.name} has no entity with the key ({key}.")
        context = self.context(base, entity, options.columns) + "/$entity"
        body = f'{{"@odata.context":{json.dumps(context)},'.encode() + object_text(entity, row, options.columns)[1:]
        return Resource(Reply(200, body, CONTENT_TYPE, VERSION), entity.name, None, 1)

    def listing(self, entity: Entity, options: Options, request: Request, base: str) -> Resource:
        everything = self.views.rows(entity, options.given.get("$filter"), options.given.get("$orderby"))
        rows = (
            everything[options.skip :] if options.top is None else everything[options.skip : options.skip + options.top]
        )
        prefer = request.headers.get("prefer", "")
        wished = preferred_page_size(prefer)
        size = min(wished or self.page_size, self.max_page_size)
        since = len(entity.log) if odata_changes.are_wished_for(prefer, options.given) else None
        token = options.given.get("$skiptoken")
        start = Position(0, size, since=since) if token is None else Position.parse(token)
        if start is None or start.size > self.max_page_size:
            raise QueryError(f"the $skiptoken {token!r} is not one that this service gave out")
        if "$deltatoken" in options.given:
            return self.changes(entity, options, start, base)
        applied = [f"odata.maxpagesize={start.size}"] if wished is not None else []
        applied += ["odata.track-changes"] if since is not None else []
        headers: tuple[tuple[str, str], ...] = VERSION
        if applied:
            headers += (("Preference-Applied", ",".join(applied)),)

        def take() -> Page:
            return take_page(entity, rows, start, total=len(everything), columns=options.columns)

        def write(page: Page) -> Reply:
            return Reply(200, self.page_body(page, options, base), CONTENT_TYPE, headers)

        return page_resource(take, write)

    def changes(self, entity: Entity, options: Options, start: Position, base: str) -> Resource:
        """What has changed since a delta link was given out."""
        page = odata_changes.changes_of(
            entity, options.given, self.views.rows(entity, options.given.get("$filter")), start
        )
        shown = {key: value for key, value in options.given.items() if key not in ("$deltatoken", "$skiptoken")}
        relative = odata_changes.link_of(entity, {**shown, **page.following})
        context = self.context(base, entity, options.columns) + "/$delta"
        texts = odata_changes.entries(entity, page, options.columns, self.link(base, f"$metadata#{entity.name}"))
        name = "nextLink" if "$skiptoken" in page.following else "deltaLink"
        body = f'{{"@odata.context":{json.dumps(context)},"value":['.encode() + b",".join(texts)
        body += f'],"@odata.{name}":{json.dumps(self.link(base, relative))}}}'.encode()
        return Resource(Reply(200, body, CONTENT_TYPE, VERSION), entity.name, start.number, len(texts))

    def page_body(self, page: Page, options: Options, base: str) -> bytes:
        context = self.context(base, page.entity, options.columns)
        total = f'"@odata.count":{page.total},' if options.count else ""
        start = f'{{"@odata.context":{json.dumps(context)},{total}"value":['.encode()
        end = b"]}"
        if page.next is not None:
            relative = odata_changes.link_of(page.entity, {**options.given, "$skiptoken": page.next.token})
            link = f"{page.foreign_host}{ROOT}/{relative}" if page.foreign_host else self.link(base, relative)
            end = f'],"@odata.nextLink":{json.dumps(link)}}}'.encode()
        elif page.here.since is not None:
            kept = {n: v for n, v in options.given.items() if n != "$skiptoken"}
            relative = odata_changes.link_of(page.entity, {**kept, "$deltatoken": str(page.here.since)})
            end = f'],"@odata.deltaLink":{json.dumps(self.link(base, relative))}}}'.encode()
        return start + b",".join(page.texts) + end

    def context(self, base: str, entity: Entity, columns: frozenset[str] | None) -> str:
        listed = "" if columns is None else "(" + ",".join(f.name for f in entity.fields if f.name in columns) + ")"
        return self.link(base, f"$metadata#{entity.name}{listed}")

    def link(self, base: str, relative: str) -> str:
        return f"{base}{ROOT}/{relative}" if self.absolute_links else relative


def read_options(entity: Entity, given: Mapping[str, str]) -> Options:
    """The options of a request. QueryError for wrong values, HttpError for options that this service does not have."""
    for name in given:
        if name in _LATER:
            raise HttpError(501, "NotImplemented", f"{name} is not supported by this service.")
        if name.startswith("$") and name not in _KNOWN:
            raise QueryError(f"unknown system query option {name!r}")
    if given.get("$format", "json") not in ("json", "application/json"):
        raise HttpError(415, "UnsupportedMediaType", f"$format={given['$format']} is not supported; ask for json.")
    columns: frozenset[str] | None = None
    selected = given.get("$select", "*")
    if selected.strip() != "*":
        names = [name.strip() for name in selected.split(",")]
        for name in names:
            if "/" in name:
                raise QueryError(f"$select of a path ({name!r}) is not supported")
            resolve(entity, name)
        columns = frozenset(names)
    counted = given.get("$count", "false")
    if counted not in ("true", "false"):
        raise QueryError(f"$count is {counted!r}; it must be true or false")
    top = _whole(given, "$top")
    return Options(given, columns, _whole(given, "$skip") or 0, top, counted == "true")


def _whole(given: Mapping[str, str], name: str) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not re.fullmatch(r"\d{1,15}", text, re.ASCII):
        raise QueryError(f"{name} is {text!r}; it must be a whole number, 0 or more")
    return int(text)


def preferred_page_size(prefer: str) -> int | None:
    """The maxpagesize of a Prefer header, None when there is none of use."""
    found = re.search(
        r"(?:^|[,;\s])(?:odata\.)?maxpagesize\s*=\s*\"?(\d{1,9})\"?(?:$|[,;\s])", prefer, re.ASCII | re.IGNORECASE
    )
    return int(found[1]) or None if found else None
