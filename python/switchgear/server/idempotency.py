"""`Idempotency-Key`: the same request sent again is answered as the first one was, and not done again.

The key is claimed in the store before anything is done, and kept with the reply for a day, for all servers of the
store. Where the server was stopped in between, nobody knows how far it came: the request is refused rather than done
twice.
"""

from __future__ import annotations

import hashlib
import json
import logging
from typing import TYPE_CHECKING

from starlette.responses import Response

from switchgear.diagnosis import iso
from switchgear.errors import Error, StoreError
from switchgear.server.operations import Call, Operation
from switchgear.server.replies import Refused, bad_request, refused, text_reply

if TYPE_CHECKING:
    from switchgear import _core

HEADER = "idempotency-key"
KEPT_HEADERS = ("location", "preference-applied")
_log = logging.getLogger("switchgear.server")


async def once(call: Call, operation: Operation) -> Response:
    """The operation's reply, or that of the request which had this key before."""
    key = call.request.headers.get(HEADER)
    if key is None:
        return await operation.handler(call)
    if not 1 <= len(key) <= 255 or not key.isascii() or not key.isprintable():
        raise bad_request("the Idempotency-Key must be 1 to 255 printable characters", "a UUID, say", "idempotency_key")
    keys, owner = call.services.kept_replies, call.access.owner
    fingerprint = _fingerprint(call, operation)
    before = await call.threads.store(keys.claim, owner, key, fingerprint)
    if before is not None:
        return _again(before, fingerprint)
    try:
        response = await operation.handler(call)
    except (Refused, Error) as error:
        if not isinstance(error, StoreError):  # then nobody knows; of the others it is known that nothing was done
            await call.threads.store(keys.release, owner, key)
        raise
    kept = json.dumps([_headers(response), bytes(response.body).decode()])
    try:
        await call.threads.store(keys.finish, owner, key, response.status_code, kept)
    except Error as error:  # it is done: to say that it failed would be wrong
        _log.error("the reply of %s can't be kept for its Idempotency-Key: %s", operation.name, error)
    return response


def _headers(response: Response) -> dict[str, str]:
    return {name: response.headers[name] for name in KEPT_HEADERS if name in response.headers}


def _fingerprint(call: Call, operation: Operation) -> str:
    path = [operation.name, sorted(call.path.items()), sorted(call.query.items())]
    digest = hashlib.sha256(json.dumps([*path, call.request.headers.get("prefer", "")]).encode())
    digest.update(call.raw_body)
    return digest.hexdigest()


def _again(before: _core.KeptReply, fingerprint: str) -> Response:
    if before.fingerprint != fingerprint:
        message = f"this Idempotency-Key came with another request at {iso(before.begun_at)}"
        raise refused(422, "bad_request.idempotency_key", message, "a key is for one request: use a new one")
    if before.status == 0:
        message = f"the first request with this Idempotency-Key, of {iso(before.begun_at)}, has no reply yet"
        hint = "ask again in a while; if the server was stopped meanwhile, see what was done before you use another key"
        raise refused(409, "conflict.idempotency_key", message, hint, Retry_After="5")
    headers, body = json.loads(before.body)
    return text_reply(body, before.status, {**headers, "Idempotency-Replayed": "true"})
