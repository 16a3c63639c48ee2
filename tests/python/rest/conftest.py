"""A sandbox that plays a REST API in every style."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from switchgear.sandbox import Sandbox


@pytest.fixture(scope="session")
def box() -> Iterator[Sandbox]:
    """1,200 work orders, at most 100 a page. Shared: tests only read from it."""
    with Sandbox(records=1_200, page_size=100, max_page_size=100) as sandbox:
        yield sandbox


@pytest.fixture
def own_box() -> Iterator[Sandbox]:
    """600 work orders, for one test: it may set faults and count requests."""
    with Sandbox(records=600, page_size=100) as sandbox:
        yield sandbox
