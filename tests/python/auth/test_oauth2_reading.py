"""Reading a real system with tokens of a real OAuth 2.0 server: they end in mid-read, and are renewed once for all."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, BrokenBarrierError
from typing import Any

import pyarrow as pa
import pytest

import switchgear as sg
from servers.cap import Cap
from servers.nginx import Nginx
from servers.oauth import CLIENT, POST_CLIENT, OAuth
from support.maintenance import database, first_difference
from support.signing_in import behind, client_credentials, wait_until_all_tokens_expired

READERS = 8


def read_together(plant: sg.Connection, *meetings: tuple[int, Callable[[], None]]) -> list[list[sg.Page]]:
    """Eight threads read all work orders on one connection. At each meeting's page all wait until this thread has done
    what is to be done there.
    """
    barriers = [Barrier(READERS + 1) for _ in range(2 * len(meetings))]
    pages = [page for page, _ in meetings]

    def read(_: int) -> list[sg.Page]:
        pages_read = []
        for number, page in enumerate(plant.read("WorkOrders", prefetch=1)):
            if number in pages:
                for barrier in barriers[2 * pages.index(number) :][:2]:
                    barrier.wait(timeout=120)
            pages_read.append(page)
        return pages_read

    def read_or_free_the_others(number: int) -> list[sg.Page]:
        try:
            return read(number)
        except BaseException:
            for barrier in barriers:
                barrier.abort()
            raise

    with ThreadPoolExecutor(READERS) as pool:
        reads = [pool.submit(read_or_free_the_others, number) for number in range(READERS)]
        with contextlib.suppress(BrokenBarrierError):  # a reader failed: its own error is raised below
            for (_, action), arrival, departure in zip(meetings, barriers[::2], barriers[1::2], strict=True):
                arrival.wait(timeout=120)
                action()
                departure.wait(timeout=120)
        failures = [error for error in (read.exception() for read in reads) if error is not None]
        for error in sorted(failures, key=lambda error: isinstance(error, BrokenBarrierError)):
            raise error
        return [read.result() for read in reads]


def assert_complete(reads: list[list[sg.Page]], cap: Cap) -> None:
    records = [record for page in reads[0] for record in page.to_pylist()]
    assert first_difference(records, database(cap, "WorkOrders")) is None
    tables = [pa.Table.from_batches(pa.record_batch(page) for page in pages) for pages in reads]
    assert all(table.equals(tables[0]) for table in tables)


def test_a_token_that_ends_under_eight_readers_is_renewed_once(cap: Cap, start_server: Any) -> None:
    oauth = start_server(OAuth, access_token_ttl=600)
    nginx = start_server(Nginx, cap.origin, bearer_check=oauth.verify_url)
    plant = behind(nginx, client_credentials(oauth))
    given: list[tuple[int, int]] = []

    def end_all_tokens() -> None:
        given.append(oauth.grants("client_credentials"))
        oauth.end_access_tokens()

    reads = read_together(plant, (4, end_all_tokens))
    assert given == [(1, 0)], "one token for all that eight threads asked"
    assert oauth.grants("client_credentials") == (2, 0), "and one more when it was refused"
    assert_complete(reads, cap)
    refused = [request for request in nginx.requests() if request["status"] == 401]
    assert refused, "the source did refuse the token in mid-read"


def test_tokens_that_live_two_seconds_are_renewed_while_eight_readers_read(
    cap: Cap, oauth: OAuth, nginx_bearer: Nginx
) -> None:
    plant = behind(nginx_bearer, client_credentials(oauth))
    calls: list[int] = []
    times: list[float] = []

    def look() -> None:
        calls.append(oauth.grants("client_credentials")[0])
        times.append(time.monotonic())

    def let_it_expire() -> None:
        wait_until_all_tokens_expired(oauth)
        look()

    reads = read_together(plant, (4, let_it_expire), (8, look))
    assert_complete(reads, cap)
    renewals, seconds = calls[1] - calls[0], times[1] - times[0]
    # The server counts in whole seconds, so that a token of two seconds may live only for one.
    assert 1 <= renewals <= 1 + int(seconds), f"{renewals} in {seconds:.1f} s"


@pytest.mark.parametrize("client_auth", ["basic", "body"])
def test_the_secret_goes_where_the_endpoint_wants_it(
    oauth: OAuth, nginx_bearer: Nginx, start_server: Any, client_auth: str
) -> None:
    front = start_server(Nginx, oauth.origin)
    client = POST_CLIENT if client_auth == "body" else CLIENT
    auth = sg.OAuth2ClientCredentials(f"{front.plain_url}/token", *client, client_auth=client_auth, scope="read")
    assert len(behind(nginx_bearer, auth).read("Vendors").to_pylist()) == 25
    (asked,) = front.requests()
    assert (asked["uri"], asked["method"], asked["authorized"]) == ("/token", "POST", client_auth == "basic")


def test_a_wrong_client_secret_is_asked_about_once(oauth: OAuth, nginx_bearer: Nginx) -> None:
    plant = behind(nginx_bearer, client_credentials(oauth, "not-the-secret"))
    given, refused = oauth.grants("client_credentials")
    with pytest.raises(sg.AuthError, match=oauth.token_url) as raised:
        plant.read("Vendors").to_pylist()
    error = raised.value
    assert (error.code, error.retryable, error.http_status) == ("auth_invalid.invalid_client", False, 401)
    assert "client id and secret" in error.hint
    assert "not-the-secret" not in str(error.to_dict())
    assert oauth.grants("client_credentials") == (given, refused + 1)
    health = plant.check()
    assert [step.name for step in health.steps if step.state == "failed"] == ["auth"]
    assert oauth.token_url in health.cause


def test_a_scope_that_the_server_dropped_in_silence_is_named(
    oauth: OAuth, nginx_bearer: Nginx, caplog: pytest.LogCaptureFixture
) -> None:
    plant = behind(nginx_bearer, client_credentials(oauth, scope="read approve"))
    assert len(plant.read("Vendors").to_pylist()) == 25
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert any("approve" in line and oauth.token_url in line for line in warnings), warnings
    assert not any("'read" in line for line in warnings)


def test_an_endpoint_that_is_down_is_named_as_what_it_is(cap: Cap, start_server: Any) -> None:
    oauth = start_server(OAuth)
    nginx = start_server(Nginx, cap.origin, bearer_check=oauth.verify_url)
    plant = behind(nginx, client_credentials(oauth))
    oauth.stop()
    with pytest.raises(sg.OfflineError, match=f"token endpoint {oauth.token_url}: ") as raised:
        plant.read("Vendors").to_pylist()
    assert (raised.value.code, raised.value.retryable) == ("offline.connect", True)
    assert nginx.requests() == [], "nothing went to the source without a token"
    health = plant.check()
    assert not health.online
    assert f"token endpoint {oauth.token_url}" in health.cause
    oauth.start()
    assert plant.check().online
    assert len(plant.read("Vendors").to_pylist()) == 25


def test_a_wrong_endpoint_is_a_setting_of_ours(oauth: OAuth, nginx_bearer: Nginx) -> None:
    lost = sg.OAuth2ClientCredentials(f"{oauth.origin}/tokn", "sg", "s3cret")
    with pytest.raises(sg.ConfigError, match=f"{oauth.origin}/tokn answered 404") as raised:
        behind(nginx_bearer, lost).read("Vendors").to_pylist()
    assert "token_url" in raised.value.hint


def test_the_endpoint_is_asked_with_the_connections_tls_settings(
    oauth: OAuth, nginx_bearer: Nginx, start_server: Any
) -> None:
    front = start_server(Nginx, oauth.origin)
    auth = sg.OAuth2ClientCredentials(f"{front.url}/token", "sg", "s3cret")
    plant = behind(nginx_bearer, auth)  # trusts another authority than the endpoint's
    with pytest.raises(sg.OfflineError, match=f"token endpoint {front.url}/token: ") as raised:
        plant.read("Vendors").to_pylist()
    assert raised.value.code == "offline.tls"
    assert "ca_file" in raised.value.hint
    both = front.folder / "both.pem"
    both.write_text(front.ca.read_text() + nginx_bearer.ca.read_text())
    trusting = behind(nginx_bearer, auth, tls=sg.Tls(ca_file=str(both)))
    assert len(trusting.read("Vendors").to_pylist()) == 25
    assert [request["uri"] for request in itertools.islice(front.requests(), 1)] == ["/token"]
