"""The Python of docs/schema.md is run as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs/schema.md"


def test_the_page_about_schemas_runs_as_printed(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert len(blocks) == 3
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == (
        "[Field('id', int64), Field('hours', float64), Field('cost', decimal(38,4)), Field('due', date), "
        "Field('changed', timestamp), Field('tag', json), Field('_rescued', json)]"
    )
    assert "Decimal('12.500')" in lines[1]
    assert """'_rescued': '{"Cost":"1.2345","At":"n/a"}'""" in lines[2]
    assert lines[3].startswith("json [Field('ID', int64), Field('Location', json), Field('Tags', json)")
    assert "Field('Location', struct<Site: utf8, Floor: int64>), Field('Tags', list<utf8>)" in lines[4]
    assert "Field('Location_Site', utf8), Field('Location_Floor', int64), Field('Tags', list<utf8>)" in lines[5]
