"""A connection to a sandbox, as users make it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import switchgear as sg
from support.plants import plant_of
from switchgear.sandbox import Sandbox


@pytest.fixture(scope="session")
def box() -> Iterator[Sandbox]:
    """2,500 work orders, 100 a page. Shared: tests only read from it."""
    with Sandbox(records=2_500, page_size=100) as sandbox:
        yield sandbox


@pytest.fixture
def plant(box: Sandbox) -> sg.Connection:
    return plant_of(box)


@pytest.fixture
def own_box() -> Iterator[Sandbox]:
    """1,000 work orders, 100 a page, for one test: it may set faults and count requests."""
    with Sandbox(records=1_000, page_size=100) as sandbox:
        yield sandbox
