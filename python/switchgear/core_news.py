"""What the core has to say: its log lines, as the logger `switchgear`, and what listeners of connections hear.

Handed over by the next call that waits for the core, so it may come a little later than what it speaks of.
"""

from __future__ import annotations

import atexit
import itertools
import logging
import threading
from collections.abc import Callable
from typing import TypeVar
from weakref import WeakValueDictionary

from switchgear import _core
from switchgear.errors import ConfigError

LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)
_logger = logging.getLogger("switchgear")

Event = TypeVar("Event", _core.StatusChange, _core.BreakerEvent)
F = TypeVar("F")


def log(level: int, component: str, message: str) -> None:
    """One line. `component`: the part of the core, or the connection that a connector spoke for."""
    _logger.log(LEVELS[level], "%s: %s", component, message)


class Listeners:
    """Those of one connection. They live as long as it does."""

    def __init__(self, connection: _core.Connection) -> None:
        self._connection = connection
        self._begun = threading.Lock()
        self._of_status: list[Callable[[_core.StatusChange], object]] = []
        self._of_events: list[Callable[[_core.BreakerEvent], object]] = []

    def on_status(self, listener: Callable[[_core.StatusChange], object]) -> None:
        self._of_status = [*self._of_status, _callable(listener)]
        self._begin()

    def on_event(self, listener: Callable[[_core.BreakerEvent], object]) -> None:
        self._of_events = [*self._of_events, _callable(listener)]
        self._begin()

    def _begin(self) -> None:
        # Of a connection that nobody listens to nothing is queued.
        if self._begun.acquire(blocking=False):
            number = next(_numbers)
            _listening[number] = self
            self._connection.listen(number)

    def hear(self, event: _core.StatusChange | _core.BreakerEvent) -> None:
        if isinstance(event, _core.StatusChange):
            self._tell(self._of_status, event)
        else:
            self._tell(self._of_events, event)

    def _tell(self, listeners: list[Callable[[Event], object]], event: Event) -> None:
        for listener in listeners:
            try:
                listener(event)
            except KeyboardInterrupt:
                import _thread

                _thread.interrupt_main()  # raised again, where it can reach the user
            except BaseException:
                _logger.exception("a listener of connection %s raised", self._connection.id)


def _callable(listener: F) -> F:
    if callable(listener):
        return listener
    raise ConfigError(f"a listener must be callable, not {listener!r}", hint="pass a function of one argument")


_numbers = itertools.count(1)
_listening: WeakValueDictionary[int, Listeners] = WeakValueDictionary()


def tell(number: int, event: _core.StatusChange | _core.BreakerEvent) -> None:
    """One event of a connection, to its listeners if it is still there."""
    listeners = _listening.get(number)
    if listeners is not None:
        listeners.hear(event)


atexit.register(_core.hand_over_news)
