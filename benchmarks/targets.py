"""What the benchmarks promise and what they saw: a line for each, gathered from all of them into one table.

A benchmark that is given `--targets FILE` appends a line of JSON for each of its targets; `run.py` prints them. The
programs in C++ write the same lines: what, seen, limit, at_least, met.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Target:
    """at_least: `seen` must not be below `limit`; else it must not be above."""

    what: str
    seen: float
    limit: float
    at_least: bool

    @property
    def met(self) -> bool:
        return self.seen >= self.limit if self.at_least else self.seen <= self.limit

    def __str__(self) -> str:
        bound = "at least" if self.at_least else "at most"
        return f"{self.what:64}{self.seen:10.3g}  {bound:>8} {self.limit:<8g}{'met' if self.met else 'MISSED'}"


def record(file: Path | None, targets: Iterable[Target]) -> None:
    """Appends them to the file, if there is one."""
    if file is not None:
        with file.open("a") as out:
            out.writelines(json.dumps(asdict(target)) + "\n" for target in targets)


def read(file: Path) -> list[Target]:
    """What all benchmarks have appended, in their order."""
    if not file.exists():
        return []
    return [Target(**json.loads(line)) for line in file.read_text().splitlines()]
