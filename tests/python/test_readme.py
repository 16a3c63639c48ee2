"""The README's Python is run as it stands, in one go, as a reader would paste it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_first_five_minutes_run_as_printed(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", README.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 5
    script = tmp_path / "readme.py"
    script.write_text("\n".join(blocks))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert "<Health online" in said
    assert "['WorkOrders', 'Assets'" in said
    assert "Secret(env:PLANT_PW)" in said or "BasicAuth(user='alice')" in said
    assert "records up to" in said
    assert "not_found | not_found.entity:" in said
    assert "did you mean 'WorkOrders'" in said
