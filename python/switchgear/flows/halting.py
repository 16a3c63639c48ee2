"""Why a flow may not go on: told to stop, overtaken by another process, or out of time. And errors as text."""

from __future__ import annotations

import json
import time
import traceback
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from switchgear.errors import Cancelled, Conflict, Error, PluginError, TimeoutError

if TYPE_CHECKING:
    from switchgear import _core

LONGEST_TEXT = 4000


class Stopped(Cancelled):
    """The flow was told to stop. What it does next raises this again, so that no flow's `except` goes on for ever."""

    def __init__(self) -> None:
        super().__init__("the flow was told to stop", code="cancelled.stopped")


class Overtaken(Conflict):
    """Another process has ended or taken up the execution: nothing of it can be kept any more."""

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"the run {run_id} was taken for dead, and ended or taken up by another process",
            code="conflict.lease_lost",
            hint="it stood still for longer than its lease; what it had finished is kept",
        )


def too_late(what: str, seconds: float) -> TimeoutError:
    """What took longer than it may."""
    return TimeoutError(
        f"{what} took longer than its timeout of {seconds:g} s",
        code="timeout.flow",
        hint="give it more time, or split it into smaller steps",
    )


class Time:
    """The clock that a flow's times are measured on; None is the real one."""

    def __init__(self, clock: _core.Clock | None) -> None:
        self.clock = clock

    def now(self) -> float:
        """Seconds; only their difference means something."""
        return time.monotonic() if self.clock is None else self.clock.now()

    def wall(self) -> datetime:
        """In UTC."""
        return (
            datetime.now(timezone.utc) if self.clock is None else datetime.fromtimestamp(self.clock.wall, timezone.utc)
        )


def as_error(error: BaseException) -> Error:
    """An error of the flow's own code is named with its place."""
    if isinstance(error, Error):
        return error
    place = place_of(error)
    return PluginError(
        clean(f"{type(error).__name__}: {error}" + (f" ({place})" if place else "")),
        code="plugin.flow",
        hint="the flow's own code raised it; the run's messages have the traceback",
    )


def place_of(error: BaseException) -> str:
    """`file:line` of the code that raised it, outside of this package as far as that is known."""
    outside = _frames_outside(error)
    return f"{outside[-1].filename}:{outside[-1].lineno}" if outside else ""


def traceback_of(error: BaseException) -> str:
    """Its traceback, without this package's own frames."""
    lines = traceback.format_list(_frames_outside(error)) + traceback.format_exception_only(error)
    return "".join(["Traceback (most recent call last):\n", *lines]).rstrip()


def _frames_outside(error: BaseException) -> list[traceback.FrameSummary]:
    own = str(Path(__file__).parents[1])
    return [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(own)]


def error_text(error: Error) -> str:
    """As the store keeps errors."""
    said: dict[str, Any] = {"category": error.category, "code": error.code, "message": clean(error.message)}
    more = {
        "hint": clean(error.hint),
        "retryable": error.retryable,
        "retry_after_ms": None if error.retry_after is None else int(error.retry_after * 1000),
        "connection_id": error.connection_id,
        "entity": error.entity,
        "http_status": error.http_status,
        "request_id": error.request_id,
    }
    return json.dumps(said | {name: value for name, value in more.items() if value not in (None, "", False, 0)})


def clean(text: str) -> str:
    """What the store takes: no zero bytes, no lone surrogates, and not without end."""
    text = text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
