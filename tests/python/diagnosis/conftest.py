"""A folder with a project file whose connection `plant` leads to a real server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.running import Shell
from support.verdicts import SERVICE, Plant


@pytest.fixture
def plant(tmp_path: Path) -> Plant:
    """`plant(origin, user="reader", ca=…)` writes the project file. A user's password is his name, or PLANT_PW."""
    shell = Shell(tmp_path)

    def write(
        origin: str, *, user: str = "planner", ca: Path | None = None, auth: str = "", service: str = SERVICE
    ) -> Shell:
        shell.env["PLANT_PW"] = user
        tls = f"tls = {{ca_file = {json.dumps(str(ca))}}}\n" if ca else ""
        auth = auth or f'{{type = "basic", user = "{user}", password = "env:PLANT_PW"}}'
        shell.write(
            f'[connections.plant]\nconnector = "odata"\nproxy = "none"\nauth = {auth}\n{tls}'
            f'[connections.plant.config]\nurl = "{origin}{service}"\n'
        )
        return shell

    return write
