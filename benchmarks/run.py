#!/usr/bin/env python3
"""Runs all benchmarks, one after the other; arguments go to the read benchmark. Called by `make bench`.

A benchmark is a script here or a program that CMake built; each prints its own tables and exits with 0 if it ran.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROGRAMS = HERE.parent / "build" / "release" / "benchmarks"


def main(arguments: list[str]) -> int:
    benchmarks: dict[str, list[str | Path]] = {
        "Reading": [sys.executable, HERE / "bench.py", *arguments],
    }
    failed = []
    for title, command in benchmarks.items():
        print(f"== {title}", flush=True)
        if subprocess.run(command).returncode != 0:
            failed.append(title)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
