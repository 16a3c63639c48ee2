"""Connections to SAP CAP over a line that a test spoils."""

from __future__ import annotations

from typing import Any

import switchgear as sg
from servers.cap import READER
from switchgear.testing import FaultProxy


def connect_over(line: FaultProxy, **options: Any) -> sg.Connection:
    """To the CAP behind the proxy; its entities are known already, so that the next request is the test's own."""
    url = f"http://{line.address}/odata/v4/maintenance"
    plant = sg.connect("odata", id="plant", url=url, auth=sg.BasicAuth(*READER), proxy="none", **options)
    plant.entities()
    return plant
