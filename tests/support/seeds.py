"""Random tests that can be repeated, and how much of them is done.

SWITCHGEAR_SEED       the seed; without it another one each time. Every random test prints its own.
SWITCHGEAR_ROUNDS     rounds of a soak test (`make soak ROUNDS=200`)
SWITCHGEAR_SECONDS    after how long a soak test begins nothing more (`make soak SECONDS=3600`); else it does all of it
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable


def new_seed() -> int:
    """The seed that was asked for, else one of eight digits."""
    given = os.environ.get("SWITCHGEAR_SEED", "")
    return int(given) if given else random.SystemRandom().randrange(10**8)


def dice(seed: int) -> random.Random:
    """A source of random choices, the same ones for the same seed."""
    return random.Random(seed)  # noqa: S311 - nothing secret hangs on it


def soak_rounds(usual: int) -> int:
    return int(os.environ.get("SWITCHGEAR_ROUNDS") or usual)


def soak_deadline(now: Callable[[], float] = time.monotonic) -> Callable[[], bool]:
    """A function that says whether a soak test's time is up."""
    given = os.environ.get("SWITCHGEAR_SECONDS", "")
    if not given:
        return lambda: False
    end = now() + float(given)
    return lambda: now() >= end
