"""Webhooks that come, over HTTP. They need no token: each is verified by its own signature."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from switchgear.server.bodies import read_body
from switchgear.server.operations import Call, Operation

if TYPE_CHECKING:
    from switchgear.inbox import Reply

MAX_WEBHOOK_BYTES = 4 << 20


async def receive(call: Call) -> Response:
    """Verified and kept when it is answered; handled afterwards."""
    return await _received(call, "POST", await read_body(call.request, MAX_WEBHOOK_BYTES))


async def asked(call: Call) -> Response:
    """CloudEvents' handshake: whether somebody may send."""
    return await _received(call, "OPTIONS", b"")


async def _received(call: Call, method: str, body: bytes) -> Response:
    request = call.request
    id = request.path_params["id"]
    headers: Any = request.headers.raw
    reply: Reply = await call.threads.store(lambda: call.hub.inbox.receive(id, body, headers, method=method, url=None))
    return Response(reply.body, reply.status, dict(reply.headers))


OPERATIONS = (
    Operation(
        "POST",
        "/webhooks/{id}",
        "receiveWebhook",
        "A webhook for a connection, verified by the connection's rules. Needs no token.",
        receive,
        scope="",
        answers={202: ("It is kept, or came before, and will be handled.", {"type": "object"})},
    ),
    Operation(
        "OPTIONS",
        "/webhooks/{id}",
        "askToSend",
        "Whether a sender of CloudEvents may send (CloudEvents 1.0.2, http-webhook.md). Needs no token.",
        asked,
        scope="",
        answers={200: ("It may.", {"type": "object"})},
    ),
)
