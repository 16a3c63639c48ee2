"""SAP CAP at the end of a bad line."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from servers.cap import Cap
from switchgear.testing import FaultProxy


@pytest.fixture
def line(cap: Cap) -> Iterator[FaultProxy]:
    """The way to `cap`, whose faults a test chooses."""
    with FaultProxy("127.0.0.1", cap.port, seed=1) as proxy:
        yield proxy
