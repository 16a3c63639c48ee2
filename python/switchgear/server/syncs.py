"""Syncs over HTTP: how they stand, what their runs did, and beginning one."""

from __future__ import annotations

import asyncio
import datetime
import re
from functools import partial
from typing import TYPE_CHECKING

from switchgear.server.connections import ID, NAMES, stored
from switchgear.server.operations import Call, Operation
from switchgear.server.records import preferences
from switchgear.server.replies import json_reply, json_text, text_reply
from switchgear.server.schemas import Schema, integer, table, text

if TYPE_CHECKING:
    from starlette.responses import Response

    from switchgear.syncs import Run

WORDS = ["never", "queued", "in_progress", "completed", "failed", "partial", "cancelled", "paused"]
RUN_WORDS = WORDS[1:-1]
MOST_WAITED = 300
LOOKED_EVERY = 0.05
STATUS: Schema = {
    "type": "object",
    "properties": {
        "connection_id": text(),
        "status": text(enum=WORDS),
        "freshness": text(enum=["on_time", "late", "stale", "unscheduled"]),
        "is_initial": {"type": "boolean"},
        "entities": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["connection_id", "status", "freshness", "is_initial", "entities"],
}
RUN: Schema = {
    "type": "object",
    "properties": {"id": text(), "connection_id": text(), "status": text(enum=RUN_WORDS)},
    "required": ["id", "connection_id", "status"],
}


async def all_sync_status(call: Call) -> Response:
    id = call.query.get("connection_id")
    if id is not None:
        call.access.check_connection(id)
        return json_reply((await call.threads.store(call.hub.sync_status, id)).to_dict())

    def every() -> str:
        found = call.hub.sync_status()
        return json_text({"connections": [each.to_dict() for each in found if call.access.may_see(each.connection_id)]})

    return text_reply(await call.threads.store(every))


async def sync_status(call: Call) -> Response:
    return json_reply((await call.threads.store(call.hub.sync_status, call.path["id"])).to_dict())


async def status(call: Call) -> Response:
    return json_reply((await call.threads.store(call.hub.status, call.path["id"])).to_dict())


async def errors(call: Call) -> Response:
    await call.threads.store(stored, call.hub, call.path["id"])
    since = call.query.get("since")
    moment = None if since is None else _instant(since)
    entity = call.query.get("entity")
    found = await call.threads.store(partial(call.hub.errors, call.path["id"], entity=entity, since=moment))
    return json_reply({"errors": [each.to_dict() for each in found]})


async def runs(call: Call) -> Response:
    limit = call.query.get("limit", 50)
    await call.threads.store(stored, call.hub, call.path["id"])
    found = await call.threads.store(partial(call.hub.runs, call.path["id"], limit=limit))
    return json_reply({"runs": [each.to_dict() for each in found]})


async def run(call: Call) -> Response:
    found = await call.threads.store(call.hub.run, call.path["id"])
    call.access.check_connection(found.connection_id)
    messages = await call.threads.store(lambda: [each.to_dict() for each in found.messages])
    return json_reply({**found.to_dict(), "messages": messages})


async def begin(call: Call) -> Response:
    """Answers as soon as the run has begun; `Prefer: wait=60` waits so long for its end."""
    id, wait = call.path["id"], wait_of(call)
    before = await _latest(call, id)
    work = partial(call.hub.sync, id, entities=call.body.get("entities"), full=call.body.get("full", False))
    task = call.services.keep(asyncio.ensure_future(call.threads.sync(work)))
    begun: Run | None = None
    while begun is None and not task.done():
        await asyncio.wait({task}, timeout=LOOKED_EVERY)
        latest = await _latest(call, id)
        begun = None if latest is None or (before is not None and latest.id == before.id) else latest
    await asyncio.wait({task}, timeout=wait)
    if begun is None or task.done():
        return json_reply((await task).to_dict())
    now = await call.threads.store(call.hub.run, begun.id)
    return json_reply(now.to_dict(), 202, {"Location": call.url_of(f"/runs/{now.id}")})


async def _latest(call: Call, id: str) -> Run | None:
    found = await call.threads.store(partial(call.hub.runs, id, limit=1))
    return found[0] if found else None


def wait_of(call: Call) -> float:
    """For how long the client wants to wait: RFC 7240, 4.3."""
    for preference in preferences(call):
        if found := re.fullmatch(r"wait\s*=\s*(\d{1,6})", preference):
            return min(int(found[1]), MOST_WAITED)
    return 0


def _instant(given: str) -> datetime.datetime:
    moment = datetime.datetime.fromisoformat(given.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)


OPERATIONS = (
    Operation(
        "GET",
        "/sync-status",
        "listSyncStatus",
        "How the syncs stand, of one connection or of all.",
        all_sync_status,
        query={"connection_id": ID},
        answers={200: ("Of one: its status; of all: `connections`, a list of them.", {"type": "object"})},
    ),
    Operation(
        "GET",
        "/connections/{id}/sync-status",
        "getSyncStatus",
        "How the syncs of a connection stand.",
        sync_status,
        answers={200: ("As it is now.", STATUS)},
    ),
    Operation(
        "GET",
        "/connections/{id}/status",
        "getStatus",
        "Whether the source is online, and since when.",
        status,
        answers={200: ("As it is now.", {"type": "object", "required": ["connection_id", "status"]})},
    ),
    Operation(
        "GET",
        "/connections/{id}/errors",
        "listErrors",
        "What went wrong, once for each entity and code, the latest first.",
        errors,
        query={"entity": text(minLength=1), "since": text(format="date-time")},
        answers={200: ("With counts.", table({"errors": {"type": "array", "items": {"type": "object"}}}, ["errors"]))},
    ),
    Operation(
        "GET",
        "/connections/{id}/runs",
        "listRuns",
        "Runs, the latest first.",
        runs,
        query={"limit": integer(1, 1000, default=50)},
        answers={200: ("The latest of them.", table({"runs": {"type": "array", "items": RUN}}, ["runs"]))},
    ),
    Operation(
        "GET",
        "/runs/{id}",
        "getRun",
        "A run: what it did for each entity, and its messages.",
        run,
        answers={200: ("As it is now.", RUN)},
    ),
    Operation(
        "POST",
        "/connections/{id}/sync",
        "syncConnection",
        f"Syncs. Answers when the run has begun; `Prefer: wait=60` waits up to {MOST_WAITED} s for its end.",
        begin,
        scope="operate",
        body=table(
            {
                "entities": {**NAMES, "minItems": 1},
                "full": {"type": "boolean", "description": "Read everything, not only what has changed."},
            }
        ),
        once=True,
        answers={
            200: ("The run, which has ended.", RUN),
            202: ("The run, which goes on; `Location` says where to look.", RUN),
        },
    ),
)
