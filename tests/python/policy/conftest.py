"""A sandbox of one's own, to set faults and count requests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from switchgear.sandbox import Sandbox


@pytest.fixture
def own_box() -> Iterator[Sandbox]:
    with Sandbox(records=300, page_size=100) as sandbox:
        yield sandbox
