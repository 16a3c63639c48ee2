"""The sandbox as a server and as an object: HTTP itself, authentication, statistics, processes, the command line."""

from __future__ import annotations

import base64
import json
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from itertools import islice

import pytest
from asking import Client, same

from switchgear.sandbox import Dataset, Fault, Sandbox


def raw(box: Sandbox, sent: bytes) -> bytes:
    """Sends bytes and reads until the sandbox closes the connection."""
    with socket.create_connection(("127.0.0.1", box.port), timeout=10) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def test_requests_may_be_pipelined_and_cut_anywhere(box: Sandbox) -> None:
    one = b"GET /rest/Vendors?limit=1 HTTP/1.1\r\nHost: x\r\n\r\n"
    last = b"GET /rest/Vendors/2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    whole = raw(box, one * 3 + last)
    assert whole.count(b"HTTP/1.1 200 OK") == 4
    with socket.create_connection(("127.0.0.1", box.port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(last)):
            connection.sendall(last[at : at + 1])
        assert b'{"VendorID":2,' in b"".join(iter(lambda: connection.recv(4096), b""))


def test_head_has_the_length_and_no_body(client: Client) -> None:
    assert (client.ask("WorkOrders", "HEAD").body, client.ask("WorkOrders").status) == (b"", 200)
    assert client.ask("WorkOrders", "HEAD").headers["content-length"] == str(len(client.ask("WorkOrders").body))


def test_http_1_0_closes(box: Sandbox) -> None:
    assert b"Connection: close" in raw(box, b"GET / HTTP/1.0\r\n\r\n")


def test_expect_continue(box: Sandbox) -> None:
    head = b"POST /rest/post/Vendors HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 11\r\n"
    with socket.create_connection(("127.0.0.1", box.port), timeout=10) as connection:
        connection.sendall(head + b"Expect: 100-continue\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b'{"limit":1}')
        assert b"200 OK" in connection.recv(1 << 16)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"NONSENSE\r\n\r\n", 400),
        (b"GET / HTTP/3\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000, 431),
        (b"POST /_faults HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST /_faults HTTP/1.1\r\nContent-Length: -5\r\n\r\n", 413),
        (b"POST /_faults HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
    ],
)
def test_what_is_no_http_is_refused_and_closed(box: Sandbox, sent: bytes, status: int) -> None:
    reply = raw(box, sent)
    assert reply.startswith(f"HTTP/1.1 {status} ".encode())
    assert b"bad_http" in reply


def test_a_client_that_does_not_read_stops_its_own_connection_only(box: Sandbox, client: Client) -> None:
    with socket.create_connection(("127.0.0.1", box.port), timeout=10) as idle:
        before = box.stats()["bytes"]
        idle.sendall(b"GET /rest/all/WorkOrders HTTP/1.1\r\nHost: x\r\n\r\n" * 200)
        same(client.odata_records("Vendors"), list(box.truth("Vendors")))
        size = len(client.ask("/rest/all/WorkOrders").body)
        assert box.stats()["bytes"] - before < 50 * size


def test_basic_authentication() -> None:
    with Sandbox(records=10, user="alice", password="pä:ss") as box, Client(box) as client:
        got = client.ask("WorkOrders")
        assert (got.status, got.headers["www-authenticate"]) == (401, 'Basic realm="sandbox"')
        assert got.json["error"]["code"] == "Unauthorized"
        for pair, status in [("alice:wrong", 401), ("alice:pä:ss", 200)]:
            client.headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
            assert client.ask("/rest/WorkOrders").status == status
        assert box.stats()["status"] == {"200": 1, "401": 2}


def test_stats_count_what_was_served() -> None:
    with Sandbox(records=250, page_size=100) as box, Client(box) as one, Client(box) as two:
        assert box.stats()["requests"] == 0
        one.odata_records("WorkOrders")
        two.ask("/rest/Vendors/1")
        two.ask("Nope")
        seen = box.stats()
        assert (seen["requests"], seen["records"], seen["pages"]) == (5, 251, 3)
        assert seen["entities"] == {"WorkOrders": 250, "Vendors": 1}
        assert seen["status"] == {"200": 4, "404": 1}
        assert seen["open_connections"] == 3
        assert seen["bytes"] > 250 * 300


def test_a_warm_sandbox_sends_the_same() -> None:
    for count in (0, 256, 700):
        with Sandbox(records=count, warm=True) as box, Client(box) as client:
            same(client.odata_records("WorkOrders"), list(box.truth("WorkOrders")))
            same(client.odata_records("Assets"), list(box.truth("Assets")))


def test_the_same_seed_gives_the_same_records() -> None:
    assert list(Dataset(60, seed=7).truth("WorkOrders")) == list(Dataset(60, seed=7).truth("WorkOrders"))
    assert list(Dataset(60, seed=7).truth("WorkOrders")) != list(Dataset(60, seed=8).truth("WorkOrders"))
    with pytest.raises(ValueError, match="records is -1"):
        Dataset(-1)


def test_values_cover_what_sources_send() -> None:
    """Guards the variety that other tests rely on."""
    records = list(Dataset(3_000).truth("WorkOrders"))
    assert len(records[0]) == 13
    assert any('"' in str(r["Title"]) and not str(r["Title"]).isascii() for r in records)
    assert any(ord(max(str(r["Title"]))) > 0xFFFF for r in records)
    assert all(float(r["AssetID"]) != r["AssetID"] for r in records)
    assert {r["ActualCost"] is None for r in records} == {True, False}
    assert len({r["ChangedAt"].utcoffset() for r in records}) == 3
    assert len({r["ChangedAt"] for r in records}) < 2_800
    assert {len(r["Tags"]) for r in records} == {0, 1, 2, 3}
    digits = [len(r["Amount"].as_tuple().digits) for r in Dataset(3_000).truth("PurchaseOrders")]
    assert max(digits) > 17


def test_records_beyond_the_period_are_served_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """From row PERIOD on the fields outside the key repeat; keys, filters and the truth have to know it."""
    monkeypatch.setattr("switchgear.sandbox.model.PERIOD", 300)
    with Sandbox(records=1_000, page_size=77) as box, Client(box) as client:
        truth = list(box.truth("WorkOrders"))
        assert truth[0]["Title"] == truth[300]["Title"]
        same(client.odata_records("WorkOrders"), truth)
        urgent = client.odata_records("WorkOrders?$filter=Priority%20eq%201%20and%20ID%20gt%20250")
        same(urgent, [r for r in truth[250:] if r["Priority"] == 1])


def test_in_a_process_of_its_own() -> None:
    with Sandbox(records=250, page_size=100, process=True, token="t", faults=[Fault("error", times=1)]) as box:
        with Client(box, {"Authorization": "Bearer t"}) as client:
            assert client.ask("WorkOrders").status == 503
            same(client.odata_records("WorkOrders"), list(box.truth("WorkOrders")))
            box.set_faults(Fault("rate_limit"))
            assert client.ask("WorkOrders").status == 429
        assert box.stats()["requests"] == 5
        port = box.port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


@pytest.mark.parametrize("process", [False, True])
def test_a_port_in_use_is_an_error(box: Sandbox, process: bool) -> None:
    with pytest.raises(OSError, match="in use"):
        Sandbox(records=1, port=box.port, process=process).start()


def test_it_starts_and_stops_more_than_once() -> None:
    box = Sandbox(records=10)
    assert "not running" in repr(box)
    with pytest.raises(RuntimeError, match="does not run"):
        box.url  # noqa: B018
    for _ in range(2):
        with box, Client(box) as client:
            assert client.ask("WorkOrders").status == 200
    box.stop()


def test_contradicting_settings_are_refused() -> None:
    for wrong in ({"user": "a"}, {"user": "a", "password": "b", "token": "c"}, {"page_size": 0}):
        with pytest.raises(ValueError, match=r"\w"):
            Sandbox(records=1, **wrong)
    with pytest.raises(ValueError, match="did you mean 'cut'"):
        Sandbox(records=1, faults=[{"kind": "cutt"}])


@pytest.fixture
def command() -> Iterator[subprocess.Popen[str]]:
    arguments = [
        sys.executable,
        "-m",
        "switchgear.sandbox",
        "--port",
        "0",
        "--records",
        "30",
        "--fault",
        "error:page=2",
    ]
    running = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield running
    running.kill()
    running.communicate()


def test_command_line_serves_until_ctrl_c(command: subprocess.Popen[str]) -> None:
    assert command.stdout is not None
    ready, odata, rest = islice(command.stdout, 3)
    assert ready.startswith("READY http://127.0.0.1:")
    with urllib.request.urlopen(odata.split()[1] + "/WorkOrders/$count", timeout=10) as reply:
        assert reply.read() == b"30"
    with urllib.request.urlopen(rest.split()[1] + "/link/WorkOrders?limit=3", timeout=10) as reply:
        assert len(json.load(reply)) == 3
    command.send_signal(signal.SIGINT)
    out, err = command.communicate(timeout=10)
    assert (command.returncode, out, err) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--fault", "latencyy"], "did you mean 'latency'"),
        (["--user", "a"], "go together"),
        (["--records", "-1"], "must be 0 or more"),
    ],
)
def test_command_line_refuses_wrong_usage(arguments: list[str], words: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "switchgear.sandbox", *arguments],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 2
    assert words in ended.stderr
