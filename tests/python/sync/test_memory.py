"""Memory that a sync takes does not grow with the number of records."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from switchgear.sandbox import Sandbox

SYNC = """
import sys
import switchgear as sg
hub = sg.Hub(sys.argv[1])
options = {"WorkOrders": {"page_size": 1000, "commit_rows": 5000, "mode": sys.argv[4]}}
hub.add("plant", "odata", {"url": sys.argv[2]}, destination=sys.argv[3], entities=options, rate_limit=None)
hub.sync("plant").raise_for_error()
for line in open("/proc/self/status"):
    if line.startswith("VmHWM:"):
        print(line.split()[1])
"""


@pytest.mark.parametrize(("kind", "mode"), [("sqlite", "upsert"), ("sqlite", "append"), ("parquet", "append")])
def test_ten_times_the_records_take_no_more_memory(kind: str, mode: str, tmp_path: Path) -> None:
    peaks = []
    for records in (5_000, 50_000):
        place = tmp_path / str(records)
        place.mkdir()
        with Sandbox(records=records, process=True) as box:
            to = f"{kind}:///{place}/data.{kind}"
            command = [sys.executable, "-c", SYNC, str(place / "store.db"), box.odata_url, to, mode]
            done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        peaks.append(int(done.stdout))
    assert peaks[1] < 1.4 * peaks[0], f"{peaks} kB"
