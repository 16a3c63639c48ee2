"""Flows and rules over HTTP. A flow may reach all connections, so a token for some of them may see rules alone."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from switchgear.server.operations import Call, Operation
from switchgear.server.replies import json_reply, refused
from switchgear.server.schemas import Schema, integer, table, text
from switchgear.server.syncs import MOST_WAITED, wait_of

if TYPE_CHECKING:
    from starlette.responses import Response

FLOW: Schema = {
    "type": "object",
    "properties": {"name": text(), "schedule": text(), "timezone": text(), "source": text()},
    "required": ["name", "schedule", "timezone"],
}
FLOW_RUN: Schema = {
    "type": "object",
    "properties": {
        "id": text(),
        "flow": text(),
        "status": text(enum=["in_progress", "completed", "partial", "failed", "cancelled"]),
        "steps": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["id", "flow", "status", "steps"],
}


def _check(call: Call) -> None:
    """A flow may reach every connection."""
    if call.access.connections is not None:
        message = f"the token {call.access.owner} is for some connections only, and a flow may reach all of them"
        raise refused(403, "permission.connection", message, "use one made for all connections")


async def flows(call: Call) -> Response:
    _check(call)
    found = await call.threads.store(lambda: [each.to_dict() for each in call.hub.flows()])
    return json_reply({"flows": found})


async def runs(call: Call) -> Response:
    _check(call)
    name, limit = call.path["name"], call.query.get("limit", 50)

    def found() -> list[object]:
        if all(each.name != name for each in call.hub.flows()):
            call.hub._flows.get(name)  # raises, with the nearest
        return [each.to_dict() for each in call.hub.runs(flow=name, limit=limit)]

    return json_reply({"runs": await call.threads.store(found)})


async def run(call: Call) -> Response:
    """Answers as soon as the run has begun; `Prefer: wait=60` waits so long for its end."""
    _check(call)
    wait = wait_of(call)
    loop = asyncio.get_running_loop()
    begun: asyncio.Future[str] = loop.create_future()

    def tell(id: str) -> None:
        loop.call_soon_threadsafe(set_unless_done, id)

    def set_unless_done(id: str) -> None:
        if not begun.done():
            begun.set_result(id)

    work = partial(
        call.hub._flows.run,
        call.path["name"],
        call.body.get("params"),
        cause="http",
        resume=call.body.get("resume", True),
        begun=tell,
    )
    task = call.services.keep(asyncio.ensure_future(call.threads.sync(work)))
    first: set[asyncio.Future[Any]] = {task, begun}
    await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait({task}, timeout=wait)
    if task.done():
        ended = await task
        return json_reply(await call.threads.store(ended.to_dict))
    now = await call.threads.store(lambda: call.hub.run(begun.result()).to_dict())
    return json_reply(now, 202, {"Location": call.url_of(f"/runs/{now['id']}")})


async def rules(call: Call) -> Response:
    found = [rule.to_dict() for rule in call.hub.rules() if call.access.may_see(rule.connection_id)]
    return json_reply({"rules": found})


OPERATIONS = (
    Operation(
        "GET",
        "/rules",
        "listRules",
        "The rules of the server's process, which make events of what syncs bring.",
        rules,
        answers={200: ("In their order.", table({"rules": {"type": "array", "items": {"type": "object"}}}, ["rules"]))},
    ),
    Operation(
        "GET",
        "/flows",
        "listFlows",
        "The flows that processes of this store have defined, with their last runs.",
        flows,
        answers={200: ("By name.", table({"flows": {"type": "array", "items": FLOW}}, ["flows"]))},
    ),
    Operation(
        "POST",
        "/flows/{name}/run",
        "runFlow",
        f"Runs a flow. Answers when the run has begun; `Prefer: wait=60` waits up to {MOST_WAITED} s for its end.",
        run,
        scope="operate",
        body=table(
            {
                "params": {"type": "object", "description": "Its parameters.", "additionalProperties": True},
                "resume": {
                    "type": "boolean",
                    "description": "Go on with the last run where that failed; false: begin anew.",
                },
            }
        ),
        once=True,
        answers={
            200: ("The run, which has ended.", FLOW_RUN),
            202: ("The run, which goes on; `Location` says where to look.", FLOW_RUN),
        },
    ),
    Operation(
        "GET",
        "/flows/{name}/runs",
        "listFlowRuns",
        "Runs of a flow, the latest first.",
        runs,
        query={"limit": integer(1, 1000, default=50)},
        answers={200: ("The latest of them.", table({"runs": {"type": "array", "items": FLOW_RUN}}, ["runs"]))},
    ),
)
