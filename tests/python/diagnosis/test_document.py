"""The Python of docs/diagnosis.md is run as it stands, in one go, and says what the text around it promises."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[3] / "docs/diagnosis.md"


def test_the_examples_run_as_printed(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == 5
    script = tmp_path / "document.py"
    script.write_text("\n".join(blocks))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert "<Health online, " in said
    assert re.search(r"^permission ok [\d.]+ 5 of 5 entities readable$", said, re.MULTILINE)
    assert "<ConnectionStatus plant: online since " in said
    assert "<LoggedError 1 x permission: read Vendors, last at " in said
    assert "entity ['Vendors']" in said
    assert "the permission for reading Vendors was withdrawn: it worked until " in said
    assert "still works: reading Assets" in said
    assert "ask the source's administrator" in said
