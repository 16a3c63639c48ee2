#!/usr/bin/env python3
"""What reading side by side and fetching ahead bring, from the sandbox in a process of its own.

usage: benchmarks/bench_paging.py [--pages N] [--latency MS] [--rounds N] [--targets FILE]

1. A listing by offset, each reply late by 50 ms, 400 pages: eight parts side by side against one page at a time.
2. The same late replies, large pages by next link: how much of what the reader does with a page is hidden behind the
   wait for the next one. The measure is the floor program, which fetches the same pages and throws them away.
3. No latency: two parts side by side against one, where both processors are busy already.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import targets
from targets import Target

import switchgear as sg
from switchgear.sandbox import Fault, Sandbox

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.rest_descriptions import description  # noqa: E402

LARGE = 20_000  # records of a page whose parsing can be seen beside 50 ms


def seconds(work: Callable[[], int], expected: int) -> float:
    begun = time.perf_counter()
    found = work()
    taken = time.perf_counter() - begun
    if found != expected:
        raise RuntimeError(f"{found:,} records were read, there are {expected:,}")
    return taken


def connect(connector: str, **settings: Any) -> sg.Connection:
    # Limits of its own would be what is measured; they are another benchmark's.
    return sg.connect(connector, rate_limit=None, proxy="none", **settings)


def by_offset(box: Sandbox, folder: Path) -> sg.Connection:
    file = folder / "offset.toml"
    file.write_text(description("offset"), encoding="utf-8")
    return connect("rest", url=box.rest_url, description=str(file))


def reading(plant: sg.Connection, **options: Any) -> Callable[[], int]:
    return lambda: sum(len(page) for page in plant.read("WorkOrders", progress=False, **options))


def best(rounds: int, *works: Callable[[], int], expected: int) -> list[float]:
    """The least disturbed round of each, in turns."""
    taken = [[seconds(work, expected) for work in works] for _ in range(rounds)]
    return [min(each) for each in zip(*taken, strict=True)]


def measure_parallel(pages: int, latency: float, rounds: int, folder: Path) -> Target:
    records = pages * 100
    with Sandbox(records=records, process=True, warm=True) as box:
        plant = by_offset(box, folder)
        box.set_faults(Fault("latency", ms=latency))
        one, eight = best(
            rounds,
            reading(plant, page_size=100),
            reading(plant, page_size=100, parallel=8),
            expected=records,
        )
    print(f"{pages} pages, each late by {latency:g} ms: one at a time {one:.2f} s, parallel=8 {eight:.2f} s")
    return Target("parallel=8 with late replies: x as fast as one", one / eight, 6, at_least=True)


def measure_prefetch(latency: float, rounds: int, programs: Path) -> Target:
    records = 20 * LARGE
    size: dict[str, Any] = {"page_size": LARGE, "max_page_size": LARGE, "absolute_links": True}
    with Sandbox(records=records, process=True, warm=True, **size) as box:
        plant = connect("odata", url=box.odata_url)
        plant.entities()
        box.set_faults(Fault("latency", ms=latency, entity="WorkOrders"))
        fetch: list[str | Path] = [programs / "bench_floor", "--transfer", f"{box.odata_url}/WorkOrders"]
        taken = []
        for _ in range(rounds):
            whole = seconds(reading(plant, page_size=LARGE, prefetch=0), records)
            ahead = seconds(reading(plant, page_size=LARGE, prefetch=2), records)
            done = subprocess.run(fetch, capture_output=True, text=True, check=True)
            taken.append((whole, ahead, json.loads(done.stdout)["seconds"]))
    whole, ahead, transfer = (min(each) for each in zip(*taken, strict=True))
    hidden = (whole - ahead) / (whole - transfer)
    print(
        f"pages of {LARGE:,} records: transfer alone {transfer:.3f} s, read {whole:.3f} s, fetched ahead {ahead:.3f} s"
    )
    return Target("prefetch: share of a page's work that it hides", hidden, 0.8, at_least=True)


def measure_without_latency(rounds: int, folder: Path) -> Target:
    records = 200_000
    with Sandbox(records=records, process=True, warm=True) as box:
        plant = by_offset(box, folder)
        one, two = best(
            3 * rounds,
            reading(plant, page_size=1_000),
            reading(plant, page_size=1_000, parallel=2),
            expected=records,
        )
    print(f"no latency, pages of 1,000: one at a time {records / one:,.0f} records/s, parallel=2 {records / two:,.0f}")
    return Target("parallel=2 without latency: x as fast as one", one / two, 0.95, at_least=True)


def main() -> int:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(description=summary, epilog=rest.partition("\n\n")[2])
    parser.add_argument("--pages", type=int, default=400)
    parser.add_argument("--latency", type=float, default=50.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--targets", type=Path, help="append each target and what was seen to this file")
    parser.add_argument("--programs", type=Path, default=ROOT / "build" / "release" / "benchmarks")
    given = parser.parse_args()
    if os.getloadavg()[0] > (os.cpu_count() or 1):
        print(f"!! the load of this machine is {os.getloadavg()[0]:.1f}: the figures will not mean much")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        found = [
            measure_parallel(given.pages, given.latency, given.rounds, folder),
            measure_prefetch(given.latency, given.rounds, given.programs),
            measure_without_latency(given.rounds, folder),
        ]
    targets.record(given.targets, found)
    for target in found:
        print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
