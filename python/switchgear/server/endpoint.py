"""One path of the interface: who asks, what is asked, the operation, and a reply in one form, whatever happens."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from switchgear.server import idempotency
from switchgear.server.access import Access, access_of
from switchgear.server.bodies import parse_body, read_body
from switchgear.server.operations import Call, Operation, Services
from switchgear.server.replies import bad_request, error_reply, refused
from switchgear.server.schemas import from_text, unknown

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")
_log = logging.getLogger("switchgear.server")

NOBODY = Access(scope="read", connections=())


class Endpoint:
    """An ASGI application for the operations of one path."""

    def __init__(self, services: Services, operations: Iterable[Operation]) -> None:
        self._services = services
        self._operations = {operation.method: operation for operation in operations}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        given = request.headers.get("x-request-id", "")
        request_id = given if REQUEST_ID.match(given) else uuid.uuid4().hex
        began = time.monotonic()
        try:
            response = await self._answer(request)
        except ClientDisconnect:
            return
        except asyncio.CancelledError:  # by the server, whose time to end is over
            response = error_reply(_ended(request), request_id)
        except Exception as error:
            response = error_reply(error, request_id)
            if response.status_code == 500:
                _log.exception("request %s failed", request_id)
        response.headers["X-Request-Id"] = request_id
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        milliseconds = (time.monotonic() - began) * 1000
        path = scope.get("raw_path", b"").decode("ascii", "replace")[:500]
        _log.info(
            "%s %s %d %.0f ms, request %s", request.method[:20], path, response.status_code, milliseconds, request_id
        )
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        operation = self._operations.get("GET" if request.method == "HEAD" else request.method)
        services = self._services
        if operation is None or operation.scope:
            access = await access_of(request, services.tokens, services.threads)
        else:
            return await operation.handler(Call(services, request, NOBODY, {}))
        if operation is None:
            raise self._no_method(request)
        access.check(operation.scope)
        path = dict(request.path_params)
        if "id" in path and operation.path.startswith("/connections/"):
            access.check_connection(path["id"])
        query = _query_of(request, operation)
        raw_body = await read_body(request, services.max_body_bytes)
        body = await services.threads.store(parse_body, request, raw_body, operation.body)
        call = Call(services, request, access, path, query, body, raw_body)
        if operation.once:
            return await idempotency.once(call, operation)
        work = operation.handler(call)
        return await _unless_gone(request, work) if operation.reads else await work

    def _no_method(self, request: Request) -> Exception:
        allowed = [*self._operations, *(["HEAD"] if "GET" in self._operations else [])]
        message = f"{request.method[:20]} is no method of this path"
        return refused(405, "bad_request.method", message, f"it has {', '.join(allowed)}", Allow=", ".join(allowed))


def _ended(request: Request) -> Exception:
    message = "the server was stopped before this request had ended"
    hint = "send it again" if request.method in ("GET", "HEAD") else "see what was done before you send it again"
    return refused(503, "cancelled.stopped", message, hint, Connection="close")


def _query_of(request: Request, operation: Operation) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, text in request.query_params.multi_items():
        if name not in operation.query:
            raise unknown(name, operation.query, "query parameter")
        if name in values:
            raise bad_request(f"the query parameter '{name}' is there twice", "give it once", "value")
        values[name] = from_text(text, operation.query[name], name)
    return values


async def _unless_gone(request: Request, work: Awaitable[Response]) -> Response:
    """Gives reading up, requests to the source included, when nobody waits for it any more."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        for each in (task, gone):
            each.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
