"""What connections' breakers and limiters have learnt, kept in the store: a restart hammers no host that is away.

It is written at the end of each run and of each `run_forever()` and `work()`, and taken up when a hub opens a
connection. An open breaker stays open until its time; a limiter goes on at the rate that its source bears.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from switchgear import _core
from switchgear.errors import StoreError

if TYPE_CHECKING:
    from switchgear.connection import Connection

_log = logging.getLogger("switchgear.store")


class KeptPolicies:
    """Threads may share it. Where several processes write, the last one holds."""

    def __init__(self, store: _core.Store) -> None:
        self._settings = _core.SettingStore(store)

    def restore(self, plant: Connection) -> None:
        """Before anything is sent through it."""
        plant._core.restore_policies(self._settings.find(_name(plant.id)) or "")

    def keep(self, plant: Connection, *, well: bool) -> None:
        """Writes down what there is to remember.

        Args:
            well: its source has just answered, so that what another process may have met is over.
        """
        memory = plant._core.policy_memory()
        try:
            if memory:
                self._settings.put(_name(plant.id), memory)
            elif well:
                self._settings.erase(_name(plant.id))
        except StoreError as error:  # the run itself is told in its own words
            _log.warning("what the policies of %s have learnt could not be kept: %s", plant.id, error)

    def forget(self, id: str) -> None:
        """It may lead to another place now."""
        self._settings.erase(_name(id))


def _name(id: str) -> str:
    return f"policies/{id}"
