"""The core's log lines in Python's `logging`, as the logger `switchgear`.

A line is handed over by the next call that waits for the core, so it may come a little later than what it speaks of.
"""

from __future__ import annotations

import atexit
import logging

from switchgear import _core

LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR)
_logger = logging.getLogger("switchgear")


def deliver(level: int, component: str, message: str) -> None:
    """One line. `component`: the part of the core, or the connection that a connector spoke for."""
    _logger.log(LEVELS[level], "%s: %s", component, message)


atexit.register(_core.hand_over_log_lines)
