"""The application: all operations, by path, and what is said of every other path."""

from __future__ import annotations

import difflib
import itertools
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.routing import Route

from switchgear.server import connections, events, flows, inbox, jobs, openapi, records, syncs
from switchgear.server.access import access_of
from switchgear.server.endpoint import Endpoint
from switchgear.server.operations import Call, Operation, Services
from switchgear.server.replies import json_reply, refused

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from switchgear.hub import Hub

OBJECT = {"type": "object"}


async def healthz(call: Call) -> Response:
    """Raises StoreError, which is 503."""
    await call.threads.store(call.services.tokens.any)
    return json_reply({"status": "ok"})


async def description(call: Call) -> Response:
    return json_reply(openapi.document(OPERATIONS, call.url_of("")))


OPERATIONS: tuple[Operation, ...] = (
    *connections.OPERATIONS,
    *syncs.OPERATIONS,
    *records.OPERATIONS,
    *jobs.OPERATIONS,
    *events.OPERATIONS,
    *inbox.OPERATIONS,
    *flows.OPERATIONS,
    Operation(
        "GET",
        "/healthz",
        "getHealth",
        "Whether the server is there and reaches its store. Needs no token.",
        healthz,
        scope="",
        answers={200: ("It is.", OBJECT)},
    ),
    Operation(
        "GET",
        "/openapi.json",
        "getDescription",
        "This description.",
        description,
        answers={200: ("OpenAPI 3.1.", OBJECT)},
    ),
)


class Elsewhere(Endpoint):
    """Every other path."""

    def __init__(self, services: Services) -> None:
        super().__init__(services, ())

    async def _answer(self, request: Request) -> Response:
        await access_of(request, self._services.tokens, self._services.threads)
        path = f"/{request.path_params['path']}"
        paths = sorted({operation.path for operation in OPERATIONS})
        near = difflib.get_close_matches(path, paths, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else "/openapi.json has all paths"
        raise refused(404, "not_found.path", f"there is no {path[:200]!r} here", hint)


def build(hub: Hub, max_body_bytes: int) -> Starlette:
    """The application for a hub."""
    services = Services(hub, max_body_bytes)
    by_path = itertools.groupby(sorted(OPERATIONS, key=lambda each: each.path), key=lambda each: each.path)
    routes = [Route(path, Endpoint(services, operations)) for path, operations in by_path]
    application = Starlette(routes=[*routes, Route("/{path:path}", Elsewhere(services))])
    application.router.redirect_slashes = False
    application.state.services = services
    return application
