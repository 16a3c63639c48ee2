"""What a connection met, kept from one command to the next: without it no command could say "it worked until …".

One small JSON file for each connection in `$XDG_STATE_HOME/switchgear/history` (`~/.local/state/switchgear/history`),
readable by its owner only. It holds when each operation last went well, and the errors that `Connection.errors()`
lists; texts are redacted before they are logged. A file that can't be read or written is left alone: a command does its
work without it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from switchgear.connection import Connection

VERSION = 1
MOST_SUCCESSES = 1000

_log = logging.getLogger("switchgear.history")


def folder() -> Path:
    """Where the files are."""
    given = os.environ.get("XDG_STATE_HOME", "")
    base = Path(given) if given and Path(given).is_absolute() else Path.home() / ".local/state"
    return base / "switchgear" / "history"


def file_of(connection: Connection) -> Path:
    """Its name is the connection's id and a digest of what it leads to: two projects may both have a `plant`."""
    specification = connection._specification
    what = json.dumps(
        [specification.connector, sorted(specification.config.items()), repr(specification.auth)], default=str
    )
    digest = hashlib.sha256(what.encode()).hexdigest()[:16]
    return folder() / f"{re.sub(r'[^A-Za-z0-9_-]', '_', connection.id)[:60]}-{digest}.json"


def restore(connection: Connection) -> None:
    """Takes up what earlier commands met."""
    try:
        kept = json.loads(file_of(connection).read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        if not isinstance(problem, FileNotFoundError):
            _log.warning("the history of %s can't be read: %s", connection.id, problem)
        return
    if not isinstance(kept, Mapping) or kept.get("version") != VERSION:
        return
    try:
        for entity, operation, seconds in kept["successes"]:
            connection._core.restore_success(str(entity), str(operation), float(seconds))
        for each in kept["errors"]:
            connection._core.restore_error(**each)
    except (KeyError, TypeError, ValueError) as problem:
        _log.warning("the history of %s is not what was written: %s", connection.id, problem)


def save(connection: Connection) -> None:
    """Keeps what is known now. The file is replaced in one go."""
    successes = sorted(connection._core.successes(), key=lambda success: -success[2])[:MOST_SUCCESSES]
    kept = {"version": VERSION, "successes": successes, "errors": [_error(logged) for logged in connection.errors()]}
    path = file_of(connection)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(kept, file)
            Path(name).replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as problem:
        _log.warning("the history of %s can't be kept: %s", connection.id, problem)


def _error(logged: Any) -> dict[str, Any]:
    error = logged.error
    return {
        "entity": logged.entity,
        "operation": logged.operation,
        "category": error.category,
        "detail": error.code.partition(".")[2],
        "message": error.message,
        "hint": error.hint,
        "count": logged.count,
        "recovered": logged.recovered,
        "first_seen": logged.first_seen.timestamp(),
        "last_seen": logged.last_seen.timestamp(),
        "http_status": error.http_status,
        "request_id": error.request_id,
    }
