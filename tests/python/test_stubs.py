"""The type stubs say what the compiled module really offers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_committed_stubs_are_those_of_the_installed_module() -> None:
    run(sys.executable, ROOT / "scripts/make-stubs", "--check", cwd=ROOT)


def test_stubtest_finds_no_difference_at_runtime(tmp_path: Path) -> None:
    run(
        *(sys.executable, "-m", "mypy.stubtest", "switchgear._core"),
        *("--mypy-config-file", ROOT / "pyproject.toml"),
        *("--allowlist", ROOT / "tests/python/stubtest-allowlist.txt"),
        cwd=tmp_path,
    )
