"""A sandbox for the tests that only read."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from switchgear.sandbox import Sandbox

sys.path.insert(0, str(Path(__file__).resolve().parent))

from asking import Client


@pytest.fixture(scope="session")
def box() -> Iterator[Sandbox]:
    """2,500 work orders, 100 a page. Shared: tests only read from it."""
    with Sandbox(records=2_500, page_size=100) as sandbox:
        yield sandbox


@pytest.fixture
def client(box: Sandbox) -> Iterator[Client]:
    with Client(box) as asking:
        yield asking
