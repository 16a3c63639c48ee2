"""Plain REST, writing: POST /rest/<entity>; PUT, PATCH, DELETE /rest/<entity>/<key>; POST /rest/bulk/<entity>.

A POST with an `Idempotency-Key` (a text of a structured field, as the IETF's draft has it) is done once: sent again it
gets the first reply, and with another body 422. `bulk` takes {"records": [...]} and says of each what became of it:
{"results": [{"status": 201}, {"status": 400, "error": {...}}]}.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .model import Entity
from .odata_writes import Change, ODataWrites, parsed, values_of
from .query import QueryError
from .rest import key_of_text
from .wire import HttpError, Reply, Request

METHODS = ("POST", "PUT", "PATCH", "DELETE")
BULK = "bulk"
_MOST_KEYS = 1_000_000


class RestWrites:
    """Does what requests below /rest ask for."""

    def __init__(self, entities: Mapping[str, Entity], writes: ODataWrites) -> None:
        self.entities = entities
        self.writes = writes
        self.done: dict[str, tuple[bytes, Reply]] = {}

    def concerns(self, request: Request) -> bool:
        """Whether the request writes; POST /rest/post/<entity> is a listing."""
        path = request.segments()
        return path[:1] == ["rest"] and request.method in METHODS and path[1:2] != ["post"]

    def respond(self, request: Request) -> Reply:
        """HttpError for what can't be done."""
        given = request.headers.get("idempotency-key")
        if given is None or request.method != "POST":
            return self.act(request)
        if len(given) < 3 or given[0] != '"' or given[-1] != '"':
            raise HttpError(400, "bad_key", 'Idempotency-Key is a text in quotes: "8e03978e".')
        body, reply = self.done.get(given, (b"", None))
        if reply is None:
            reply = self.act(request)
            if len(self.done) < _MOST_KEYS:
                self.done[given] = request.body, reply
        elif body != request.body:
            raise HttpError(422, "key_reused", "This Idempotency-Key came with another body before.")
        return reply

    def act(self, request: Request) -> Reply:
        path = request.segments()[1:]
        bulk = path[:1] == [BULK]
        entity = self.entities.get(path[1 if bulk else 0]) if len(path) > bulk else None
        if entity is None:
            raise HttpError(404, "not_found", f"Nothing to write at {request.path}.")
        if bulk:
            return self.bulk(entity, request)
        if (request.method == "POST") is not (len(path) == 1):
            raise HttpError(405, "method_not_allowed", "POST goes to an entity, all else to one record of it.")
        body = parsed(request.body) if request.body else None
        if request.method == "POST":
            return _reply(self.create(entity, body))
        return _reply(self.change(entity, path[1], request.method, body))

    def bulk(self, entity: Entity, request: Request) -> Reply:
        body = parsed(request.body) if request.method == "POST" else None
        records = body.get("records") if isinstance(body, dict) else None
        if not isinstance(records, list):
            raise HttpError(400, "bad_request", 'POST {"records": [...]}.')
        results: list[dict[str, Any]] = []
        for record in records:
            try:
                results.append({"status": self.create(entity, record, may_exist=True).status})
            except HttpError as problem:
                error = {"code": problem.code, "message": problem.message}
                results.append({"status": problem.status, "error": error})
        return Reply(200, json.dumps({"results": results}, ensure_ascii=False).encode())

    def create(self, entity: Entity, record: Any, may_exist: bool = False) -> Reply:
        values = _values(entity, record)
        missing = [name for name in entity.keys if values.get(name) is None]
        if missing:
            raise HttpError(400, "bad_request", f"{missing[0]}: Provide the missing value.")
        key = tuple(values[name] for name in entity.keys)
        return self.writes.do(Change(entity, key, values, False, not may_exist, False))

    def change(self, entity: Entity, text: str, method: str, body: Any) -> Reply:
        try:
            key = key_of_text(entity, text)
        except QueryError as error:
            raise HttpError(400, "bad_request", f"{entity.name}: {error}.") from None
        if method == "DELETE":
            return self.writes.do(Change(entity, key, None, True, False, True))
        values = dict(zip(entity.keys, key, strict=True)) | _values(entity, body)
        return self.writes.do(Change(entity, key, values, method == "PATCH", False, False))


def _values(entity: Entity, record: Any) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise HttpError(400, "bad_request", "A record is one JSON object.")
    return values_of(entity, record)


def _reply(reply: Reply) -> Reply:
    """Without the headers of OData."""
    return Reply(reply.status, reply.body)
