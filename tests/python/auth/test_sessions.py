"""Sessions by cookie and tokens against forged requests, at CAP behind a gateway that keeps both as SAP's does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pyarrow as pa
import pytest

import switchgear as sg
from servers.cap import PLANNER, READER, Cap
from support.maintenance import database, first_difference
from support.plugins import build

THREADS = 8
WORK_ORDERS = 3_000


@pytest.fixture
def own_cap(start_server: Any) -> Cap:
    """3,000 work orders, 250 a page, for one test: it ends sessions and writes."""
    cap: Cap = start_server(Cap, work_orders=WORK_ORDERS, page_size=250)
    return cap


@pytest.fixture(scope="module")
def closing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A connector that posts the action `close` where it is read from."""
    return build("closing/connector.cpp", tmp_path_factory.mktemp("connector") / "closing.so", "g++", "-std=c++17")


def login(cap: Cap, user: tuple[str, str] = READER, **options: Any) -> sg.CookieLogin:
    return sg.CookieLogin(
        cap.login_url,
        *user,
        **{
            "user_field": "sap-user",
            "password_field": "sap-password",
            "fields": {"sap-client": "100"},
            "session_cookie": "SAP_SESSIONID_SG_100",
            **options,
        },
    )


def counted(cap: Cap) -> Iterator[dict[str, int]]:
    """What happened since the last time, at each step."""
    before = cap.gateway_counts()
    while True:
        now = cap.gateway_counts()
        yield {name: now[name] - before[name] for name in now if now[name] != before[name]}
        before = now


# -- cookie login


def test_a_session_that_ends_under_eight_readers_is_begun_anew_once(own_cap: Cap) -> None:
    plant = sg.connect("odata", url=own_cap.gateway_url, auth=login(own_cap))
    barriers = Barrier(THREADS, own_cap.end_sessions), Barrier(THREADS)

    def read(_: int) -> list[sg.Page]:
        pages = []
        for number, page in enumerate(plant.read("WorkOrders", prefetch=1)):
            if number == 4:
                for barrier in barriers:
                    barrier.wait(timeout=60)
            pages.append(page)
        return pages

    with ThreadPoolExecutor(THREADS) as pool:
        reads = list(pool.map(read, range(THREADS)))
    counts = own_cap.gateway_counts()
    assert counts["logins"] == 2, "one for all that eight threads asked, and one more when the session was over"
    assert counts["sign_in_pages"] >= 1, "the source did answer with its sign-in page"
    records = [record for page in reads[0] for record in page.to_pylist()]
    assert first_difference(records, database(own_cap, "WorkOrders")) is None
    tables = [pa.Table.from_batches(pa.record_batch(page) for page in pages) for pages in reads]
    assert all(table.equals(tables[0]) for table in tables)


@pytest.mark.parametrize(
    "changed",
    [{"user": ("reader", "not-the-password")}, {"fields": {"sap-client": "200"}}],
    ids=["password", "client"],
)
def test_a_refused_login_is_no_session_although_it_sets_a_cookie(cap: Cap, changed: dict[str, Any]) -> None:
    plant = sg.connect("odata", url=cap.gateway_url, auth=login(cap, **changed))
    counts = counted(cap)
    next(counts)
    with pytest.raises(sg.AuthError, match=f"login at {cap.login_url} answered 200 without") as raised:
        plant.read("Vendors").to_pylist()
    assert (raised.value.code, raised.value.retryable) == ("auth_invalid", False)
    assert "session_cookie" in raised.value.hint
    assert "not-the-password" not in str(raised.value.to_dict())
    assert next(counts) == {"refused_logins": 1}, "asked once: a second wrong answer may lock the account"
    health = plant.check()
    assert [step.name for step in health.steps if step.state == "failed"] == ["auth"]


def test_a_login_in_the_wrong_place_is_a_setting_of_ours(cap: Cap) -> None:
    auth = sg.CookieLogin(f"{cap.origin}/no-login", *READER)
    with pytest.raises(sg.ConfigError, match=f"login at {cap.origin}/no-login answered 404") as raised:
        sg.connect("odata", url=cap.gateway_url, auth=auth).read("Assets").to_pylist()
    assert "login_url" in raised.value.hint


def test_without_a_login_the_sign_in_page_is_named(cap: Cap) -> None:
    with pytest.raises(sg.AuthError, match="HTML page where data was asked for") as raised:
        sg.connect("odata", url=cap.gateway_url).read("Assets").to_pylist()
    assert raised.value.code == "auth_expired"


# -- tokens against forged requests

CREDENTIALS: dict[str, Callable[[Cap], sg.Auth]] = {
    "basic": lambda _: sg.BasicAuth(*PLANNER),
    "cookie login": lambda cap: login(cap, PLANNER),
}


@pytest.mark.parametrize("credentials", CREDENTIALS)
def test_a_write_carries_a_token_and_fetches_another_when_it_is_refused(
    own_cap: Cap, closing: Path, credentials: str
) -> None:
    def status(id: int) -> str:
        rows = own_cap.query("SELECT ID, status FROM maintenance_WorkOrders")
        return next(str(row["status"]) for row in rows if row["ID"] == id)

    auth = sg.CsrfToken(f"{own_cap.gateway_url}/", CREDENTIALS[credentials](own_cap))
    plants = [sg.connect(str(closing), url=own_cap.gateway_url, work_order=id, auth=auth) for id in (7, 8)]
    counts = counted(own_cap)
    next(counts)
    assert plants[0].check(entities=[]).online
    assert next(counts).get("fetches", 0) == 0, "reading needs no token"

    assert plants[0].read("closed").to_pylist()[0]["status"] == "done"
    assert status(7) == "done"
    assert {"fetches": 1, "writes": 1}.items() <= next(counts).items()

    plants[0].read("closed").to_pylist()
    assert next(counts) == {"writes": 1}, "the token serves for more than one write"

    own_cap.end_sessions(tokens_only=True)
    plants[0].read("closed").to_pylist()
    assert next(counts) == {"refused_writes": 1, "fetches": 1, "writes": 1}

    own_cap.end_sessions()
    plants[0].read("closed").to_pylist()
    after = next(counts)
    assert after["writes"] == 1
    assert after["fetches"] == 1

    plants[1].read("closed").to_pylist()  # a connection has a session and tokens of its own
    assert status(8) == "done"


def test_a_refused_write_without_the_wrapper_says_what_is_missing(cap: Cap, closing: Path) -> None:
    plant = sg.connect(str(closing), url=cap.gateway_url, work_order=7, auth=sg.BasicAuth(*PLANNER))
    with pytest.raises(sg.ProtocolError, match="CSRF token validation failed") as raised:
        plant.read("closed").to_pylist()
    assert raised.value.code == "csrf"
    assert "CsrfToken" in raised.value.hint


def test_an_error_may_carry_the_token(cap: Cap, closing: Path) -> None:
    auth = sg.CsrfToken(f"{cap.origin}/gateway/nothing/here", sg.BasicAuth(*PLANNER))
    plant = sg.connect(str(closing), url=cap.gateway_url, work_order=9, auth=auth)
    assert plant.read("closed").to_pylist()[0]["ID"] == 9


def test_a_place_that_hands_out_no_token_is_named(cap: Cap, closing: Path) -> None:
    auth = sg.CsrfToken(f"{cap.url}/", sg.BasicAuth(*PLANNER))  # past the gateway
    with pytest.raises(sg.ProtocolError, match="handed out no X-CSRF-Token") as raised:
        sg.connect(str(closing), url=cap.gateway_url, work_order=9, auth=auth).read("closed").to_pylist()
    assert raised.value.code == "csrf"
    assert "service root" in raised.value.hint


def test_wrong_credentials_are_not_taken_for_a_missing_token(cap: Cap, closing: Path) -> None:
    auth = sg.CsrfToken(f"{cap.gateway_url}/", login(cap, ("planner", "not-the-password")))
    with pytest.raises(sg.AuthError, match="login at") as raised:
        sg.connect(str(closing), url=cap.gateway_url, work_order=9, auth=auth).read("closed").to_pylist()
    assert raised.value.code == "auth_invalid"
