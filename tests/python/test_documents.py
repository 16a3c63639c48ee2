"""What the documents say about the code is so."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import switchgear
from switchgear.project import Project

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)")


def documents() -> list[Path]:
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_the_table_of_errors_has_every_category_once() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/errors.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(category.name for category in switchgear.Category)


@pytest.mark.parametrize(
    ("heading", "table"), [("# Jobs", "create table jobs "), ("## A batch", "create table job_batches ")]
)
def test_the_diagrams_of_states_have_the_words_that_sql_checks(heading: str, table: str) -> None:
    text = (ROOT / "docs/jobs.md").read_text().split(f"{heading}\n", 1)[1]
    diagram = text.split("```mermaid\n", 1)[1].split("```", 1)[0]
    drawn = set(re.findall(r"\b[a-z_]+\b", re.sub(r":.*|stateDiagram-v2", "", diagram)))
    sql = (ROOT / "core/src/store/schema.cpp").read_text().split(table, 1)[1]
    checked = re.search(r"check \(state\s+in\s+\(([^)]*)\)\)", sql)
    assert checked is not None
    assert drawn == set(re.findall(r"'(\w+)'", checked[1]))


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    for link in LINK.findall(document.read_text(encoding="utf-8")):
        if "://" not in link:
            assert (document.parent / link).exists(), f"{document.relative_to(ROOT)} links to {link}"


@pytest.mark.parametrize("page", ["syncs", "flows", "rules"])
def test_the_page_runs_as_printed(tmp_path: Path, page: str) -> None:
    text = (ROOT / f"docs/{page}.md").read_text()
    block, said = (re.search(rf"^```{kind}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL) for kind in ("python", "text"))
    assert block is not None
    assert said is not None
    (tmp_path / "page.py").write_text(block[1])
    done = subprocess.run(
        [sys.executable, "page.py"], capture_output=True, text=True, cwd=tmp_path, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == said[1]


def test_the_page_on_resilience_runs_as_printed(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs/resilience.md").read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 7
    script = tmp_path / "resilience.py"
    script.write_text("\n".join(blocks))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    order = re.search(r"^```text\n(.*?)\n```$", (ROOT / "docs/resilience.md").read_text(), re.MULTILINE | re.DOTALL)
    assert order is not None
    assert lines[0] == order[1]
    assert "100 requests in 1 s" in done.stdout
    first = lines.index("the ERP is down")
    assert lines[first : first + 4] == ["the ERP is down"] * 2 + ["not even tried; again in 30 s", "open 2"]
    assert lines[first + 4 :] == [
        "here",
        "no waiting",
        'rate_limit is "0/s"; it must be like "100/s", "6000/5min" or "10/h"',
        "half_open",
    ]


def test_the_page_on_asyncio_runs_as_printed(tmp_path: Path) -> None:
    (block,) = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs/asyncio.md").read_text(), re.MULTILINE | re.DOTALL)
    script = tmp_path / "reading.py"
    script.write_text(block)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "True ['WorkOrders', 'Assets']",
        "100 open orders on the first page",
        "100 assets 200 parts",
        "2000 work orders in two goes",
    ]


def test_the_page_on_destinations_runs_as_printed(tmp_path: Path) -> None:
    text = (ROOT / "docs/destinations.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    script = tmp_path / "destinations.py"
    script.write_text("\n".join(blocks))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, cwd=tmp_path, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "state 2",
        "[(1, 12.0, None), (2, 0.5, 'B')]",
        "1 Pump 1 None",
        "2 Fan deleted",
        "transaction 2",
        "sending 7",
        "True",
    ]


def test_the_project_file_on_resilience_is_taken(tmp_path: Path) -> None:
    blocks = re.findall(r"^```toml\n(.*?)^```$", (ROOT / "docs/resilience.md").read_text(), re.MULTILINE | re.DOTALL)
    file = tmp_path / "switchgear.toml"
    file.write_text(blocks[0] + '[connections.plant.config]\nurl = "http://host/odata"\n')
    said = Project.load(file).connection("plant").explain()
    assert "opens at 25 % failures" in said
    assert "up to 5 attempts" in said


def test_the_architecture_names_every_folder_of_the_core() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    for folder in (ROOT / "core/src").iterdir():
        if folder.is_dir():
            assert re.search(rf"^  \d {folder.name}/ ", text, re.MULTILINE), f"ARCHITECTURE.md lacks {folder.name}/"
