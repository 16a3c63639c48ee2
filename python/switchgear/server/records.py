"""`/connections/{id}/entities`: what a source has, read page by page and written."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from switchgear.jobs import OPS
from switchgear.server import cursors
from switchgear.server.connections import NAMES, opened
from switchgear.server.operations import Call, Operation
from switchgear.server.replies import bad_request, json_reply, json_text, text_reply
from switchgear.server.schemas import Schema, integer, table, text

if TYPE_CHECKING:
    from starlette.responses import Response

    from switchgear.connection import Connection
    from switchgear.reader import Page
    from switchgear.write import WriteResult

AT_ONCE = 1000
"""More records than these are written by a job."""

ASKED = ("page_size", "modified_after", "columns")
WRITE = table(
    {
        "op": text(enum=list(OPS)),
        "records": {"type": "array", "items": {"type": "object"}},
        "batch_size": integer(1, 10_000),
        "delay": {"type": "number", "minimum": 0, "maximum": 3600},
        "on_error": text(maxLength=20),
        "atomic": {"type": "boolean"},
    },
    ["records"],
)
OUTCOME: Schema = {
    "type": "object",
    "properties": {
        "index": integer(0, 1 << 62),
        "state": text(enum=["ok", "failed", "unknown", "skipped"]),
        "key": text(),
        "category": text(),
        "code": text(),
        "message": text(),
        "hint": text(),
        "retryable": {"type": "boolean"},
    },
    "required": ["index", "state"],
}
COUNT = integer(0, 1 << 62)
COUNTS = dict.fromkeys(("ok", "failed", "unknown", "skipped"), COUNT)
WRITTEN = table(
    {
        "connection_id": text(),
        "entity": text(),
        "op": text(),
        **COUNTS,
        "outcomes": {"type": "array", "items": OUTCOME},
    },
    ["ok", "failed", "unknown", "skipped", "outcomes"],
)
JOB: Schema = {
    "type": "object",
    "properties": {
        "id": text(),
        "connection_id": text(),
        "entity": text(),
        "op": text(),
        "status": text(),
        "records": COUNT,
        "pending": COUNT,
        **COUNTS,
    },
    "required": ["id", "connection_id", "entity", "op", "status", "records", "pending"],
}
ENTITY: Schema = {
    "type": "object",
    "properties": {
        "name": text(),
        "key": {"type": "array", "items": text()},
        "cursor": {"type": ["string", "null"]},
        "ops": {"type": "array", "items": text()},
        "writable": {"type": "boolean"},
        "fields": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["name", "key", "cursor", "ops", "writable", "fields"],
}


async def entities(call: Call) -> Response:
    plant = await opened(call)
    async with call.threads.slot(plant.id):
        found = await plant.aentities(refresh=call.query.get("refresh", False))
    described = [
        {
            "name": entity.name,
            "key": list(entity.key),
            "cursor": entity.cursor or None,
            "ops": list(entity.ops),
            "writable": entity.writable,
            "fields": [field_dict(field) for field in entity.fields],
        }
        for entity in found
    ]
    return json_reply({"entities": described})


async def read(call: Call) -> Response:
    key = await call.services.signing_key()
    asked = {name: call.query.get(name) for name in ASKED}
    token: str | None = None
    where = [call.path["id"], call.path["entity"]]
    if "cursor" in call.query:
        place = cursors.unpack(key, call.query["cursor"])
        if place["where"] != where:
            message = f"this cursor is of {'/'.join(place['where'])}, not of {'/'.join(where)}"
            raise bad_request(message, "leave it out to begin anew", "cursor")
        for name in ASKED:
            if asked[name] not in (None, place["asked"][name]):
                message = f"{name} is another one than where this cursor comes from"
                raise bad_request(message, "give it as before or not at all, or leave the cursor out", "cursor")
        asked, token = place["asked"], place["token"]
    plant = await opened(call)
    page = await _page(call, plant, asked, token)
    if page is None:
        return json_reply({"records": [], "next_cursor": None})
    following = None
    if not json.loads(page.token).get("ended"):
        following = cursors.pack(key, {"where": where, "asked": asked, "token": page.token})
    answer = await call.threads.store(lambda: json_text({"records": page.to_pylist(), "next_cursor": following}))
    return text_reply(answer)


async def _page(call: Call, plant: Connection, asked: dict[str, Any], token: str | None) -> Page | None:
    """The next page that has records in it; None: there is no more."""
    reader = plant.aread(call.path["entity"], **asked, token=token, prefetch=0, progress=False)
    async with call.threads.slot(plant.id), reader:
        async for page in reader:
            return page
    return None


async def write(call: Call) -> Response:
    body = dict(call.body)
    records = body.pop("records")
    if "delay" in body:
        body["delay"] = float(body["delay"])
    plant = await opened(call)
    entity = call.path["entity"]
    asynchronous = "respond-async" in preferences(call)
    if asynchronous or len(records) > AT_ONCE:
        job = await call.threads.store(partial(call.hub.queue.submit, plant.id, entity, records, **body))
        headers = {"Location": call.url_of(f"/jobs/{job.id}")}
        if asynchronous:
            headers["Preference-Applied"] = "respond-async"
        return json_reply(await call.threads.store(job.to_dict), 202, headers)
    async with call.threads.slot(plant.id):
        result = await call.threads.source(partial(plant.write, entity, records, **body))
    about = {"connection_id": plant.id, "entity": entity, "op": body.get("op", "upsert")}
    return json_reply({**about, **_written(result, len(records))})


def _written(result: WriteResult, given: int) -> dict[str, Any]:
    outcomes: list[dict[str, Any]] = [{"index": index, "state": "ok"} for index in range(given)]
    names = ("index", "state", "key", "category", "code", "message", "hint", "retryable")
    for outcome in result.errors:
        outcomes[outcome.index] = {name: getattr(outcome, name) for name in names}
    return {**{name: getattr(result, name) for name in COUNTS}, "outcomes": outcomes}


def preferences(call: Call) -> list[str]:
    """Those that the client has (RFC 7240), in lower case."""
    return [
        preference.partition(";")[0].strip().lower()
        for header in call.request.headers.getlist("prefer")
        for preference in header.split(",")
    ]


def field_dict(field: Any) -> dict[str, Any]:
    """A column: only what its type has."""
    described: dict[str, Any] = {"name": field.name, "type": field.type, "nullable": field.nullable}
    if field.type == "decimal":
        described |= {"precision": field.precision, "scale": field.scale}
    if field.type == "timestamp":
        described["utc"] = field.utc
    if field.children:
        described["children"] = [field_dict(child) for child in field.children]
    return described


RECORDS = "/connections/{id}/entities/{entity}/records"
OPERATIONS = (
    Operation(
        "GET",
        "/connections/{id}/entities",
        "listEntities",
        "What the source has: columns, keys, and what can be written.",
        entities,
        query={"refresh": {"type": "boolean", "description": "Ask the source again."}},
        answers={
            200: ("In the source's order.", table({"entities": {"type": "array", "items": ENTITY}}, ["entities"]))
        },
    ),
    Operation(
        "GET",
        RECORDS,
        "readRecords",
        "A page of records, read from the source. Decimals and 64-bit integers keep every digit.",
        read,
        query={
            "page_size": integer(1, 10_000, description="A wish: sources have limits of their own."),
            "cursor": text(maxLength=100_000, description="`next_cursor` of the page before."),
            "modified_after": text(format="date-time", description="Only what changed at or after this instant."),
            "columns": {**NAMES, "description": "These only, separated by commas."},
        },
        answers={
            200: (
                "The records, and where to go on; null: that was all.",
                table(
                    {
                        "records": {"type": "array", "items": {"type": "object"}},
                        "next_cursor": {"type": ["string", "null"]},
                    },
                    ["records", "next_cursor"],
                ),
            )
        },
    ),
    Operation(
        "POST",
        RECORDS,
        "writeRecords",
        f"Writes records: at once, or by a job with `Prefer: respond-async` or more than {AT_ONCE:,} of them.",
        write,
        scope="operate",
        body=WRITE,
        once=True,
        answers={
            200: ("What became of each record.", WRITTEN),
            202: ("A job writes them; `Location` says where to look.", JOB),
        },
    ),
)
