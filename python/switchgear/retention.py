"""While a worker works, jobs that ended long ago are removed, and what killed submitters left half-way."""

from __future__ import annotations

import datetime
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from switchgear.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from switchgear.jobs import Queue

DEFAULT = datetime.timedelta(days=90)
_EVERY = 3600.0  # seconds


@contextmanager
def removing(queue: Queue, age: datetime.timedelta | None) -> Iterator[None]:
    """In a `with` statement: removes at its begin and every hour, on a thread of its own. None: nothing is removed."""
    if age is None:
        yield
        return
    if age < datetime.timedelta(0):
        raise ConfigError(f"retention is {age}; it can't be negative", hint="datetime.timedelta(days=90), or None")
    ended = threading.Event()
    thread = threading.Thread(target=_remove, args=(queue, age, ended), name="switchgear-retention")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _remove(queue: Queue, age: datetime.timedelta, ended: threading.Event) -> None:
    while True:
        try:
            queue.purge(age)
        except StoreError as error:  # the worker meets it, too, and tells; here the next hour will do
            logging.getLogger("switchgear.store").warning("old jobs could not be removed, and will be later: %s", error)
        if ended.wait(_EVERY):
            return
