#!/usr/bin/env python3
"""What a circuit breaker costs in Python: `with breaker:` around nothing, closed, on one thread.

usage: benchmarks/bench_breaker.py [--rounds N] [--calls N] [--json FILE] [--targets FILE] [--check]

In one run and in turns: a Python class whose methods do nothing (what any `with` costs), switchgear, purgatory (which
keeps no window) and pybreaker. Each number is the median of the rounds, after one that is thrown away; a ratio is the
median of the ratios within each round, so that a machine that slows down for a while does not decide. --check: exit
code 1 unless switchgear is at least 8 times as fast as pybreaker and no slower than purgatory.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import targets
from targets import Target

import switchgear as sg


class Nothing:
    """A context manager in Python that does nothing."""

    def __enter__(self) -> Nothing:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def with_statement(manager: AbstractContextManager[Any]) -> Callable[[int], None]:
    """Enters and leaves one object again and again."""

    def run(calls: int) -> None:
        for _ in range(calls):
            with manager:
                pass

    return run


def made_anew(make: Callable[[], AbstractContextManager[Any]]) -> Callable[[int], None]:
    """Asks for a context manager each time, as pybreaker wants it."""

    def run(calls: int) -> None:
        for _ in range(calls):
            with make():
                pass

    return run


def function_call(call: Callable[[Callable[[], None]], None]) -> Callable[[int], None]:
    def nothing() -> None:
        pass

    def run(calls: int) -> None:
        for _ in range(calls):
            call(nothing)

    return run


def contestants() -> dict[str, Callable[[int], None]]:
    import purgatory
    import pybreaker

    breaker = sg.CircuitBreaker()
    other = pybreaker.CircuitBreaker()
    return {
        "a Python class that does nothing": with_statement(Nothing()),
        "switchgear: with breaker": with_statement(breaker),
        "purgatory: with breaker": with_statement(purgatory.SyncCircuitBreakerFactory().get_breaker("bench")),
        "pybreaker: with breaker.calling()": made_anew(other.calling),
        "switchgear: breaker.call(fn)": function_call(breaker.call),
        "pybreaker: breaker.call(fn)": function_call(other.call),
    }


def measure(rounds: int, calls: int) -> list[dict[str, float]]:
    """ns per call of each contestant, for each round."""
    runs = contestants()
    table = []
    for _ in range(rounds + 1):
        times = {}
        for name, run in runs.items():
            start = time.perf_counter_ns()
            run(calls)
            times[name] = (time.perf_counter_ns() - start) / calls
        table.append(times)
    return table[1:]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=50_000)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--targets", type=Path, help="append each target and what was seen to this file")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    if load > (os.cpu_count() or 1):
        print(f"the load is {load:.1f}: the numbers below are worth little")
    table = measure(arguments.rounds, arguments.calls)
    for name in table[0]:
        print(f"{name:34} {statistics.median(times[name] for times in table):8.0f} ns")

    def faster_than(other: str, own: str = "switchgear: with breaker") -> float:
        return statistics.median(times[other] / times[own] for times in table)

    by_call = faster_than("pybreaker: breaker.call(fn)", "switchgear: breaker.call(fn)")
    print(f"breaker.call(fn): {by_call:.1f} x as fast as pybreaker")
    found = [
        Target(
            "Python, with breaker: x as fast as pybreaker", faster_than("pybreaker: with breaker.calling()"), 8, True
        ),
        Target("Python, with breaker: x as fast as purgatory", faster_than("purgatory: with breaker"), 1, True),
    ]
    for target in found:
        print(target)
    targets.record(arguments.targets, found)
    if arguments.json:
        arguments.json.write_text(json.dumps(table))
    return 1 if arguments.check and not all(target.met for target in found) else 0


if __name__ == "__main__":
    sys.exit(main())
