"""The state of a sync in a Delta table: in the commits of its log, and in a copy beside it."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from deltalake import CommitProperties, DeltaTable, Transaction

from switchgear.destinations.durable import sync_file, sync_folder
from switchgear.errors import DestinationError

FORMAT = 1
APPLICATION = "switchgear"
_STATE, _TRANSACTION, _OWNER = "switchgear.state", "switchgear.transaction", "switchgear.owner"
_TOKEN = "switchgear.token"  # noqa: S105 - by which a commit is known as ours


@dataclass(frozen=True)
class Kept:
    """What `state.json` holds: the state at a transaction of the table, or later ones on the way to the next."""

    format: int = FORMAT
    owner: str = ""
    mode: str = ""
    transaction: int = 0
    state: str | None = None
    aside: tuple[str, ...] = ()
    token: str = ""

    @classmethod
    def read(cls, path: Path) -> Kept:
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if found["format"] <= FORMAT:
                return cls(**found | {"aside": tuple(found["aside"])})
            why, hint = f"it has format {found['format']}, this version knows {FORMAT}", "upgrade switchgear"
        except FileNotFoundError:
            return cls()
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            why, hint = f"it holds no state: {error}", "remove it: the table's log has the state as well"
        raise DestinationError(f"{path} can't be used: {why}", code="destination.open", hint=hint)


def commit_of(kept: Kept) -> CommitProperties:
    """What goes with a commit, which is made for the version that was looked at or fails."""
    return CommitProperties(
        custom_metadata={
            _STATE: kept.state,
            _TRANSACTION: str(kept.transaction),
            _OWNER: kept.owner,
            _TOKEN: kept.token,
        },
        app_transactions=[Transaction(APPLICATION, kept.transaction)],
        max_commit_retries=0,
    )


def logged(target: DeltaTable, transaction: int) -> Kept | None:
    """The state of a transaction by the log; None if its commit has been cleaned up."""
    for commit in target.history():
        if commit.get(_TRANSACTION) == str(transaction):
            return Kept(owner=commit[_OWNER], transaction=transaction, state=commit[_STATE])
    return None


def sync_commit(table: Path, version: int, token: str = "") -> bool:
    """Waits until a commit is on the disk: delta-rs leaves what it writes to the operating system.

    Returns:
        Whether there is a commit of this version, with this token.
    """
    log = table / "_delta_log"
    path = log / f"{version:020d}.json"
    try:
        actions = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except FileNotFoundError:
        return False
    if token and not any(action.get("commitInfo", {}).get(_TOKEN) == token for action in actions):
        return False
    for file in (path, *(table / unquote(action["add"]["path"]) for action in actions if "add" in action)):
        with contextlib.suppress(FileNotFoundError):  # whoever committed after us may have vacuumed it
            sync_file(file)
    for folder in (log, table, table.parent):
        sync_folder(folder)
    return True
