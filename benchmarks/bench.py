#!/usr/bin/env python3
"""How fast, and in how much memory, work orders come from an OData service into Python.

usage: benchmarks/bench.py [--records N] [--rounds N] [--only NAME]... [--no-memory] [--no-guard] [--json FILE]
                           [--targets FILE] [--check]

In one run, alternating, all from the same nginx on loopback: the floor (libcurl and simdjson by hand, see floor.cpp),
switchgear into Arrow, and what one would use otherwise. Then switchgear's peak memory when it streams N and ten times N
records, and what the policies of a connection cost its reading. --check: exit code 1 if switchgear stays under 0.8 of
the floor, its memory grows by more than 10 %, or the policies cost more than 2 %.
Build the programs first: cmake --preset release && cmake --build --preset release
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import targets
from page_server import ROOT, PageServer, make_pages
from targets import Target

HERE = Path(__file__).resolve().parent
LEAST_RATIO = 0.8
MOST_GROWTH = 1.1
MOST_MEGABYTES = 300
MOST_GUARD_SHARE = 0.02

# name -> what the table says. The first is how fast the source is, the second the measure of all others.
CONTESTANTS = {
    "transfer": "source only (fetched, not parsed)",
    "floor": "floor: libcurl + simdjson by hand",
    "switchgear_arrow": "switchgear, to_arrow()",
    "requests_orjson": "requests + orjson, list of dicts",
    "requests_pyarrow": "requests + orjson, pyarrow table",
    "dlt_rest_api": "dlt rest_api source, not loaded",
}


@dataclass(frozen=True)
class Run:
    records: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int

    @property
    def rate(self) -> float:
        return self.records / self.seconds


@dataclass(frozen=True)
class Source:
    """What there is to read, and where."""

    url: str
    records: int
    page_bytes: int


class ReaderFailedError(RuntimeError):
    """A reader ended with an error, or read another number of records than there are."""


def run(name: str, source: Source, programs: Path) -> Run:
    """One reading in a process of its own, checked to be whole."""
    floor, url = programs / "bench_floor", source.url
    commands: dict[str, list[str | Path]] = {
        "transfer": [floor, "--transfer", f"{url}/WorkOrders"],
        "floor": [floor, f"{url}/WorkOrders"],
    }
    command = commands.get(name, [sys.executable, HERE / "readers.py", name, url])
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise ReaderFailedError(f"{name} ended with code {done.returncode}:\n{done.stderr.strip()[-2000:]}")
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    unit = "bytes" if name == "transfer" else "records"
    there = source.page_bytes if name == "transfer" else source.records
    if facts[unit] != there:
        raise ReaderFailedError(f"{name} read {facts[unit]:,} {unit}, there are {there:,}")
    return Run(source.records, facts["seconds"], facts["cpu_seconds"], facts["peak_bytes"])


def measure_speed(names: list[str], source: Source, programs: Path, rounds: int) -> dict[str, list[Run]]:
    """Alternating, so that whatever else the machine does meets all of them."""
    runs: dict[str, list[Run]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in list(runs):
            try:
                runs[name].append(run(name, source, programs))
            except ReaderFailedError as error:
                say(f"!! {error}")
                del runs[name]
    return runs


def report_speed(runs: dict[str, list[Run]], page_bytes: int) -> dict[str, dict[str, float]]:
    """Prints the table. Ratios are between best runs: the least disturbed ones."""
    floor = max((r.rate for r in runs.get("floor", [])), default=None)
    say(f"{'':36}{'records/s':>12}{'median':>12}{'of floor':>10}{'MB/s':>8}{'CPU s':>8}{'peak MB':>9}")
    table: dict[str, dict[str, float]] = {}
    for name, done in runs.items():
        best = max(done, key=lambda r: r.rate)
        row = {
            "best": best.rate,
            "median": statistics.median(r.rate for r in done),
            "ratio": best.rate / floor if floor else float("nan"),
            "megabytes_per_second": page_bytes / 1e6 / best.seconds,
            "cpu_seconds": statistics.median(r.cpu_seconds for r in done),
            "peak_megabytes": max(r.peak_bytes for r in done) / 1e6,
        }
        table[name] = row
        say(
            f"{CONTESTANTS[name]:36}{row['best']:12,.0f}{row['median']:12,.0f}{row['ratio']:10.2f}"
            f"{row['megabytes_per_second']:8.0f}{row['cpu_seconds']:8.2f}{row['peak_megabytes']:9.0f}"
        )
    return table


def measure_memory(programs: Path, folder: Path, records: int) -> dict[int, int]:
    """Peak bytes of a process that streams and keeps nothing, of three, for this many and ten times as many records."""
    peaks = {}
    for count in (records, records * 10):
        pages = make_pages(programs / "bench_make_pages", folder, count)
        with tempfile.TemporaryDirectory() as scratch, PageServer(Path(scratch), pages) as server:
            source = Source(server.url, count, bytes_in(pages))
            runs = [run("switchgear_stream", source, programs) for _ in range(3)]
            peaks[count] = int(statistics.median(each.peak_bytes for each in runs))  # one differs from another by 5 %
        say(f"switchgear, streaming {count:10,} records: {peaks[count] / 1e6:8.1f} MB at the peak")
    return peaks


def measure_guard(programs: Path, source: Source, rounds: int) -> float:
    """The policies' share of a reading: what they add to its processor time, between the least disturbed of each.

    Of many processes: where one has its threads and sockets tells more than the policies do.
    """
    connector = programs.parent / "plugins" / "odata" / "odata.so"
    command: list[str | Path] = [programs / "bench_guard", connector, source.url, "5"]
    seen: dict[str, list[float]] = {"on": [], "off": [], "cpu_on": [], "cpu_off": []}
    for _ in range(2 * rounds):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise ReaderFailedError(f"bench_guard ended with code {done.returncode}:\n{done.stderr.strip()[-2000:]}")
        facts: dict[str, Any] = json.loads(done.stdout)
        if facts["records"] != source.records:
            raise ReaderFailedError(f"bench_guard read {facts['records']:,} records, there are {source.records:,}")
        for name, values in seen.items():
            values.extend(facts[name])
    share = min(seen["cpu_on"]) / min(seen["cpu_off"]) - 1
    with_policies, without = (source.records / statistics.median(seen[name]) for name in ("on", "off"))
    say(f"in C++, all policies on {with_policies:12,.0f} records/s, off {without:12,.0f}: {share * 100:.2f} % more CPU")
    return share


def bytes_in(pages: Path) -> int:
    return sum(page.stat().st_size for page in pages.glob("*.json"))


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def parse_arguments() -> argparse.Namespace:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(description=summary, epilog=rest.partition("\n\n")[2])
    parser.add_argument("--records", type=int, default=400_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", choices=list(CONTESTANTS), help="may be repeated")
    parser.add_argument("--no-memory", action="store_true", help="leave the memory measurement out")
    parser.add_argument("--no-guard", action="store_true", help="leave out what the policies cost")
    parser.add_argument("--targets", type=Path, help="append each target and what was seen to this file")
    parser.add_argument("--json", type=Path, help="write the figures to this file, too")
    parser.add_argument("--check", action="store_true", help="exit code 1 if a target is missed")
    parser.add_argument("--programs", type=Path, default=ROOT / "build" / "release" / "benchmarks")
    parser.add_argument("--pages", type=Path, default=ROOT / "build" / "bench")
    return parser.parse_args()


def main() -> int:
    options = parse_arguments()
    if not (options.programs / "bench_floor").exists():
        say(f"no {options.programs / 'bench_floor'}; run: cmake --preset release && cmake --build --preset release")
        return 2
    options.pages.mkdir(parents=True, exist_ok=True)
    names = options.only or list(CONTESTANTS)
    pages = make_pages(options.programs / "bench_make_pages", options.pages, options.records)
    page_bytes = bytes_in(pages)
    say(f"{options.records:,} work orders, {page_bytes / 1e6:,.0f} MB in pages of 1,000, {options.rounds} rounds")
    if os.getloadavg()[0] > (os.cpu_count() or 1):
        say(f"!! the load of this machine is {os.getloadavg()[0]:.1f}: the figures will not mean much")
    with tempfile.TemporaryDirectory() as scratch, PageServer(Path(scratch), pages) as server:
        source = Source(server.url, options.records, page_bytes)
        runs = measure_speed(names, source, options.programs, options.rounds)
        speed = report_speed(runs, page_bytes)
        failed = [name for name in names if name not in speed]
        guard_share = None if options.no_guard else measure_guard(options.programs, source, options.rounds)

    peaks: dict[int, int] = {}
    if not options.no_memory and "switchgear_arrow" in speed:
        peaks = measure_memory(options.programs, options.pages, options.records)
    if options.json:
        figures = {"speed": speed, "memory": peaks, "guard_share": guard_share}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    found = verdicts(speed, peaks, guard_share)
    targets.record(options.targets, found)
    for target in found:
        say(str(target))
    return 1 if failed or (options.check and not all(target.met for target in found)) else 0


def verdicts(speed: dict[str, dict[str, float]], peaks: dict[int, int], guard_share: float | None) -> list[Target]:
    """What was promised, of what has been measured."""
    found = []
    if "switchgear_arrow" in speed and "floor" in speed:
        ratio = speed["switchgear_arrow"]["ratio"]
        found.append(Target("reading into Arrow from Python: rate, of the floor's", ratio, LEAST_RATIO, at_least=True))
    if peaks:
        growth = peaks[max(peaks)] / peaks[min(peaks)]
        found.append(Target("peak memory for ten times the records: growth", growth, MOST_GROWTH, at_least=False))
        peak = peaks[max(peaks)] / 1e6
        found.append(Target(f"peak MB when {max(peaks):,} records stream", peak, MOST_MEGABYTES, at_least=False))
    if guard_share is not None:
        found.append(Target("the policies' share of a reading", guard_share, MOST_GUARD_SHARE, at_least=False))
    return found


if __name__ == "__main__":
    sys.exit(main())
