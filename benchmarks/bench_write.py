#!/usr/bin/env python3
"""How fast records are written, and what they cost the client, to the sandbox in a process of its own.

usage: benchmarks/bench_write.py [--records N] [--latency MS] [--rounds N] [--targets FILE]

1. 100,000 upserts from pandas in batches of 100, and the same records one by one by `requests`, of which a twentieth
   are sent: records a second, and processor time of the client for each record.
2. Each reply late by 50 ms: eight batches in flight against one after the other.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import requests
import targets
from targets import Target

import switchgear as sg
from switchgear.sandbox import Fault, Sandbox

BATCH = 100
BY_HAND = 20  # of so many records one is sent by requests: all of them would take minutes


@dataclass(frozen=True)
class Run:
    records: int
    seconds: float
    cpu_seconds: float

    @property
    def rate(self) -> float:
        return self.records / self.seconds

    @property
    def cpu_microseconds(self) -> float:
        """Of the client, for each record."""
        return self.cpu_seconds / self.records * 1e6


def measured(records: int, work: Callable[[], int]) -> Run:
    begun, cpu = time.perf_counter(), time.process_time()
    written = work()
    seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - cpu
    if written != records:
        raise RuntimeError(f"{written:,} records were written, of {records:,}")
    return Run(records, seconds, cpu_seconds)


def orders(records: int, first: int) -> pd.DataFrame:
    numbers = range(records)
    return pd.DataFrame(
        {
            "ID": range(first, first + records),
            "Title": [f"Order {n}" for n in numbers],
            "Status": ["OPEN" if n % 3 else "DONE" for n in numbers],
            "Priority": [1 + n % 4 for n in numbers],
            "DowntimeHours": [n / 7 for n in numbers],
            "SafetyCritical": [n % 2 == 0 for n in numbers],
        }
    )


def write(plant: sg.Connection, frame: pd.DataFrame, **options: Any) -> int:
    return plant.write("WorkOrders", frame, batch_size=BATCH, **options).ok


def one_by_one(url: str, frame: pd.DataFrame) -> int:
    """As one would write it: a session, and a request for each record."""
    written = 0
    with requests.Session() as session:
        session.headers["Prefer"] = "return=minimal"
        for record in frame.to_dict(orient="records"):
            reply = session.patch(f"{url}/WorkOrders({record['ID']})", json=record, timeout=60)
            reply.raise_for_status()
            written += 1
    return written


def connect(box: Sandbox) -> sg.Connection:
    plant = sg.connect("odata", url=box.odata_url, rate_limit=None, proxy="none")  # limits are not what is measured
    plant.entities()
    return plant


def measure_rate(records: int, rounds: int) -> list[Target]:
    with Sandbox(records=10, process=True) as box:
        plant = connect(box)
        frame = orders(records, 1_000)
        few = frame.iloc[::BY_HAND]
        ours, theirs = [], []
        for _ in range(rounds):
            ours.append(measured(records, lambda: write(plant, frame, parallel=2)))
            theirs.append(measured(len(few), lambda: one_by_one(box.odata_url, few)))
    batched = max(ours, key=lambda run: run.rate)
    by_hand = max(theirs, key=lambda run: run.rate)
    cheapest = min(run.cpu_microseconds for run in ours)
    cheapest_by_hand = min(run.cpu_microseconds for run in theirs)
    print(f"{'':34}{'records/s':>12}{'client CPU us/record':>24}")
    print(f"{'switchgear, from pandas':34}{batched.rate:12,.0f}{cheapest:24.1f}")
    print(f"{'requests, one by one':34}{by_hand.rate:12,.0f}{cheapest_by_hand:24.1f}")
    return [
        Target("writing from pandas: records a second", batched.rate, 20_000, at_least=True),
        Target("client CPU for a record, of a loop's", cheapest / cheapest_by_hand, 0.2, at_least=False),
    ]


def measure_latency(latency: float, rounds: int) -> Target:
    records = 100 * BATCH
    with Sandbox(records=10, process=True) as box:
        plant = connect(box)
        box.set_faults(Fault("latency", ms=latency))
        frame = orders(records, 1_000)
        one = min(measured(records, lambda: write(plant, frame)).seconds for _ in range(rounds))
        eight = min(measured(records, lambda: write(plant, frame, parallel=8)).seconds for _ in range(rounds))
    print(f"100 batches, each late by {latency:g} ms: one at a time {one:.2f} s, parallel=8 {eight:.2f} s")
    return Target("writing, parallel=8 with late replies: x as fast", one / eight, 6, at_least=True)


def main() -> int:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(description=summary, epilog=rest.partition("\n\n")[2])
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--latency", type=float, default=50.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--targets", type=Path, help="append each target and what was seen to this file")
    given = parser.parse_args()
    if os.getloadavg()[0] > (os.cpu_count() or 1):
        print(f"!! the load of this machine is {os.getloadavg()[0]:.1f}: the figures will not mean much")
    found = [*measure_rate(given.records, given.rounds), measure_latency(given.latency, given.rounds)]
    targets.record(given.targets, found)
    for target in found:
        print(target)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
