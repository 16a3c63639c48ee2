"""`/connections`: which there are, how they are, and what can be done to them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from switchgear.connection_info import info_of
from switchgear.errors import Conflict
from switchgear.server.credentials import CREDENTIALS, given_credentials
from switchgear.server.operations import NOTHING, Call, Operation
from switchgear.server.replies import json_reply, json_text, text_reply
from switchgear.server.schemas import Schema, integer, table, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from switchgear.connection import Connection
    from switchgear.connection_info import StoredConnectionInfo
    from switchgear.hub import Hub

TRIES = 10
ID = text(minLength=1)
NAMES: Schema = {"type": "array", "items": text(minLength=1), "maxItems": 1000}
CONNECTION: Schema = {
    "type": "object",
    "properties": {
        "id": text(),
        "connector": text(),
        "config": {"type": "object"},
        "auth": {"type": ["string", "null"]},
        "state": text(enum=["active", "paused", "disconnected"]),
        "owner": text(enum=["hub", "file"]),
        "schedule": text(),
        "timezone": text(),
        "destination": text(),
        "entities": {"type": "object"},
        "naming": text(enum=["exact", "snake_case"]),
        "version": integer(1, 1 << 62),
        "created_at": text(format="date-time"),
        "updated_at": text(format="date-time"),
    },
    "required": ["id", "connector", "config", "state", "owner", "version"],
}
HEALTH: Schema = {
    "type": "object",
    "properties": {"online": {"type": "boolean"}, "steps": {"type": "array", "items": {"type": "object"}}},
    "required": ["online", "steps"],
}
DIAGNOSIS: Schema = {
    "type": "object",
    "properties": {"scope": text(enum=["connection", "entity", "operation", "none"]), "cause": text()},
    "required": ["scope", "cause"],
}


async def opened(call: Call) -> Connection:
    """The connection that the path names. Raises NotFound with the nearest id that the token is for."""
    return await call.threads.store(call.hub.connection, call.path["id"])


def stored(hub: Hub, id: str) -> StoredConnectionInfo:
    """As it is stored. Raises NotFound with the nearest id."""
    return info_of(hub._row(id))


async def list_connections(call: Call) -> Response:
    def every() -> str:  # in the thread, too: there may be thousands
        infos = call.hub.connections()
        return json_text({"connections": [each.to_dict() for each in infos if call.access.may_see(each.id)]})

    return text_reply(await call.threads.store(every))


async def get_connection(call: Call) -> Response:
    return json_reply((await call.threads.store(stored, call.hub, call.path["id"])).to_dict())


async def check(call: Call) -> Response:
    plant = await opened(call)
    async with call.threads.slot(plant.id):
        health = await plant.acheck(call.body.get("entities"))
    return json_reply(health.to_dict())


async def diagnosis(call: Call) -> Response:
    plant = await opened(call)
    async with call.threads.slot(plant.id):
        found = await call.threads.source(plant.diagnose, probe=call.query.get("probe"))
    return json_reply(found.to_dict())


def _changing(change: str, arguments: Callable[[Call], dict[str, Any]] = lambda _: {}) -> Callable[[Call], Any]:
    async def handler(call: Call) -> Response:
        given = await call.threads.store(arguments, call)
        for again in range(TRIES - 1, -1, -1):
            try:
                await call.threads.store(partial(getattr(call.hub, change), call.path["id"], **given))
                break
            except Conflict as conflict:  # with somebody else's change; this one does not build on what was before
                if conflict.code != "conflict.precondition" or not again:
                    raise
        return await get_connection(call)

    return handler


def _credentials(call: Call) -> dict[str, Any]:
    auth, secrets = given_credentials(call.hub._row(call.path["id"]), call.body)
    return {"auth": auth, "secrets": secrets}


ONE = {200: ("The connection as it is now.", CONNECTION)}
OPERATIONS = (
    Operation(
        "GET",
        "/connections",
        "listConnections",
        "All connections that the token is for.",
        list_connections,
        answers={200: ("By id.", table({"connections": {"type": "array", "items": CONNECTION}}, ["connections"]))},
    ),
    Operation("GET", "/connections/{id}", "getConnection", "A connection.", get_connection, answers=ONE),
    Operation(
        "DELETE",
        "/connections/{id}",
        "disconnectConnection",
        "Sends nothing more through it; its history stays. `reconnect` takes it back.",
        _changing("disconnect"),
        scope="operate",
        answers=ONE,
    ),
    Operation(
        "POST",
        "/connections/{id}/check",
        "checkConnection",
        "Asks the source whether it is there, takes the credentials, and lets its entities be read.",
        check,
        scope="operate",
        body=table({"entities": NAMES}),
        answers={200: ("What was found, also where the source is not well.", HEALTH)},
    ),
    Operation(
        "POST",
        "/connections/{id}/pause",
        "pauseConnection",
        "Sends nothing through it until it is resumed; its jobs wait.",
        _changing("pause"),
        scope="operate",
        body=NOTHING,
        answers=ONE,
    ),
    Operation(
        "POST",
        "/connections/{id}/resume",
        "resumeConnection",
        "Lets it send again.",
        _changing("resume"),
        scope="operate",
        body=NOTHING,
        answers=ONE,
    ),
    Operation(
        "POST",
        "/connections/{id}/reconnect",
        "reconnectConnection",
        "Lets it send again after it was disconnected, with credentials anew.",
        _changing("reconnect", _credentials),
        scope="operate",
        body=CREDENTIALS,
        answers=ONE,
    ),
    Operation(
        "GET",
        "/connections/{id}/diagnosis",
        "diagnoseConnection",
        "Why the connection is not well, and what to do.",
        diagnosis,
        query={"probe": {"type": "boolean", "description": "Check the source for it; else only where it is needed."}},
        answers={200: ("What is hit, why, what speaks for it, and what to do.", DIAGNOSIS)},
    ),
)
