"""What the tests of reading share."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import switchgear as sg
from switchgear.sandbox import Sandbox

ENTITIES = ("WorkOrders", "Assets", "Parts", "Vendors", "PurchaseOrders")


def plant_of(box: Sandbox, **options: Any) -> sg.Connection:
    """A connection to a sandbox with its own page size."""
    return sg.connect("odata", **{"id": "plant", "url": box.odata_url, "page_size": 0, **options})


def without_rescued(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records, none of which has anything in `_rescued`."""
    assert [record for record in records if record.pop("_rescued", None) is not None] == []
    return records


def run_python(script: str, *arguments: str, timeout: float = 60) -> str:
    """What a script says in an interpreter of its own. A crash, a traceback or a hang fails the test."""
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout
