"""OData V4, writing: POST, PATCH, PUT and DELETE of single entities, and $batch in JSON (OData 4.01, 19).

A PATCH or PUT of what there is not creates it, unless `If-Match` forbids it. A record whose values do not fit is
refused with a message that names the property; of an atomicity group then nothing is done.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import unquote

from .metadata import CONTENT_TYPE, VERSION
from .model import Entity, Field, Record, Type, Value
from .paging import object_text
from .query import QueryError, parse_key
from .wire import HttpError, Reply, Request

METHODS = ("POST", "PATCH", "PUT", "DELETE")
_RANGES = {"Edm.Int16": 15, "Edm.Int32": 31, "Edm.Int64": 63}


@dataclass(frozen=True)
class Change:
    """What a request wants, checked, and not done yet. `values`: None deletes."""

    entity: Entity
    key: tuple[Value, ...]
    values: Record | None
    must_exist: bool
    must_be_new: bool
    minimal: bool


class ODataWrites:
    """Does what requests below the service's root ask for. `moment` gives the time of a change."""

    def __init__(self, entities: Mapping[str, Entity], moment: Callable[[], datetime]) -> None:
        self.entities = entities
        self.moment = moment

    def respond(self, request: Request, path: Sequence[str]) -> Reply:
        """The reply to a write at a path below the root. HttpError for what can't be done."""
        if list(path) == ["$batch"]:
            return self.batch(request)
        body = parsed(request.body) if request.body else None
        change = self.change_of(request.method, list(path), body, request.headers)
        return self.do(change)

    def change_of(self, method: str, path: list[str], body: Any, headers: Mapping[str, str]) -> Change:
        name, paren, rest = path[0].partition("(") if path else ("", "", "")
        entity = self.entities.get(name)
        if entity is None or path[1:]:
            raise HttpError(404, "NotFound", f"Nothing to write at {'/'.join(path)!r}.")
        if bool(paren) is (method == "POST"):
            allowed = "GET, HEAD, PATCH, PUT, DELETE" if paren else "GET, HEAD, POST"
            said = "POST goes to an entity set; PATCH, PUT and DELETE to one entity: Set(key)."
            raise HttpError(405, "MethodNotAllowed", said, (("Allow", allowed),))
        minimal = "return=minimal" in headers.get("prefer", "")
        if method == "DELETE":
            return Change(entity, _key_in(entity, rest), None, True, False, True)
        if not isinstance(body, dict):
            raise HttpError(400, "BadRequest", "The body must be one JSON object.")
        values = values_of(entity, body)
        if method == "POST":
            missing = [key for key in entity.keys if values.get(key) is None]
            if missing:
                raise HttpError(400, "BadRequest", f"{missing[0]}: Provide the missing value.")
            key = tuple(values[name] for name in entity.keys)
            return Change(entity, key, values, False, True, minimal)
        key = _key_in(entity, rest)
        if any(values.get(name, value) != value for name, value in zip(entity.keys, key, strict=True)):
            raise HttpError(400, "BadRequest", "The key in the body is another one than that in the URL.")
        must_exist = headers.get("if-match") == "*"
        return Change(entity, key, values, must_exist, headers.get("if-none-match") == "*", minimal)

    def do(self, change: Change) -> Reply:
        self.refuse(change)
        if change.values is None:
            change.entity.erase(change.key)
            return Reply(204, b"", CONTENT_TYPE, VERSION)
        created = change.entity.write(change.key, change.values, self.moment())
        if change.minimal:
            return Reply(204, b"", CONTENT_TYPE, (*VERSION, ("Preference-Applied", "return=minimal")))
        row = change.entity.row_of(change.key)
        text = object_text(change.entity, 0 if row is None else row)
        return Reply(201 if created else 200, text, CONTENT_TYPE, VERSION)

    def refuse(self, change: Change) -> None:
        """HttpError for what must be there and is not, or the other way round."""
        there = change.entity.row_of(change.key) is not None
        if there and change.must_be_new:
            raise HttpError(409, "Conflict", f"{change.entity.name} has an entity with this key already.")
        if not there and change.must_exist:
            raise HttpError(404, "NotFound", f"{change.entity.name} has no entity with this key.")

    # $batch

    def batch(self, request: Request) -> Reply:
        if request.method != "POST":
            raise HttpError(405, "MethodNotAllowed", "A $batch is sent by POST.")
        if not request.headers.get("content-type", "").startswith("application/json"):
            raise HttpError(415, "UnsupportedMediaType", "This service takes a $batch in JSON only.")
        given = parsed(request.body)
        requests = given.get("requests") if isinstance(given, dict) else None
        if not isinstance(requests, list) or not all(isinstance(each, dict) and "id" in each for each in requests):
            raise HttpError(400, "BadRequest", 'A $batch is {"requests": [{"id": …, "method": …, "url": …}]}.')
        responses: list[dict[str, Any]] = []
        at = 0
        while at < len(requests):
            group = requests[at].get("atomicityGroup")
            end = at + 1
            while group is not None and end < len(requests) and requests[end].get("atomicityGroup") == group:
                end += 1
            responses += self.together(requests[at:end]) if group is not None else [self.alone(requests[at])]
            at = end
        body = json.dumps({"responses": responses}, ensure_ascii=False).encode()
        return Reply(200, body, "application/json", VERSION)

    def alone(self, part: dict[str, Any]) -> dict[str, Any]:
        try:
            return _response(part["id"], self.do(self.change_in(part)))
        except HttpError as problem:
            return _refusal(part["id"], problem)

    def together(self, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """All or nothing: the group has one response where it fails, with the id of what is at fault."""
        changes: list[Change] = []
        for part in parts:
            try:
                change = self.change_in(part)
                self.refuse(change)
                if any(change.entity is other.entity and change.key == other.key for other in changes):
                    raise HttpError(400, "BadRequest", "The same key twice in one atomicity group.")
                changes.append(change)
            except HttpError as problem:
                others = [each for each in parts if each is not part]
                undone = HttpError(424, "FailedDependency", "Not done, because another request of its group failed.")
                return [_refusal(part["id"], problem), *(_refusal(each["id"], undone) for each in others)]
        return [_response(part["id"], self.do(change)) for part, change in zip(parts, changes, strict=True)]

    def change_in(self, part: dict[str, Any]) -> Change:
        method, url = str(part.get("method", "")).upper(), str(part.get("url", ""))
        if method not in METHODS:
            raise HttpError(405, "MethodNotAllowed", f"{method or 'A request'} is not possible in this $batch.")
        headers = part.get("headers") or {}
        if not isinstance(headers, dict):
            raise HttpError(400, "BadRequest", "The headers of a request in a $batch are an object.")
        lower = {str(name).lower(): str(value) for name, value in headers.items()}
        path = [unquote(piece) for piece in url.partition("?")[0].split("/") if piece]
        return self.change_of(method, path[-1:] if url.startswith(("/", "http")) else path, part.get("body"), lower)


def _response(id: object, reply: Reply) -> dict[str, Any]:
    response: dict[str, Any] = {"id": id, "status": reply.status}
    if reply.length:
        response |= {"headers": {"content-type": "application/json"}, "body": json.loads(reply.body)}
    return response


def _refusal(id: object, problem: HttpError) -> dict[str, Any]:
    error = {"error": {"code": problem.code, "message": problem.message}}
    return {"id": id, "status": problem.status, "headers": {"content-type": "application/json"}, "body": error}


def parsed(body: bytes) -> Any:
    """The body's JSON, with every digit. HttpError if it is none."""
    try:
        return json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise HttpError(400, "BadRequest", f"The body is no JSON: {error}") from None


def _key_in(entity: Entity, text: str) -> tuple[Value, ...]:
    try:
        values = parse_key(entity, text[:-1]) if text.endswith(")") else None
    except QueryError as error:
        raise HttpError(400, "BadRequest", f"{entity.name}: {error}.") from None
    if values is None:
        raise HttpError(404, "NotFound", f"{entity.name} has no entity with the key ({text}.")
    return values


# Values.


def values_of(entity: Entity, given: Mapping[str, Any]) -> Record:
    """The members of an object as the entity's values. HttpError naming the property that does not fit."""
    values: Record = {}
    for name, value in given.items():
        column = entity.by_name.get(name)
        if column is None:
            if name.startswith("@") or "@odata." in name:
                continue
            raise HttpError(400, "BadRequest", f"{entity.name} has no property {name!r}.")
        values[name] = _value(column, value)
    return values


def _value(column: Field, given: Any) -> Value:
    if given is None:
        if not column.nullable:
            raise HttpError(400, "BadRequest", f"{column.name}: Provide the missing value.")
        return None
    try:
        return _converted(column.type, given)
    except (ValueError, InvalidOperation, TypeError, KeyError):
        shown = json.dumps(given, default=str, ensure_ascii=False)[:80]
        raise HttpError(400, "BadRequest", f"{column.name}: {shown} is no {column.type.name}.") from None


def _converted(kind: Type, given: Any) -> Value:
    name = kind.name
    if name in _RANGES:
        if name == "Edm.Int64" and isinstance(given, str):  # IEEE754Compatible
            given = int(given)
        if (
            isinstance(given, bool)
            or not isinstance(given, int)
            or not -(1 << _RANGES[name]) <= given < 1 << _RANGES[name]
        ):
            raise ValueError
        return given
    if name == "Edm.Double":
        if isinstance(given, bool) or not isinstance(given, int | Decimal):
            raise ValueError
        return float(given)
    if name == "Edm.Decimal":
        if isinstance(given, bool) or not isinstance(given, int | Decimal | str):
            raise ValueError
        number = Decimal(given)
        scale = int(dict(kind.facets)["Scale"])
        if not number.is_finite() or number != round(number, scale):
            raise ValueError
        return round(number, scale)
    if name == "Edm.Boolean" or name == "Edm.String":
        if not isinstance(given, bool if name == "Edm.Boolean" else str):
            raise ValueError
        if isinstance(given, str) and len(given) > int(dict(kind.facets)["MaxLength"]):
            raise ValueError
        return given
    if name == "Edm.Date":
        return date.fromisoformat(given)
    if name == "Edm.DateTimeOffset":
        moment = datetime.fromisoformat(given.replace("Z", "+00:00"))
        if moment.tzinfo is None:
            raise ValueError
        return moment
    if kind.item is not None:
        return [_converted(kind.item, each) for each in _of(list, given)]
    members = {member.name: member for member in kind.members}
    values = {name: _value(members[name], value) for name, value in _of(dict, given).items()}
    return {member.name: values.get(member.name) for member in kind.members}


def _of(kind: type[Any], given: Any) -> Any:
    if not isinstance(given, kind):
        raise ValueError
    return given
