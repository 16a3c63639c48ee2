"""Every fault of the sandbox does what it says, where it says, as often as it says, and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from http.client import IncompleteRead
from pathlib import Path
from typing import Any

import pytest
from asking import Client, same

from switchgear.sandbox import KINDS, Fault, Sandbox
from switchgear.sandbox.faults import Faults
from switchgear.sandbox.query import parse_timestamp


@pytest.fixture(scope="module")
def faulty() -> Iterator[Sandbox]:
    with Sandbox(records=500, page_size=100) as sandbox:
        yield sandbox


@pytest.fixture
def client(faulty: Sandbox) -> Iterator[Client]:
    with Client(faulty) as asking:
        yield asking
    faulty.set_faults()


def statuses(client: Client, count: int, target: str = "WorkOrders") -> list[int]:
    return [client.ask(target).status for _ in range(count)]


def struck(box: Sandbox) -> list[int]:
    return [fault["struck"] for fault in box.stats()["faults"]]


def test_each_kind_is_tested() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [kind for kind in KINDS if f'"{kind}"' not in text] == []


def test_latency_delays_and_requests_wait_at_the_same_time(faulty: Sandbox, client: Client) -> None:
    faulty.set_faults(Fault("latency", ms=60, entity="Parts"))
    client.ask("WorkOrders")
    assert struck(faulty) == [0]
    began = time.monotonic()
    client.ask("Parts")
    assert time.monotonic() - began >= 0.06
    faulty.set_faults(Fault("latency", ms=400))
    others = [Client(faulty) for _ in range(8)]
    for other in others:
        other.connection.request("GET", "/rest/Parts")
    for other in others:
        assert other.connection.getresponse().read()
        other.connection.close()
    assert faulty.stats()["peak_delayed"] == 8


def test_an_error_in_a_200_stands_beside_empty_lists(faulty: Sandbox, client: Client) -> None:
    faulty.set_faults(Fault("error_in_200", times=1))
    got = client.ask("/rest/cursor/Parts")
    assert (got.status, got.json["data"], got.json["problem"]["id"]) == (200, [], "BUSY")
    assert client.ask("/rest/cursor/Parts").json["data"] != []


def test_rate_limit_strikes_every_nth_request(faulty: Sandbox, client: Client) -> None:
    faulty.set_faults(Fault("rate_limit", every=3, retry_after=2))
    assert statuses(client, 7) == [200, 200, 429, 200, 200, 429, 200]
    faulty.set_faults(Fault("rate_limit", retry_after=1.2))
    got = client.ask("WorkOrders")
    assert (got.status, got.headers["retry-after"]) == (429, "2")
    assert got.json["error"]["code"] == "TooManyRequests"


def test_rate_limit_says_when_as_a_date(faulty: Sandbox, client: Client) -> None:
    faulty.set_faults(Fault("rate_limit", retry_after=120, http_date=True))
    until = parsedate_to_datetime(client.ask("/rest/WorkOrders").headers["retry-after"]).timestamp()
    assert 110 < until - time.time() <= 121


def test_rate_limit_per_second() -> None:
    """By a clock of its own: three requests pass, the others wait until the first is a second old."""
    clock = [100.0]
    faults = Faults([Fault("rate_limit", per_second=3)], now=lambda: clock[0])
    assert [len(faults.strike("Parts", 1)) for _ in range(5)] == [0, 0, 0, 1, 1]
    clock[0] += 0.4
    (strike,) = faults.strike("Parts", 1)
    assert strike.retry_after == "1"
    clock[0] += 0.6
    assert [len(faults.strike("Parts", 1)) for _ in range(4)] == [0, 0, 0, 1]


def test_expire_token_until_another_is_fetched(faulty: Sandbox, client: Client) -> None:
    faulty.set_faults(Fault("expire_token", after=2))
    assert statuses(client, 4) == [200, 200, 401, 401]
    got = client.ask("WorkOrders")
    assert got.headers["www-authenticate"] == "Bearer"
    assert "expired" in got.json["error"]["message"]
    assert client.ask("/token", "POST").json["access_token"].startswith("sandbox-token-")
    assert statuses(client, 3) == [200, 200, 401]


def test_a_new_token_replaces_the_old_one() -> None:
    with Sandbox(records=10, token="first", faults=[Fault("expire_token", after=1)]) as box, Client(box) as client:
        assert statuses(client, 1) == [401]
        client.headers["Authorization"] = "Bearer first"
        assert statuses(client, 2) == [200, 401]
        fresh = client.ask("/token", "POST").json["access_token"]
        assert client.ask("WorkOrders").status == 401
        client.headers["Authorization"] = f"Bearer {fresh}"
        assert statuses(client, 2) == [200, 401]


@pytest.mark.parametrize("status", [500, 503, 599])
def test_error_statuses(faulty: Sandbox, client: Client, status: int) -> None:
    faulty.set_faults({"kind": "error", "status": status, "retry_after": 7, "times": 2})
    got = client.ask("WorkOrders")
    assert (got.status, got.headers["retry-after"]) == (status, "7")
    assert statuses(client, 2) == [status, 200]


def test_login_page_on_the_third_page_once(faulty: Sandbox, client: Client) -> None:
    faulty.set_faults(Fault("login_page", page=3, times=1, entity="WorkOrders"))
    pages: list[Any] = []
    link, odd = "WorkOrders", 0
    while link:
        got = client.ask(link)
        assert got.status == 200
        if got.headers["content-type"].startswith("text/html"):
            assert b"<form" in got.body
            assert len(pages) == 2
            odd += 1
            continue
        pages.append(got.json)
        link = pages[-1].get("@odata.nextLink")
    assert odd == 1
    same([r for page in pages for r in page["value"]], list(faulty.truth("WorkOrders")))


@pytest.mark.parametrize("reset", [False, True])
def test_cut_in_the_middle_of_the_body(faulty: Sandbox, client: Client, reset: bool) -> None:
    faulty.set_faults(Fault("cut", times=1, fraction=0.25, reset=reset))
    with pytest.raises((IncompleteRead, ConnectionResetError)) as caught:
        client.ask("WorkOrders")
    if not reset:
        assert isinstance(caught.value, IncompleteRead)
        assert caught.value.expected is not None
        sent = len(caught.value.partial)
        assert sent == pytest.approx((sent + caught.value.expected) / 4, abs=1)
    same(client.odata_records("WorkOrders"), list(faulty.truth("WorkOrders")))


def test_broken_json_and_invalid_utf8(faulty: Sandbox, client: Client) -> None:
    faulty.set_faults(Fault("broken_json", page=2))
    link = client.ask("WorkOrders").json["@odata.nextLink"]
    with pytest.raises(json.JSONDecodeError):
        client.ask(link).json  # noqa: B018
    faulty.set_faults(Fault("invalid_utf8"))
    body = client.ask("WorkOrders").body
    with pytest.raises(UnicodeDecodeError):
        body.decode()
    assert len(json.loads(body.decode("utf-8", "replace"))["value"]) == 100


def test_repeat_next_leads_to_the_same_page(faulty: Sandbox, client: Client) -> None:
    faulty.set_faults(Fault("repeat_next", page=2))
    second = client.ask("WorkOrders").json["@odata.nextLink"]
    assert client.ask(second).json["@odata.nextLink"] == second
    faulty.set_faults(Fault("repeat_next", page=2, times=1))
    page = client.ask("/rest/page/WorkOrders?limit=100&page=2").json
    assert page["next_page"] == 2


def test_empty_page_once_loses_nothing(faulty: Sandbox, client: Client) -> None:
    faulty.set_faults(Fault("empty_page", page=3, times=2))
    pages = list(client.odata_pages("WorkOrders"))
    assert [len(page["value"]) for page in pages] == [100, 100, 0, 0, 100, 100, 100]
    same([r for page in pages for r in page["value"]], list(faulty.truth("WorkOrders")))


def test_empty_pages_never_end_and_never_repeat_a_token(faulty: Sandbox, client: Client) -> None:
    faulty.set_faults(Fault("empty_page", page=3))
    pages = client.odata_pages("WorkOrders")
    seen = [next(pages) for _ in range(52)][2:]
    assert all(page["value"] == [] for page in seen)
    assert len({page["@odata.nextLink"] for page in seen}) == 50


def test_foreign_next_leads_away(faulty: Sandbox, client: Client) -> None:
    faulty.set_faults(Fault("foreign_next", page=1, host="http://elsewhere.invalid:8080"))
    start = "http://elsewhere.invalid:8080"
    assert client.ask("WorkOrders").json["@odata.nextLink"].startswith(f"{start}/odata/v4/maintenance/WorkOrders?")
    assert client.ask("/rest/next_url/WorkOrders").json["next"].startswith(f"{start}/rest/next_url/WorkOrders?")
    assert f"<{start}/rest/link/WorkOrders?" in client.ask("/rest/link/WorkOrders").headers["link"]


def test_wrong_total(faulty: Sandbox, client: Client) -> None:
    faulty.set_faults(Fault("wrong_total"))
    assert client.ask("WorkOrders?$count=true").json["@odata.count"] == 507
    assert client.ask("/rest/offset/WorkOrders").json["total"] == 507


def test_odd_records(faulty: Sandbox, client: Client) -> None:
    truth = list(faulty.truth("WorkOrders"))[:100]
    regular = [n for n in range(100) if n % 4 != 3]

    def odd_page(kind: str) -> list[Any]:
        faulty.set_faults(Fault(kind, record_every=4))
        sent: list[Any] = client.ask("WorkOrders").json["value"]
        same([sent[n] for n in regular], [truth[n] for n in regular])
        assert [r["ID"] for r in sent] == list(range(1, 101))
        return sent[3::4]

    extra = odd_page("extra_fields")
    assert all(set(r) - set(truth[0]) == {"X_Plant", "X_Meta"} for r in extra)
    missing = [set(truth[0]) - set(r) for r in odd_page("missing_fields")]
    assert all(len(names) == 1 for names in missing)
    assert set.union(*missing) == set(truth[0]) - {"ID"}
    wrong = odd_page("wrong_types")
    assert {type(r["EstimatedCost"]) for r in wrong} >= {str}
    assert {type(r["Title"]) for r in wrong} == {str, int}
    assert {type(r["SafetyCritical"]) for r in wrong} == {bool, str}
    assert {type(r["Tags"]) for r in wrong} == {list, dict}
    with pytest.raises(ValueError, match="timestamp"):
        [parse_timestamp(r["ChangedAt"]) for r in wrong]


def test_filters_of_a_fault_have_to_agree(faulty: Sandbox, client: Client) -> None:
    faulty.set_faults(Fault("error", entity="Parts", page=1, after=1, every=2, times=2))
    assert statuses(client, 3, "WorkOrders") == [200] * 3
    assert statuses(client, 8, "Parts") == [200, 200, 503, 200, 503, 200, 200, 200]
    assert struck(faulty) == [2]


def test_faults_add_up(faulty: Sandbox, client: Client) -> None:
    faulty.set_faults(
        Fault("extra_fields"), Fault("foreign_next"), Fault("latency", ms=1), Fault("rate_limit", after=1)
    )
    page = client.ask("WorkOrders").json
    assert "X_Plant" in page["value"][9]
    assert page["@odata.nextLink"].startswith("http://elsewhere.invalid/")
    assert statuses(client, 2) == [429, 429]
    assert struck(faulty) == [3, 3, 3, 2]


def test_faults_spare_the_control_paths_and_are_lifted(faulty: Sandbox, client: Client) -> None:
    faulty.set_faults(Fault("error"))
    assert statuses(client, 1) == [503]
    assert client.ask("/_stats").status == client.ask("/").status == 200
    assert client.ask("/_faults", "DELETE").json == {"faults": []}
    assert statuses(client, 1) == [200]


def test_faults_are_set_over_http(client: Client) -> None:
    body = json.dumps({"faults": [{"kind": "error", "status": 500, "times": 1}]})
    assert client.ask("/_faults", "POST", body).json["faults"][0]["struck"] == 0
    assert statuses(client, 2) == [500, 200]
    assert client.ask("/_faults").json["faults"] == [
        {"kind": "error", "status": 500, "times": 1, "seen": 1, "struck": 1}
    ]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"kind": "latencyy"}, "did you mean 'latency'"),
        ({"kind": "error", "stauts": 500}, "did you mean 'status'"),
        ({"kind": "error", "status": "500"}, "status is '500'; expected int"),
        ({"kind": "error", "status": True}, "expected int"),
        ({"kind": "error", "status": 200}, "between 400 and 599"),
        ({"kind": "latency", "ms": -1}, "ms is -1"),
        ({"kind": "latency", "page": 0}, "page is 0"),
        ({"kind": "cut", "fraction": 1.5}, "fraction is 1.5"),
        ({"kind": "foreign_next", "host": "elsewhere"}, "http://"),
        ({"status": 500}, 'needs a "kind"'),
        ("latency", "send a list of faults"),
    ],
)
def test_a_wrong_fault_is_refused_and_changes_nothing(faulty: Sandbox, client: Client, given: Any, words: str) -> None:
    faulty.set_faults(Fault("error", times=1))
    got = client.ask("/_faults", "POST", json.dumps([given]))
    assert got.status == 400
    assert words in got.json["error"]["message"]
    assert statuses(client, 2) == [503, 200]
    if isinstance(given, dict):
        with pytest.raises(ValueError, match=r"\w"):
            faulty.set_faults(given)


def test_faults_on_the_command_line() -> None:
    assert Fault.parse("rate_limit:every=10,retry_after=2.5,http_date,entity=Parts") == Fault(
        "rate_limit", every=10, retry_after=2.5, http_date=True, entity="Parts"
    )
    with pytest.raises(ValueError, match="every is 'ten'"):
        Fault.parse("rate_limit:every=ten")
