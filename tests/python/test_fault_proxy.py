"""FaultProxy does to a connection what it was told, and nothing else."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import pytest

from servers.cap import READER, Cap
from switchgear.testing import FaultProxy


class BytesOnDemand(socketserver.StreamRequestHandler):
    """For each line with a number it sends that many bytes."""

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            for line in self.rfile:
                self.wfile.write(content(int(line)))


def content(size: int) -> bytes:
    return (hashlib.sha512(b"reply").digest() * (size // 64 + 1))[:size]


@pytest.fixture(scope="module")
def target() -> Iterator[int]:
    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 64

    with Server(("127.0.0.1", 0), BytesOnDemand) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(target: int) -> Iterator[FaultProxy]:
    with FaultProxy("127.0.0.1", target, seed=1) as proxy:
        yield proxy


class Client:
    def __init__(self, proxy: FaultProxy) -> None:
        self.socket = socket.create_connection((proxy.host, proxy.port), timeout=10)

    def ask(self, size: int) -> bytes:
        """The reply, or what came of it before an orderly end."""
        self.socket.sendall(b"%d\n" % size)
        return self.receive(size)

    def receive(self, size: int) -> bytes:
        reply = b""
        while len(reply) < size:
            data = self.socket.recv(size - len(reply))
            if not data:
                break
            reply += data
        return reply

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: Any) -> None:
        self.socket.close()


def outcomes(proxy: FaultProxy, count: int, size: int) -> list[str]:
    """How each of `count` exchanges ended, on one connection as long as it lasts."""
    found: list[str] = []
    client = Client(proxy)
    for _ in range(count):
        try:
            found.append("whole" if client.ask(size) == content(size) else "short")
        except OSError as error:
            found.append(type(error).__name__)
            client.socket.close()
            client = Client(proxy)
    client.socket.close()
    return found


def test_without_faults_all_bytes_pass(proxy: FaultProxy) -> None:
    with Client(proxy) as client:
        for size in (1, 3_000_000, 70_000):
            assert client.ask(size) == content(size)
    with Client(proxy) as client:  # the client's end of sending passes, too, and the reply after it
        client.socket.sendall(b"100000\n")
        client.socket.shutdown(socket.SHUT_WR)
        assert client.receive(200_000) == content(100_000)
    stats = proxy.stats
    assert (stats.connections, stats.exchanges, stats.resets, stats.cuts) == (2, 4, 0, 0)
    assert stats.bytes_down == 1 + 3_000_000 + 70_000 + 100_000


def test_latency_delays_a_reply_once_however_long_it_is(proxy: FaultProxy) -> None:
    with Client(proxy) as client:
        client.ask(1)
        proxy.set(latency=0.3)
        begun = time.monotonic()
        assert client.ask(2_000_000) == content(2_000_000)
        assert 0.3 <= time.monotonic() - begun < 3.0  # 2 MB come in more than 30 pieces


def test_jitter_keeps_the_order(proxy: FaultProxy) -> None:
    proxy.set(jitter=0.05)
    with Client(proxy) as client:
        assert client.ask(1_000_000) == content(1_000_000)


def test_bandwidth_is_shared(proxy: FaultProxy) -> None:
    proxy.set(bandwidth=1_000_000)
    begun = time.monotonic()
    with Client(proxy) as one, Client(proxy) as two:
        for client in (one, two):
            client.socket.sendall(b"200000\n")
        for client in (one, two):
            assert client.receive(200_000) == content(200_000)
    assert time.monotonic() - begun >= 0.39


def test_resets_come_as_often_as_asked_and_the_same_for_a_seed(target: int) -> None:
    runs = []
    for _ in range(2):
        with FaultProxy("127.0.0.1", target, seed=42) as proxy:
            proxy.set(reset_probability=0.3)
            runs.append(outcomes(proxy, 100, 20_000))
            assert runs[-1].count("whole") == 100 - proxy.stats.resets
    assert [end == "whole" for end in runs[0]] == [end == "whole" for end in runs[1]]
    assert set(runs[0]) <= {"whole", "ConnectionResetError", "BrokenPipeError"}
    assert 15 <= 100 - runs[0].count("whole") <= 45


def test_a_reset_that_a_short_reply_escaped_comes_with_the_next_request(proxy: FaultProxy) -> None:
    proxy.set(reset_probability=1.0)
    assert outcomes(proxy, 20, 1).count("whole") <= 10  # never two whole ones in a row


def test_a_cut_ends_in_order_after_so_many_bytes(proxy: FaultProxy) -> None:
    with Client(proxy) as client:
        assert client.ask(10) == content(10)
        proxy.cut(12_345, times=2)
        assert client.ask(100_000) == content(12_345)
    for expected in (12_345, 100_000):
        with Client(proxy) as client:
            assert client.ask(100_000) == content(expected)
    assert proxy.stats.cuts == 2


def test_a_black_hole_holds_everything_back(proxy: FaultProxy) -> None:
    with Client(proxy) as client:
        assert client.ask(10) == content(10)
        proxy.black_hole()
        client.socket.sendall(b"50000\n")
        client.socket.settimeout(0.2)
        with pytest.raises(TimeoutError), Client(proxy):  # the connection is accepted
            client.socket.recv(1)
        client.socket.settimeout(10)
        proxy.clear()
        assert client.receive(50_000) == content(50_000)


def test_a_black_hole_ends_by_itself(proxy: FaultProxy) -> None:
    with Client(proxy) as client:
        begun = time.monotonic()
        proxy.black_hole(seconds=0.3)
        assert client.ask(50_000) == content(50_000)
        assert time.monotonic() - begun >= 0.3


def test_refuse_closes_the_port_and_gives_it_back(proxy: FaultProxy) -> None:
    port = proxy.port
    with Client(proxy) as client:
        client.ask(1)
        proxy.refuse()
        with pytest.raises(ConnectionResetError):
            client.socket.recv(1)
    for _ in range(3):
        with pytest.raises(ConnectionRefusedError):
            Client(proxy)
    proxy.clear()
    with Client(proxy) as client:
        assert client.ask(1000) == content(1000)
    assert proxy.port == port


def test_refuse_ends_by_itself(proxy: FaultProxy) -> None:
    proxy.refuse(seconds=0.2)
    deadline = time.monotonic() + 10
    with pytest.raises(ConnectionRefusedError):
        Client(proxy)
    while True:
        with contextlib.suppress(ConnectionRefusedError), Client(proxy) as client:
            assert client.ask(1000) == content(1000)
            break
        assert time.monotonic() < deadline


def test_open_connections_can_be_reset(proxy: FaultProxy) -> None:
    with Client(proxy) as one, Client(proxy) as two:
        one.ask(1)
        two.ask(1)
        assert proxy.reset_connections() == 2
        for client in (one, two):
            with pytest.raises(ConnectionResetError):
                client.socket.recv(1)


def test_a_target_that_is_away_resets(target: int) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with FaultProxy("127.0.0.1", nobody.getsockname()[1]) as proxy:
            with pytest.raises(OSError, match=r"reset|Broken pipe"), Client(proxy) as client:
                client.ask(1)
            assert proxy.stats.unreachable == 1


def test_it_stops_with_connections_open_and_starts_again(target: int) -> None:
    proxy = FaultProxy("127.0.0.1", target).start()
    port = proxy.port
    with Client(proxy) as client:
        client.ask(1)
        proxy.black_hole()
        proxy.stop()
        with pytest.raises(ConnectionResetError):
            client.socket.recv(1)
    with pytest.raises(RuntimeError, match=r"call start\(\) first"):
        proxy.clear()
    with proxy, Client(proxy) as client:
        assert client.ask(1000) == content(1000)
        assert proxy.port == port
    assert not [thread for thread in threading.enumerate() if thread.name == "fault-proxy"]


@pytest.mark.parametrize(
    ("faults", "field"),
    [
        ({"latency": -1}, "latency=-1"),
        ({"jitter": float("nan")}, "jitter=nan"),
        ({"bandwidth": 0}, "bandwidth=0"),
        ({"reset_probability": 1.5}, "reset_probability=1.5"),
    ],
)
def test_settings_out_of_range_are_refused(proxy: FaultProxy, faults: dict[str, float], field: str) -> None:
    with pytest.raises(ValueError, match=field):
        proxy.set(**faults)
    with pytest.raises(TypeError, match="lattency"):
        proxy.set(lattency=1)
    with pytest.raises(ValueError, match=r"cut\(-1"):
        proxy.cut(-1)


def test_a_real_listing_comes_through_resets(cap: Cap) -> None:
    """One page at a time from SAP CAP, each asked for again until it is whole."""
    ids: list[int] = []
    with FaultProxy("127.0.0.1", cap.port, seed=5) as proxy:
        proxy.set(reset_probability=0.3, jitter=0.01)
        url = f"http://{proxy.address}/odata/v4/maintenance/WorkOrders?$select=ID"
        next_url: str | None = url
        while next_url:
            page = ask_until_whole(next_url)
            ids += [record["ID"] for record in page["value"]]
            next_url = urljoin(url, page["@odata.nextLink"]) if "@odata.nextLink" in page else None
        assert proxy.stats.resets > 0
        proxy.clear()
        proxy.cut(1000)
        with pytest.raises(subprocess.CalledProcessError) as cut:
            curl(url)
        assert cut.value.returncode == 18  # a partial transfer
    assert ids == list(range(1, cap.work_orders + 1))


def ask_until_whole(url: str) -> dict[str, Any]:
    for _ in range(50):
        with contextlib.suppress(subprocess.CalledProcessError):
            page: dict[str, Any] = json.loads(curl(url))
            return page
    raise AssertionError(f"50 times in a row: no whole reply from {url}")


def curl(url: str) -> bytes:
    command = ["curl", "--silent", "--fail", "--globoff", "--user", ":".join(READER), url]
    return subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
