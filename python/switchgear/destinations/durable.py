"""Files that appear whole or not at all, and that are still there after a power cut."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from switchgear.destinations.base import Table
from switchgear.errors import DestinationError

LOCK_SECONDS = 10.0
_LOOK_AGAIN_SECONDS = 0.005
_CODES = {
    errno.ENOSPC: ("destination.full", "make room, then sync again: nothing of what is there was changed"),
    errno.EDQUOT: ("destination.full", "raise the quota or make room, then sync again"),
    errno.EFBIG: ("destination.full", "the file system or a limit (ulimit -f) allows no larger file"),
    errno.EROFS: ("destination.readonly", "the file system is mounted read-only"),
    errno.EACCES: ("destination.readonly", "give the user that runs the sync the right to write there"),
    errno.EPERM: ("destination.readonly", "give the user that runs the sync the right to write there"),
    errno.ENOTDIR: ("destination.open", "a file is in the way of a folder; choose another one"),
    errno.ENAMETOOLONG: ("destination.open", "shorten the names of schema and table"),
}


def folder_name(name: str) -> str:
    """A schema's or table's name as that of one folder which readers by glob take for nothing else.

    Separators, wildcards, `~`, what a URL would take for something else, `=` (which would make a partition of it) and a
    leading `.` or `_` (which would hide it) become `~XX`; everything else stays. No two names share a folder.
    """
    escaped = "".join(f"~{ord(c):02X}" if c in '~/\\*?[]{}=%#:"' or ord(c) < 32 else c for c in name)
    return f"~{ord(escaped[0]):02X}{escaped[1:]}" if escaped[:1] in (".", "_") else escaped or "~"


def make_folder(folder: Path) -> None:
    """Makes a folder with those above it, each of which then stays."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        sync_folder(each.parent)


def sync_file(path: Path) -> None:
    """Waits until a file's contents are on the disk."""
    _sync(path, os.O_RDONLY)


def sync_folder(folder: Path) -> None:
    """Waits until the names in a folder are on the disk, as fsync does it for the contents of a file."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def move(staged: Path, target: Path) -> None:
    """Gives a complete, synced file its name, over one that is there already: the step before which nothing is seen."""
    staged.replace(target)
    sync_folder(target.parent)
    if staged.parent != target.parent:
        sync_folder(staged.parent)


def write(path: Path, text: str, mark: str = "") -> None:
    """Writes a text durably; readers see the old one or the new one.

    Args:
        mark: tells apart what several writers write at the same time, where no lock keeps them from it.
    """
    staged = path.with_name(f"{path.name}{mark}.tmp")
    with staged.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    move(staged, path)


def remove(path: Path) -> None:
    """Removes a file durably; one that is not there is no error."""
    path.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextlib.contextmanager
def locked(path: Path, table: Table, seconds: float = LOCK_SECONDS) -> Iterator[None]:
    """Holds a lock that ends with the process.

    Raises:
        DestinationError (`destination.locked`): another process held it for so long.
    """
    with path.open("w") as file:
        end = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= end:
                    raise DestinationError(
                        f"table {table.schema}.{table.name}: another writer has held {path} for {seconds:g} s",
                        code="destination.locked",
                        hint="wait for the other sync to end; the lock ends with its process",
                        retryable=True,
                        connection_id=table.connection_id,
                        entity=table.entity,
                    ) from None
                time.sleep(_LOOK_AGAIN_SECONDS)
        yield


def code_and_hint(number: int | None) -> tuple[str, str]:
    """What an error of the operating system is to a destination, and what to do about it."""
    return _CODES.get(number or 0, ("destination.lost", "look at the disk or the mount, then sync again"))


@contextlib.contextmanager
def explained(table: Table, where: Path, doing: str) -> Iterator[None]:
    """Turns what the operating system says into an error of the destination."""
    try:
        yield
    except OSError as error:
        code, hint = _CODES.get(
            error.errno or 0, ("destination.lost", "look at the disk or the mount, then sync again")
        )
        path = error.filename or where
        raise DestinationError(
            f"table {table.schema}.{table.name}: {doing} failed: {error.strerror or error} ({path})",
            code=code,
            hint=hint,
            retryable=code in ("destination.full", "destination.lost"),
            connection_id=table.connection_id,
            entity=table.entity,
        ) from error
