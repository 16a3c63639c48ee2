"""What an exception means to the policies, whoever raised it."""

from __future__ import annotations

import builtins

from switchgear import _core
from switchgear.errors import Error

# As switchgear::Outcome numbers them.
SUCCESS, FAILURE, NEUTRAL = range(3)
# A class of its own before Python 3.11. Named, because asyncio is only loaded by those who use it.
_ASYNCIO_TIMEOUT = ("asyncio.exceptions", "TimeoutError")

OUTCOMES = {"success": SUCCESS, "failure": FAILURE, "neutral": NEUTRAL}


def outcome_of(exception: BaseException) -> int:
    """What an exception is to a breaker: an `Error` as its category says; one that only ends the caller (Ctrl-C, a
    cancelled task) nothing; every other one a failure.
    """
    if isinstance(exception, Error):
        return _core.judge(exception.code)
    return FAILURE if isinstance(exception, Exception) else NEUTRAL


def code_of(exception: BaseException) -> str:
    """The error code under which it may be tried again. Errors of connections and waits are known from the built-in
    classes; nothing else of others is, so it counts as what can't be tried again.
    """
    if isinstance(exception, Error):
        return exception.code
    kind = type(exception)
    if isinstance(exception, builtins.TimeoutError) or (kind.__module__, kind.__name__) == _ASYNCIO_TIMEOUT:
        return "timeout"
    if isinstance(exception, ConnectionRefusedError):
        return "offline.connect"
    return "offline.lost" if isinstance(exception, ConnectionError) else "internal"


def retry_after_of(exception: BaseException) -> float | None:
    """How long the source asked to wait, in seconds."""
    wait = getattr(exception, "retry_after", None)
    usable = isinstance(wait, int | float) and not isinstance(wait, bool) and 0 <= wait <= 365 * 86400
    return float(wait) if usable else None  # type: ignore[arg-type]
