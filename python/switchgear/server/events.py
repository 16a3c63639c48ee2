"""Events over HTTP: what happened, where it is sent to, and how that goes.

Where an endpoint may lie besides in the open, and whom it trusts, is the operator's to say: on the command line, in the
project file or in a program, and not here.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from switchgear.server.connections import ID
from switchgear.server.operations import NOTHING, Call, Operation
from switchgear.server.replies import bad_request, json_reply, refused
from switchgear.server.schemas import Schema, integer, table, text

if TYPE_CHECKING:
    from starlette.responses import Response

    from switchgear.events import StoredEvent
    from switchgear.sending import Delivery

STATES = ["pending", "sending", "retry", "delivered", "dead"]
OBJECT: Schema = {"type": "object"}
LIMIT = integer(1, 1000, default=100)
SETTINGS: dict[str, Schema] = {
    "url": text(minLength=1),
    "events": {"type": "object", "description": 'Types and patterns by connection; "*": every one, and none.'},
    "filter": {"type": "object", "description": "Conditions by place in the data."},
    "schedule": text(enum=["default", "standard"]),
    "ordered": {"type": "boolean"},
    "rate": {"type": "number", "minimum": 0, "description": "Deliveries per second at most; 0: any."},
}
ENDPOINT: Schema = {
    "type": "object",
    "properties": {
        "id": text(),
        "url": text(),
        "events": OBJECT,
        "state": text(enum=["enabled", "throttled", "disabled"]),
        "secret": text(description="Only where it was made just now: it is shown this once."),
    },
    "required": ["id", "url", "events", "state"],
}
DELIVERY: Schema = {
    "type": "object",
    "properties": {"id": {"type": "integer"}, "event_id": text(), "endpoint_id": text(), "state": text(enum=STATES)},
    "required": ["id", "event_id", "endpoint_id", "state"],
}
EVENT: Schema = {
    "type": "object",
    "properties": {"number": {"type": "integer"}, "id": text(), "type": text(), "data": OBJECT},
    "required": ["number", "id", "type", "data"],
}


def _everything(call: Call) -> None:
    """An endpoint gets what happens on any connection: only who may see all of them may say so."""
    if call.access.connections is not None:
        message = f"the token {call.access.owner} is for some connections; endpoints are for all"
        raise refused(403, "permission.connection", message, "use a token for all connections")


async def endpoints(call: Call) -> Response:
    _everything(call)
    found = await call.threads.store(call.hub.endpoints.list)
    return json_reply({"endpoints": [each.to_dict() for each in found]})


async def add_endpoint(call: Call) -> Response:
    _everything(call)
    made = await call.threads.store(partial(call.hub.endpoints.add, **_settings(call)))
    said = made.to_dict()
    place = {"Location": call.url_of(f"/endpoints/{made.id}")}
    return json_reply(said if made.secret is None else {**said, "secret": made.secret}, 201, place)


async def change_endpoint(call: Call) -> Response:
    _everything(call)
    id, settings = call.path["id"], _settings(call)
    state = settings.pop("state", None)

    def change() -> dict[str, Any]:
        if settings:
            call.hub.endpoints.update(id, **settings)
        if state is not None:
            (call.hub.endpoints.enable if state == "enabled" else call.hub.endpoints.disable)(id)
        return call.hub.endpoints.get(id).to_dict()

    return json_reply(await call.threads.store(change))


async def remove_endpoint(call: Call) -> Response:
    _everything(call)
    await call.threads.store(call.hub.endpoints.remove, call.path["id"])
    return json_reply({"removed": call.path["id"]})


async def send_samples(call: Call) -> Response:
    _everything(call)
    sent = await call.threads.source(partial(call.hub.endpoints.test, call.path["id"], call.body.get("types")))
    return json_reply({"deliveries": [each.to_dict() for each in sent]})


async def deliveries(call: Call) -> Response:
    limit, cursor = call.query.get("limit", 100), call.query.get("cursor", "0")
    if not cursor.isdigit() or len(cursor) > 18:
        raise bad_request("this cursor was not made here", "give `next_cursor` as it came", "cursor")
    find = partial(
        call.hub.deliveries,
        state=call.query.get("state"),
        endpoint=call.query.get("endpoint"),
        before=int(cursor),
        limit=limit + 1,
    )
    page: list[Delivery] = await call.threads.store(find)
    shown = [each.to_dict() for each in page[:limit] if call.access.may_see(each.connection_id or "")]
    if call.access.scope != "operate":  # what an endpoint answers is for those who run this
        shown = [{name: value for name, value in each.items() if name != "response"} for each in shown]
    following = str(page[limit - 1].id) if len(page) > limit else None
    return json_reply({"deliveries": shown, "next_cursor": following})


async def redeliver(call: Call) -> Response:
    given = call.path["id"]
    if not given.isdigit() or len(given) > 18:
        raise refused(404, "not_found.delivery", f"there is no delivery {given[:40]!r}", "GET /deliveries lists them")
    kept = await call.threads.store(call.hub._deliveries.get, int(given))
    call.access.check_connection(kept.connection_id or "")
    return json_reply((await call.threads.store(call.hub.redeliver, int(given))).to_dict())


async def events(call: Call) -> Response:
    id = call.query.get("connection_id")
    if id is not None:
        call.access.check_connection(id)
    find = partial(
        call.hub.events.list,
        id,
        type=call.query.get("type"),
        after=call.query.get("after"),
        limit=call.query.get("limit", 100),
    )
    found: list[StoredEvent] = await call.threads.store(find)
    return json_reply({"events": [each.to_dict() for each in found if call.access.may_see(each.connection_id or "")]})


def _settings(call: Call) -> dict[str, Any]:
    settings = dict(call.body)
    secret = settings.get("secret")
    if isinstance(secret, str) and not secret.startswith(("whsec_", "whsk_")):
        hint = "whsec_…, whsk_…, or leave it out for a new one"
        raise bad_request("the secret is no key for Standard Webhooks", hint, "value")
    return settings


OPERATIONS = (
    Operation(
        "GET",
        "/endpoints",
        "listEndpoints",
        "Where events are sent to, and which.",
        endpoints,
        answers={200: ("All of them.", table({"endpoints": {"type": "array", "items": ENDPOINT}}, ["endpoints"]))},
    ),
    Operation(
        "POST",
        "/endpoints",
        "addEndpoint",
        "Sends events to a public https URL from now on.",
        add_endpoint,
        scope="operate",
        body=table({"id": text(minLength=1), "secret": text(minLength=1), **SETTINGS}, ["url"]),
        answers={201: ("It is set up.", ENDPOINT)},
    ),
    Operation(
        "PATCH",
        "/endpoints/{id}",
        "changeEndpoint",
        "Changes what is given of an endpoint; enables or disables it.",
        change_endpoint,
        scope="operate",
        body=table({"state": text(enum=["enabled", "disabled"]), **SETTINGS}),
        answers={200: ("As it is now.", ENDPOINT)},
    ),
    Operation(
        "DELETE",
        "/endpoints/{id}",
        "removeEndpoint",
        "Sends nothing there any more.",
        remove_endpoint,
        scope="operate",
        answers={200: ("It is gone.", table({"removed": text()}, ["removed"]))},
    ),
    Operation(
        "POST",
        "/endpoints/{id}/test",
        "testEndpoint",
        "Sends a sample of each type that the endpoint is set for.",
        send_samples,
        scope="operate",
        body=table({"types": {"type": "array", "items": text(minLength=1), "minItems": 1}}),
        answers={
            200: ("How it went.", table({"deliveries": {"type": "array", "items": DELIVERY}}, ["deliveries"])),
        },
    ),
    Operation(
        "GET",
        "/deliveries",
        "listDeliveries",
        "Events on their way to endpoints, the newest first.",
        deliveries,
        query={
            "state": text(enum=STATES),
            "endpoint": text(minLength=1),
            "limit": LIMIT,
            "cursor": text(minLength=1),
        },
        answers={200: ("A page of them.", OBJECT)},
    ),
    Operation(
        "POST",
        "/deliveries/{id}/redeliver",
        "redeliver",
        "Sends the same event again, under the same id.",
        redeliver,
        scope="operate",
        body=NOTHING,
        answers={200: ("It is on its way.", DELIVERY)},
    ),
    Operation(
        "GET",
        "/events",
        "listEvents",
        "What happened, the newest first; behind a number: the oldest first.",
        events,
        query={
            "connection_id": ID,
            "type": text(minLength=1),
            "after": integer(0, 2**62),
            "limit": LIMIT,
        },
        answers={200: ("A page of them.", table({"events": {"type": "array", "items": EVENT}}, ["events"]))},
    ),
)
