"""The command line in a folder, and a sandbox that it connects to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.running import Shell, project
from switchgear.sandbox import Sandbox


@pytest.fixture(scope="session")
def box() -> Iterator[Sandbox]:
    """2,500 work orders, 100 a page. Shared: tests only read from it."""
    with Sandbox(records=2_500, page_size=100) as sandbox:
        yield sandbox


@pytest.fixture
def bare(tmp_path: Path) -> Shell:
    """A folder without a project file."""
    return Shell(tmp_path)


@pytest.fixture
def shell(bare: Shell, box: Sandbox) -> Shell:
    """A folder whose project file has the connection `plant`, to `box`."""
    bare.write(project(box))
    return bare
