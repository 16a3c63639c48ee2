"""How long history is kept, and the thread that removes what is older while a process works."""

from __future__ import annotations

import datetime
import json
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from switchgear import _core
from switchgear.errors import ConfigError, StoreError
from switchgear.schedule import duration_seconds

if TYPE_CHECKING:
    from switchgear.jobs import Queue

DEFAULT = datetime.timedelta(days=90)
SETTING = "retention"
_EVERY = 3600.0  # seconds
_LONGEST = datetime.timedelta(days=366 * 1000)


@dataclass(frozen=True)
class Retention:
    """How long a store keeps what; None: for ever.

    Attributes:
        runs: of syncs and flows, that ended, with their messages.
        errors: since they were last met.
        deliveries: webhooks that were sent or came, and are through.
    """

    runs: datetime.timedelta | None = DEFAULT
    errors: datetime.timedelta | None = DEFAULT
    deliveries: datetime.timedelta | None = datetime.timedelta(days=30)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: seconds, or null."""
        return {name: None if age is None else age.total_seconds() for name, age in asdict(self).items()}


def read(settings: _core.SettingStore) -> Retention:
    """What the store says."""
    kept = json.loads(settings.find(SETTING) or "{}")
    ages = {name: None if age is None else datetime.timedelta(seconds=age) for name, age in kept.items()}
    return Retention(**{field.name: ages[field.name] for field in fields(Retention) if field.name in ages})


def change(settings: _core.SettingStore, given: dict[str, Any]) -> Retention:
    """Writes down what is given, and leaves the rest. Raises ConfigError (`config.retention`) for what is no age."""
    changed = replace(read(settings), **{name: _age(name, value) for name, value in given.items()})
    if given:
        settings.put(SETTING, json.dumps(changed.to_dict()))
    return changed


def _age(name: str, value: Any) -> datetime.timedelta | None:
    age: Any = value
    if isinstance(value, str) and (seconds := duration_seconds(value)) is not None:
        age = datetime.timedelta(seconds=min(seconds, _LONGEST.total_seconds()))
    if age is not None and (not isinstance(age, datetime.timedelta) or not datetime.timedelta(0) <= age <= _LONGEST):
        raise ConfigError(
            f"the retention of {name} is {value!r}",
            code="config.retention",
            hint='such as "90d", timedelta(days=90), or None for ever',
        )
    return age


def removing_jobs(queue: Queue, age: datetime.timedelta | None) -> AbstractContextManager[None]:
    """As removing(), for jobs; None: none are removed."""
    if age is None:
        return nullcontext()
    if age < datetime.timedelta(0):
        raise ConfigError(f"retention is {age}; it can't be negative", hint="datetime.timedelta(days=90), or None")
    return removing(lambda: queue.purge(age))


@contextmanager
def removing(what: Callable[[], object]) -> Iterator[None]:
    """In a `with` statement: calls `what` at its begin and every hour, on a thread of its own."""
    ended = threading.Event()
    thread = threading.Thread(target=_remove, args=(what, ended), name="switchgear-retention")
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _remove(what: Callable[[], object], ended: threading.Event) -> None:
    while True:
        try:
            what()
        except StoreError as error:  # the work meets it, too, and tells; here the next hour will do
            logging.getLogger("switchgear.store").warning("what is old could not be removed, and will be: %s", error)
        if ended.wait(_EVERY):
            return
