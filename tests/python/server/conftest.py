"""A server over the sandbox, shared by the tests that only look, and the means to start others."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.running import Shell
from support.serving import Serving
from switchgear.sandbox import Sandbox

RECORDS = 600


def project(box: Sandbox, more: str = "") -> str:
    """`plant` and `other` lead to the sandbox, `away` leads nowhere."""
    connections = {"plant": box.odata_url, "other": box.odata_url, "away": "http://127.0.0.1:9/odata"}
    return (
        '[hub]\nstore = "plant.db"\n'
        + more
        + "".join(
            f'[connections.{id}]\nconnector = "odata"\nretry = false\n[connections.{id}.config]\nurl = "{url}"\n'
            for id, url in connections.items()
        )
    )


@pytest.fixture(scope="package")
def box() -> Iterator[Sandbox]:
    with Sandbox(records=RECORDS, page_size=100, process=True) as box:
        yield box


@pytest.fixture(scope="package")
def server(box: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Without tokens. Shared: tests leave its connections as they were."""
    shell = Shell(tmp_path_factory.mktemp("server"))
    shell.write(project(box))
    with Serving(shell) as serving:
        yield serving


@pytest.fixture(scope="package")
def guarded(box: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A server that asks for a token. Shared."""
    shell = Shell(tmp_path_factory.mktemp("guarded"))
    shell.write(project(box))
    shell("token", "create", "--name", "first")
    with Serving(shell, "--max-body", "100000") as serving:
        yield serving


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A source that takes connections and says nothing: `accept()` returns when a request is under way."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(30)
        yield listening


@pytest.fixture
def shell(box: Sandbox, tmp_path: Path) -> Shell:
    """A folder for a server of the test's own."""
    shell = Shell(tmp_path)
    shell.write(project(box))
    return shell


@pytest.fixture
def hanging(shell: Shell, silent: socket.socket) -> Shell:
    """The same, with the connection `slow`, which leads to `silent`."""
    host, port = silent.getsockname()
    with (shell.folder / "switchgear.toml").open("a") as file:
        file.write(
            '[connections.slow]\nconnector = "odata"\nretry = false\nbreaker = false\n'
            f'[connections.slow.config]\nurl = "http://{host}:{port}/odata"\n'
        )
    return shell
