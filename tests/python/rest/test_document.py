"""docs/rest.md: its Python runs as printed, and its table has every key that a description may have, and no other."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docs/rest.md").read_text(encoding="utf-8")
READ = re.compile(
    r"\b(?:text|text_or|required_text|word|integer|boolean|texts|pointers?|forms?|pairs|tables?|raw|known_words)\("
    r'(?:table, )?"(\w+)"'
)


def test_the_walk_through_runs_as_printed(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", TEXT, flags=re.MULTILINE | re.DOTALL)
    script = tmp_path / "walk.py"
    script.write_text("\n".join([*blocks, "box.stop()"]), encoding="utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    said = done.stdout
    assert "<Health online" in said
    assert "500 orders below assets" in said
    assert "description:7: paging.nxt: there is no such key here, did you mean 'next'?" in said
    assert "there is no field 'AsetID', did you mean 'AssetID'?" in said
    assert "500 orders, by links" in said
    assert "the reply holds a URL at /next" in done.stderr


def test_every_key_is_in_the_table() -> None:
    read: set[str] = set()
    for source in (ROOT / "plugins/rest").glob("description*.cpp"):
        read |= set(READ.findall(source.read_text(encoding="utf-8")))
    table = TEXT[TEXT.index("## Every key") : TEXT.index("## Replies that are no JSON")]
    documented = set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE))
    assert read - documented == set()
    assert documented - read == set()
