"""`next_cursor`: a place in a listing together with what was asked for, signed.

Signed, because a place may be a URL that the source has given: a cursor of the client's own making would send the
server wherever it says.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

from switchgear.server.replies import bad_request

_SIGNATURE_BYTES = 16


def pack(key: bytes, place: dict[str, Any]) -> str:
    """The cursor."""
    text = json.dumps(place, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
    return base64.urlsafe_b64encode(_signature(key, text) + text).rstrip(b"=").decode()


def unpack(key: bytes, cursor: str) -> dict[str, Any]:
    """What was packed. Raises 400 for everything else."""
    try:
        whole = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except (UnicodeEncodeError, binascii.Error):
        whole = b""
    signature, text = whole[:_SIGNATURE_BYTES], whole[_SIGNATURE_BYTES:]
    if not hmac.compare_digest(signature, _signature(key, text)):
        hint = "give `next_cursor` as it came, or leave it out to begin anew"
        raise bad_request("this cursor was not made here, or was changed", hint, "cursor")
    place: dict[str, Any] = json.loads(text.decode("utf-8", "surrogatepass"))
    return place


def _signature(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, b"switchgear cursor " + text, hashlib.sha256)[:_SIGNATURE_BYTES]
