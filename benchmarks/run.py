#!/usr/bin/env python3
"""Runs all benchmarks, one after the other, and puts every target beside what was seen. Called by `make bench`.

A benchmark is a script here or a program that CMake built; each prints its own tables, appends its targets to the
file given as `--targets`, and exits with 0 if it ran. Arguments go to the read benchmark. A target that is missed is
said and fails nothing: a busy machine misses it. With `--check` the read benchmark ends with code 1 then.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import targets

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE.parent / "build" / "release" / "benchmarks"


def main(arguments: list[str]) -> int:
    benchmarks: dict[str, list[str | Path]] = {
        "Reading": [sys.executable, HERE / "bench.py", *arguments],
        "Paging": [sys.executable, HERE / "bench_paging.py"],
        "Writing": [sys.executable, HERE / "bench_write.py"],
        "Syncs": [sys.executable, HERE / "bench_sync.py"],
        "Policies in C++": [PROGRAMS / "bench_policy"],
        "Circuit breakers in Python": [sys.executable, HERE / "bench_breaker.py"],
        "The store": [PROGRAMS / "bench_store"],
        "Schemas": [PROGRAMS / "bench_schema"],
        "Webhooks in C++": [PROGRAMS / "bench_webhook"],
        "The webhook sender": [PROGRAMS / "bench_sender"],
        "Webhooks in Python": [sys.executable, HERE / "bench_webhook.py"],
    }
    failed = []
    with tempfile.TemporaryDirectory() as scratch:
        seen = Path(scratch) / "targets.jsonl"
        for title, command in benchmarks.items():
            print(f"== {title}", flush=True)
            if subprocess.run([*command, "--targets", seen]).returncode != 0:
                failed.append(title)
        print("== Targets")
        for target in targets.read(seen):
            print(target)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
