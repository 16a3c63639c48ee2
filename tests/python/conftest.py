"""Real systems for the tests: started once a session on loopback, stopped by pid. See tests/servers/README.md."""

from __future__ import annotations

import contextlib
import itertools
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from servers import Server
from servers.cap import Cap
from servers.datasette import Datasette
from servers.json_server import JsonServer
from servers.nginx import Nginx
from servers.oauth import OAuth
from servers.postgres import Postgres
from servers.wiremock import WireMock

# A shell starts what is to run in the background with SIGINT ignored, and Python leaves it so: Ctrl-C would go unheard.
signal.signal(signal.SIGINT, signal.default_int_handler)

AnyServer = TypeVar("AnyServer", bound=Server)
StartServer = Callable[..., Any]


@pytest.fixture(scope="session")
def cap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cap]:
    """SAP CAP with 20,000 work orders, 1,000 a page. Shared: tests only read from it."""
    with Cap(tmp_path_factory.mktemp("cap")) as server:
        yield server


@pytest.fixture(scope="session")
def nginx_session(cap: Cap, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with Nginx(tmp_path_factory.mktemp("nginx"), cap.origin) as server:
        yield server


@pytest.fixture
def nginx_tls(nginx_session: Nginx) -> Iterator[Nginx]:
    """nginx with TLS, HTTP/2, passwords and odd replies in front of `cap`. All switches are off after each test."""
    yield nginx_session
    nginx_session.switch_all_off()


@pytest.fixture(scope="session")
def oauth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OAuth]:
    """An OAuth 2.0 server whose access tokens live 2 s, with rotation of refresh tokens."""
    with OAuth(tmp_path_factory.mktemp("oauth")) as server:
        yield server


@pytest.fixture(scope="session")
def nginx_bearer_session(cap: Cap, oauth: OAuth, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    folder = tmp_path_factory.mktemp("nginx-bearer")
    with Nginx(folder, cap.origin, bearer_check=oauth.verify_url) as server:
        yield server


@pytest.fixture
def nginx_bearer(nginx_bearer_session: Nginx) -> Iterator[Nginx]:
    """nginx in front of `cap` whose `/bearer/…` wants an access token of `oauth`. Switches are off after each test."""
    yield nginx_bearer_session
    nginx_bearer_session.switch_all_off()


@pytest.fixture(scope="session")
def json_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JsonServer]:
    """Plain REST with pages by Link header. Shared: tests only read from it."""
    with JsonServer(tmp_path_factory.mktemp("json-server")) as server:
        yield server


@pytest.fixture(scope="session")
def datasette(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Datasette]:
    """A SQLite file as a REST API, with next URLs and tokens. Shared: it only reads."""
    with Datasette(tmp_path_factory.mktemp("datasette")) as server:
        yield server


@pytest.fixture(scope="session")
def wiremock_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WireMock]:
    if not WireMock.is_possible():
        pytest.skip("there is no Java: apt-get install default-jre-headless")
    with WireMock(tmp_path_factory.mktemp("wiremock")) as server:
        yield server


@pytest.fixture
def wiremock(wiremock_session: WireMock) -> Iterator[WireMock]:
    """Replies and faults by stub; empty again after each test."""
    yield wiremock_session
    wiremock_session.reset()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """PostgreSQL. Shared: a test makes a schema of its own in it."""
    with Postgres(tmp_path_factory.mktemp("postgres")) as server:
        yield server


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """`start_server(Cap, page_size=500)` starts one for this test alone, to write to, stop and start again."""
    numbers = itertools.count(1)
    with contextlib.ExitStack() as stack:

        def start(kind: type[AnyServer], *arguments: Any, **options: Any) -> AnyServer:
            folder = tmp_path / f"{kind.name}-{next(numbers)}"
            server = kind(folder, *arguments, **options)
            stack.enter_context(server)
            return server

        yield start
