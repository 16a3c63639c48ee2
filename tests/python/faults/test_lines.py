"""Each way in which a line fails is called by its name, and repeated where that helps."""

from __future__ import annotations

import pytest

import switchgear as sg
from servers.cap import Cap
from servers.nginx import Nginx
from support.lines import connect_over
from support.maintenance import database, first_difference
from switchgear.testing import FaultProxy

SOON = sg.Timeouts(connect=0.5, stalled=0.4, total=1.0)


def ids_of(plant: sg.Connection) -> list[int]:
    return [record["ID"] for record in plant.read("WorkOrders", columns=["ID"], limit=1_000).to_pylist()]


def test_a_reply_cut_in_its_body_is_asked_for_again(line: FaultProxy, cap: Cap) -> None:
    plant = connect_over(line)
    line.cut(5_000, times=2)
    reader = plant.read("Assets")
    assert first_difference(reader.to_pylist(), database(cap, "Assets")) is None
    assert line.stats.cuts == 2
    assert reader.stats.retries == 2
    assert reader.stats.requests == 3


def test_what_stays_cut_is_lost_after_three_attempts(line: FaultProxy) -> None:
    plant = connect_over(line)
    line.cut(5_000, times=100)
    reader = plant.read("Assets")
    with pytest.raises(sg.OfflineError, match="broke off inside a reply, after") as lost:
        reader.to_pylist()
    assert lost.value.code == "offline.lost"
    assert (lost.value.connection_id, lost.value.entity) == ("plant", "Assets")
    assert lost.value.retryable
    assert line.stats.cuts == 3
    assert (reader.stats.requests, reader.stats.retries) == (3, 2)
    line.clear()
    assert len(plant.read("Assets").to_pylist()) == 501


def test_a_slow_line_is_only_slow(line: FaultProxy, cap: Cap) -> None:
    """The reply takes longer than `stalled` in all, but never stands still for so long."""
    plant = connect_over(line, timeout=sg.Timeouts(stalled=0.5, total=60))
    line.set(bandwidth=100_000)
    reader = plant.read("Assets")
    assert first_difference(reader.to_pylist(), database(cap, "Assets")) is None
    assert reader.stats.bytes > 60_000
    assert reader.stats.retries == 0


def test_a_trickle_ends_at_the_total_time(line: FaultProxy) -> None:
    plant = connect_over(line, timeout=SOON)
    line.set(bandwidth=5_000)
    reader = plant.read("Assets")
    with pytest.raises(sg.TimeoutError, match="within 1000 ms") as late:
        reader.to_pylist()
    assert late.value.code == "timeout"
    assert reader.stats.requests == 3


def test_a_line_that_goes_dead_is_stalled_and_heals(line: FaultProxy) -> None:
    plant = connect_over(line, timeout=SOON)
    assert len(ids_of(plant)) == 1_000
    line.black_hole()
    with pytest.raises(sg.TimeoutError, match="has sent nothing for") as stalled:
        ids_of(plant)
    assert stalled.value.code == "timeout.stalled"
    line.clear()
    assert len(ids_of(plant)) == 1_000


def test_a_black_hole_at_the_handshake_is_no_connection_in_time(nginx_tls: Nginx) -> None:
    with FaultProxy("127.0.0.1", nginx_tls.ports["tls"]) as line:
        line.black_hole()
        url = f"https://{line.address}/odata/v4/maintenance"
        plant = sg.connect("odata", url=url, tls=sg.Tls(ca_file=str(nginx_tls.ca)), proxy="none", timeout=SOON)
        with pytest.raises(sg.TimeoutError, match=r"no connection to .* in time") as late:
            plant.entities()
        assert late.value.code == "timeout.connect"
        assert line.stats.connections == 3, "nothing was sent, so it was tried again"
    assert not [request for request in nginx_tls.requests() if request["port"] == line.port]


def test_compression_that_lies_is_a_broken_protocol_and_not_repeated(nginx_tls: Nginx) -> None:
    url = f"{nginx_tls.plain_url}/odd/gzip-lie/odata/v4/maintenance"
    plant = sg.connect("odata", url=url, proxy="none", auth=sg.BasicAuth("reader", "reader"))
    plant.entities()
    before = len(nginx_tls.requests())
    with pytest.raises(sg.ProtocolError) as lie:
        plant.read("WorkOrders").to_pylist()
    assert lie.value.code == "protocol.bad_encoding"
    assert not lie.value.retryable
    assert len(nginx_tls.requests()) - before == 1


@pytest.mark.parametrize("name", ["connect", "stalled", "total"])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), 1e300, 31_536_001])
def test_a_timeout_that_no_clock_can_hold_is_refused(name: str, value: float) -> None:
    with pytest.raises(sg.ConfigError, match=rf"the timeout `{name}` is .* from 0 to 31536000 seconds"):
        sg.connect("odata", url="http://127.0.0.1:9/", timeout=sg.Timeouts(**{name: value}))


def test_a_very_short_timeout_is_not_none(line: FaultProxy) -> None:
    """0.4 ms was cut to 0, which is no limit at all."""
    line.set(latency=0.5)
    with pytest.raises(sg.TimeoutError) as late:
        connect_over(line, timeout=sg.Timeouts(stalled=0.0004, total=30))
    assert late.value.code == "timeout.stalled"
