"""The page on webhooks runs as printed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[3] / "docs/webhooks.md"


def test_the_page_runs_as_printed(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 5
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "sync.failed sap-mt {'connection_id': 'sap-mt'} 2026-11-27 04:00:00+00:00",
        "True",
        "signature.replayed",
        "sync.failed",
        "structured {'n': 7}",
        "binary {'n': 7}",
        "batch {'n': 7}",
        "{'Allow': 'OPTIONS, POST', 'WebHook-Allowed-Origin': 'mes.example.com', 'WebHook-Allowed-Rate': '60'}",
        "order.changed {'ID': 7}",
        "202 1",
    ]
