"""A password that changes while a connection is open: whoever runs the source changes it there and in the file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import switchgear as sg
from servers.cap import Cap
from servers.nginx import USER, Nginx
from support.maintenance import SERVICE


@pytest.fixture
def gateway(cap: Cap, start_server: Any) -> Nginx:
    """CAP behind a password that may be changed."""
    server: Nginx = start_server(Nginx, cap.origin)
    return server


@pytest.fixture
def password(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text(USER[1] + "\n")
    return file


@pytest.fixture
def hub(gateway: Nginx, password: Path, tmp_path: Path) -> sg.Hub:
    hub = sg.Hub(tmp_path / "hub.db")
    hub.add(
        "plant",
        "odata",
        {"url": f"{gateway.plain_url}/protected{SERVICE}"},
        auth=sg.BasicAuth(USER[0], sg.Secret.file(str(password))),
        destination=f"duckdb:///{tmp_path}/plant.duckdb",
        entities={"Vendors": {}},
    )
    return hub


def refusals(gateway: Nginx) -> Iterator[int]:
    """How many came since the last time, at each step."""
    before = 0
    while True:
        now = sum(request["status"] == 401 for request in gateway.requests())
        yield now - before
        before = now


def seen(hub: sg.Hub) -> list[str]:
    return [event.type for event in hub.events.list(after=0) if event.type.startswith("connection.")]


def test_one_in_a_file_is_taken_up_before_anybody_is_asked_for_credentials(
    hub: sg.Hub, gateway: Nginx, password: Path
) -> None:
    refused = refusals(gateway)
    hub.sync("plant").raise_for_error()
    plant = hub.connection("plant")
    gateway.set_password("another-one")
    password.write_text("another-one")
    run = hub.sync("plant", full=True)
    assert run.status == "completed", run.error
    assert hub.connection("plant") is plant
    assert next(refused) == 1
    assert hub.status("plant").state == "online"
    assert seen(hub) == []
    hub.sync("plant", full=True).raise_for_error()
    assert next(refused) == 0


def test_one_that_is_late_in_the_file_is_tried_once_and_then_taken_up(
    hub: sg.Hub, gateway: Nginx, password: Path
) -> None:
    refused = refusals(gateway)
    hub.sync("plant").raise_for_error()
    gateway.set_password("another-one")
    run = hub.sync("plant", full=True)
    assert run.error is not None
    assert run.error.code == "auth_invalid"
    assert next(refused) == 1  # so that no account is locked
    assert hub.status("plant").state == "auth_required"
    assert seen(hub) == ["connection.auth_required"]
    password.write_text("another-one")
    hub.sync("plant", full=True).raise_for_error()
    assert seen(hub) == ["connection.auth_required", "connection.online"]


def test_readers_that_are_open_take_it_up_too(gateway: Nginx, password: Path) -> None:
    plant = sg.connect(
        "odata",
        url=f"{gateway.plain_url}/protected{SERVICE}",
        auth=sg.BasicAuth(USER[0], sg.Secret.file(str(password))),
    )
    reader = iter(plant.read("WorkOrders", page_size=500, prefetch=0, limit=2_000))
    rows = len(next(reader))
    gateway.set_password("another-one")
    password.write_text("another-one")
    assert rows + sum(len(page) for page in reader) == 2_000
    gateway.set_password("a-third")
    password.write_text("a-third")
    assert plant.check().online
