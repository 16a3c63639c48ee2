"""What the documents say about the code is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import switchgear

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)")


def documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_the_table_of_errors_has_every_category_once() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/errors.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(category.name for category in switchgear.Category)


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for link in LINK.findall(document.read_text(encoding="utf-8")):
        if "://" not in link:
            assert (document.parent / link).exists(), f"{document.relative_to(ROOT)} links to {link}"


def test_the_architecture_names_every_folder_of_the_core() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    for folder in (ROOT / "core/src").iterdir():
        if folder.is_dir():
            assert re.search(rf"^  \d {folder.name}/ ", text, re.MULTILINE), f"ARCHITECTURE.md lacks {folder.name}/"
