"""Ctrl-C while pages are written: the first lets a page be finished, the second does not."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType


class Interrupts:
    """In a `with` statement on the main thread: Ctrl-C raises KeyboardInterrupt, but not in the midst of `whole`."""

    def __init__(self) -> None:
        self._writing = False
        self._wanted = False

    def __enter__(self) -> Interrupts:
        self._before = signal.signal(signal.SIGINT, self._heard)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self._writing and not self._wanted:
            self._wanted = True
            return
        raise KeyboardInterrupt

    @contextlib.contextmanager
    def whole(self) -> Iterator[None]:
        """What is done in here is done as a whole; a Ctrl-C meanwhile is raised after it."""
        self._writing = True
        try:
            yield
        finally:
            self._writing = False
        if self._wanted:
            raise KeyboardInterrupt
