"""A destination that is a function of your own: it gets each checkpoint and does with it what it likes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from switchgear.destinations.base import Checkpoint, Destination, DestinationTable, Table, fenced
from switchgear.destinations.durable import LOCK_SECONDS, explained, folder_name, locked, make_folder, write
from switchgear.errors import DestinationError

Take = Callable[[Table, Checkpoint], object]


class CallbackDestination(Destination):
    """Calls a function with each checkpoint, at least once, and keeps the states in files.

    `take(table, checkpoint)` returns when the rows are where they belong; then the state is written into
    `folder/schema/table.json`. After a crash between the two, or when `take` raised, the same rows come again, perhaps
    in other checkpoints. `checkpoint.first` and `.last` tell where a complete listing begins and ends (mode replace),
    `checkpoint.to_arrow()` gives the rows, and `checkpoint.removed` the keys of those that the source has removed.

    Args:
        take: whatever it raises ends the run. An error that is none of switchgear's becomes `destination.lost`.
        folder: of the states; is made when it is needed.
        lock_seconds: how long a commit waits for another process's.
    """

    transactional = False
    deletes = True

    def __init__(self, take: Take, folder: str | Path, *, lock_seconds: float = LOCK_SECONDS) -> None:
        self.take = take
        self.folder = Path(folder)
        self.url = f"callback:///{self.folder}"
        self._lock_seconds = lock_seconds

    def open(self, table: Table) -> CallbackTable:
        return CallbackTable(self.take, self.folder, table, self._lock_seconds)


class CallbackTable(DestinationTable):
    """The state of one table, and the function that takes its rows."""

    def __init__(self, take: Take, folder: Path, table: Table, lock_seconds: float) -> None:
        self._take = take
        self._table = table
        self._path = folder / folder_name(table.schema) / f"{folder_name(table.name)}.json"
        self._lock_seconds = lock_seconds

    def state(self) -> str | None:
        with explained(self._table, self._path, "reading its state"):
            try:
                return str(json.loads(self._path.read_text(encoding="utf-8"))["state"])
            except FileNotFoundError:
                return None
            except (ValueError, TypeError, KeyError) as error:
                raise DestinationError(
                    f"{self._path} can't be used: it holds no state ({error})",
                    code="destination.open",
                    hint="restore it, or remove it and sync again with full=True",
                    connection_id=self._table.connection_id,
                    entity=self._table.entity,
                ) from error

    def commit(self, checkpoint: Checkpoint) -> None:
        with explained(self._table, self._path, "committing"):
            make_folder(self._path.parent)
            with locked(self._path.with_suffix(".lock"), self._table, self._lock_seconds):
                fenced(self._table, self.state(), checkpoint)
                self._give(checkpoint)
                write(self._path, json.dumps({"state": checkpoint.state, "run_id": checkpoint.run_id}))

    def _give(self, checkpoint: Checkpoint) -> None:
        from switchgear.errors import Error

        try:
            self._take(self._table, checkpoint)
        except Error:
            raise
        except Exception as error:
            raise DestinationError(
                f"what takes {self._table.schema}.{self._table.name} failed: {type(error).__name__}: {error}",
                code="destination.lost",
                hint="nothing was noted as done: the same rows come again in the next run",
                connection_id=self._table.connection_id,
                entity=self._table.entity,
            ) from error
