"""What happens in a hub reaches those who asked for it: signed, once recorded never lost, and nobody else."""

from __future__ import annotations

import datetime
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import standardwebhooks
import svix

import switchgear as sg
from servers.nginx import Nginx
from support.receiver import Received, Receiver
from switchgear import _core
from switchgear.sandbox import Sandbox
from switchgear.testing import ManualClock

HERE = ["127.0.0.0/8"]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        yield one


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with Sandbox(records=30) as one:
        yield one


def plant(hub: sg.Hub, box: Sandbox, folder: Path, id: str = "plant", url: str = "") -> None:
    hub.add(
        id,
        "odata",
        {"url": url or box.odata_url},
        destination=f"duckdb:///{folder}/{id}.duckdb",
        entities={"WorkOrders": {}},
        retry=None,
    )


class Clock:
    """One that moves when it is told to, and says how late it is."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0
        self.manual = ManualClock(self.time)

    def advance(self, seconds: float) -> None:
        self.time += seconds
        self.manual.advance(seconds)


def on_clock(folder: Path) -> tuple[sg.Hub, Clock]:
    clock = Clock()
    return sg.Hub(folder / "plant.db", clock=clock.manual), clock


def types(received: list[Received]) -> Counter[str]:
    return Counter(one.event["type"] for one in received)


def test_syncs_reach_an_https_receiver_whose_libraries_believe_them(
    tmp_path: Path, receiver: Receiver, box: Sandbox
) -> None:
    hub = sg.Hub(tmp_path / "plant.db")
    with Nginx(tmp_path / "nginx", receiver.origin) as nginx:
        plant(hub, box, tmp_path)
        plant(hub, box, tmp_path, "away", "http://127.0.0.1:9/odata")
        options: dict[str, Any] = {"allowed_subnets": HERE, "ca_file": nginx.ca}
        every = hub.endpoints.add(f"{nginx.url}/hook/every", **options)
        hub.endpoints.add(f"{nginx.url}/hook/failed", events={"away": ["sync.failed"]}, **options)
        hub.endpoints.add(f"{nginx.url}/hook/plant", events={"plant": ["sync.*"]}, **options)
        hub.endpoints.add(f"{nginx.url}/hook/reach", events=["connection.*"], **options)
        hub.endpoints.add(
            f"{nginx.url}/hook/timeout", events=["sync.*"], filter={"error.category": "timeout"}, **options
        )
        good = hub.sync("plant")
        bad = hub.sync("away")
        assert (good.status, bad.status) == ("completed", "failed")
        stats = hub.send_webhooks()
    assert types(receiver.received("/hook/every")) == {"sync.completed": 1, "sync.failed": 1, "connection.offline": 1}
    assert types(receiver.received("/hook/failed")) == {"sync.failed": 1}
    assert types(receiver.received("/hook/plant")) == {"sync.completed": 1}
    assert types(receiver.received("/hook/reach")) == {"connection.offline": 1}
    assert receiver.received("/hook/timeout") == []
    assert (stats.attempts, stats.delivered) == (6, 6)
    assert {one.state for one in hub.deliveries()} == {"delivered"}

    assert every.secret is not None
    for one in receiver.received("/hook/every"):
        assert one.headers["content-type"] == "application/json"
        assert "." not in one.id
        assert standardwebhooks.Webhook(every.secret).verify(one.body, one.headers) == one.event
        svix.Webhook(every.secret).verify(one.body, one.headers)  # raises, and returns nothing
        event = sg.webhooks.verify(one.body, one.headers, every.secret)
        assert (event.id, event.type, event.connection_id) == (
            one.id,
            one.event["type"],
            one.event["data"]["connection_id"],
        )
    by_type = {one.event["type"]: one.event for one in receiver.received("/hook/every")}
    assert by_type["sync.completed"]["data"]["run_id"] == good.id
    assert by_type["sync.completed"]["data"]["counts"]["written"] == 30
    assert by_type["sync.failed"]["data"]["error"]["code"] == "offline.connect"
    assert (
        datetime.datetime.fromisoformat(by_type["sync.failed"]["timestamp"].replace("Z", "+00:00")) == bad.finished_at
    )
    assert {event.id for event in hub.events.list()} == {one.id for one in receiver.received("/hook/every")}


def test_a_certificate_that_nobody_vouches_for_gets_nothing(tmp_path: Path, receiver: Receiver) -> None:
    hub = sg.Hub(tmp_path / "plant.db")
    with Nginx(tmp_path / "nginx", receiver.origin) as nginx:
        hub.endpoints.add(f"{nginx.url}/hook", allowed_subnets=HERE)
        hub.events.emit("order.urgent", {"n": 1})
        hub.send_webhooks()
    (one,) = hub.deliveries()
    assert one.state == "retry"
    assert one.error is not None
    assert one.error["code"] == "offline.tls"
    assert receiver.received() == []


def test_a_day_of_500_follows_the_schedule_ends_dead_and_is_sent_again_by_hand(
    tmp_path: Path, receiver: Receiver
) -> None:
    hub, clock = on_clock(tmp_path)
    made = hub.endpoints.add(f"{receiver.origin}/hook", id="ops", allowed_subnets=HERE)
    assert made.secret is not None
    receiver.fail = 500
    id = hub.events.emit("order.urgent", {"order": 4711})
    pauses = _core.delivery_pauses('"default"')
    begun = clock.time
    for number in range(len(pauses) + 1):
        hub.send_webhooks()
        (one,) = hub.deliveries()
        assert len(receiver.received()) == number + 1
        if number == len(pauses):
            break
        assert (one.state, one.status, one.attempts) == ("retry", 500, number + 1)
        assert one.due_at is not None
        wait = one.due_at.timestamp() - clock.time
        assert 0.8 * pauses[number] <= wait <= 1.2 * pauses[number]
        clock.advance(wait - 0.001)
        assert hub.send_webhooks().attempts == 0, "before it is due"
        clock.advance(0.002)
    assert 0.8 * 86400 <= clock.time - begun <= 1.2 * 86400
    assert (one.state, one.attempts, one.response) == ("dead", 13, "answered 500")
    clock.advance(86400 * 7)
    assert hub.send_webhooks().attempts == 0
    assert [dead.id for dead in hub.deliveries(state="dead")] == [one.id]

    receiver.fail = None
    assert hub.redeliver(one.id).state == "pending"
    hub.send_webhooks()
    assert hub.deliveries()[0].state == "delivered"
    sent = receiver.received()
    assert {each.id for each in sent} == {id}, "the same event"
    assert len({each.body for each in sent}) == 1, "the same bytes"
    stamps = [int(each.headers["webhook-timestamp"]) for each in sent]
    assert len(set(stamps)) == len(sent), "the time of each attempt"
    assert stamps[-1] == int(clock.time)
    for each in sent:
        sg.webhooks.verify(each.body, each.headers, made.secret, tolerance=None)


def test_410_disables_and_enabling_sends_what_waited(tmp_path: Path, receiver: Receiver) -> None:
    hub = sg.Hub(tmp_path / "plant.db")
    hub.endpoints.add(f"{receiver.origin}/hook/other", id="other", allowed_subnets=HERE, events=["system.error"])
    hub.endpoints.add(f"{receiver.origin}/hook/ops", id="ops", allowed_subnets=HERE, ordered=True, events=["order.*"])
    receiver.fail = 410
    first, second = hub.events.emit("order.urgent"), hub.events.emit("order.urgent")
    hub.send_webhooks()
    ops = hub.endpoints.get("ops")
    assert (ops.state, ops.reason) == ("disabled", "it answered 410: it wants no more")
    assert {one.event_id: one.state for one in hub.deliveries(endpoint="ops")} == {first: "dead", second: "pending"}
    assert hub.events.list(type="system.error")[0].data["error"]["code"] == "gone"
    hub.events.emit("order.urgent", id="while-disabled")
    with pytest.raises(sg.Conflict, match="disabled"):
        hub.redeliver(hub.deliveries(endpoint="ops", state="dead")[0].id)
    receiver.fail = None
    hub.endpoints.enable("ops")
    hub.send_webhooks()
    assert [one.id for one in receiver.received("/hook/ops")] == [first, second]


def test_a_pause_that_is_asked_for_is_kept(tmp_path: Path, receiver: Receiver) -> None:
    hub, clock = on_clock(tmp_path)
    hub.endpoints.add(f"{receiver.origin}/throttle/100", id="ops", allowed_subnets=HERE)
    hub.events.emit("order.urgent")
    hub.events.emit("order.urgent")
    assert hub.send_webhooks().attempts == 1, "the second one waits, too"
    ops = hub.endpoints.get("ops")
    assert ops.state == "throttled"
    assert ops.throttled_until is not None
    assert ops.throttled_until.timestamp() == pytest.approx(clock.time + 100, abs=0.01)
    clock.advance(99)
    assert hub.send_webhooks().attempts == 0
    clock.advance(1.1)
    assert hub.send_webhooks().attempts == 1


def test_a_redirect_is_not_followed(tmp_path: Path, receiver: Receiver) -> None:
    hub = sg.Hub(tmp_path / "plant.db")
    hub.endpoints.add(f"{receiver.origin}/redirect", allowed_subnets=HERE)
    hub.events.emit("order.urgent")
    hub.send_webhooks()
    (one,) = hub.deliveries()
    assert (one.state, one.status) == ("retry", 302)
    assert one.error is not None
    assert one.error["code"] == "config.redirect"
    assert "/hook/moved" in one.error["message"]
    assert [each.path for each in receiver.received()] == ["/redirect"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "https://[::1]/",
        "https://2130706433/",
        "https://0x7f.1/",
        "https://0177.0.0.1/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest/meta-data/",
    ],
)
def test_an_address_that_is_not_public_is_refused_with_the_reason(tmp_path: Path, url: str) -> None:
    hub = sg.Hub(tmp_path / "plant.db")
    with pytest.raises(sg.ConfigError, match="not public") as caught:
        hub.endpoints.add(url)
    assert caught.value.code == "config.address"
    assert "allowed_subnets" in caught.value.hint
    assert hub.endpoints.list() == []


def test_a_name_that_leads_to_an_address_that_is_not_public_is_refused_when_it_is_connected_to(
    tmp_path: Path, receiver: Receiver
) -> None:
    """The resolver's answer counts, whatever it was before: the name passes when it is added."""
    hub = sg.Hub(tmp_path / "plant.db")
    port = receiver.origin.rpartition(":")[2]
    hub.endpoints.add(f"https://localhost:{port}/hook", id="named")
    hub.endpoints.add(f"http://127.0.0.1:{port}/hook", id="beside", allowed_subnets=["127.0.0.2", *HERE])
    hub.endpoints.update("beside", url=f"http://127.0.0.1:{port}/hook/beside")
    hub.events.emit("order.urgent")
    hub.send_webhooks()
    (named,) = hub.deliveries(endpoint="named")
    assert named.state == "retry"
    assert named.error is not None
    assert named.error["code"] == "config.address"
    assert "loopback" in named.error["message"]
    assert [one.path for one in receiver.received()] == ["/hook/beside"]


def test_one_that_hangs_and_one_that_fails_delay_no_other(tmp_path: Path, receiver: Receiver) -> None:
    hub = sg.Hub(tmp_path / "plant.db")
    for number in range(5):
        hub.endpoints.add(f"{receiver.origin}/hang", id=f"hangs{number}", allowed_subnets=HERE)
        hub.endpoints.add(f"{receiver.origin}/status/500", id=f"fails{number}", allowed_subnets=HERE)
    hub.endpoints.add(f"{receiver.origin}/hook", id="well", allowed_subnets=HERE)
    for number in range(60):
        hub.events.emit("order.urgent", {"n": number})
    sending = threading.Thread(target=lambda: hub.send_webhooks(timeout=60, lease=130, concurrency=16))
    sending.start()
    try:
        receiver.wait(lambda received: sum(one.path == "/hook" for one in received) == 60)
        receiver.wait(lambda received: sum(one.path == "/status/500" for one in received) == 300)
        assert len(receiver.received("/hang")) == 5, "each of these is asked once, and not again before it answers"
    finally:
        receiver.release()
        sending.join(60)
    assert not sending.is_alive()
    assert {one.state for one in hub.deliveries(endpoint="well")} == {"delivered"}
    assert {one.state for one in hub.deliveries(endpoint="fails0")} == {"retry"}
    assert {one.state for one in hub.deliveries(endpoint="hangs0")} == {"delivered"}


def test_one_that_does_not_answer_three_times_in_a_row_is_left_alone(tmp_path: Path) -> None:
    hub, clock = on_clock(tmp_path)
    hub.endpoints.add("http://127.0.0.1:9/hook", id="ops", allowed_subnets=HERE)
    for number in range(20):
        hub.events.emit("order.urgent", {"n": number})
    assert hub.send_webhooks().attempts == 3
    ops = hub.endpoints.get("ops")
    assert ops.state == "throttled"
    assert ops.throttled_until is not None
    clock.advance(ops.throttled_until.timestamp() - clock.time + 0.001)
    assert hub.send_webhooks().attempts >= 1


def test_while_a_secret_rotates_both_sign(tmp_path: Path, receiver: Receiver) -> None:
    hub, clock = on_clock(tmp_path)
    old = hub.endpoints.add(f"{receiver.origin}/hook", id="ops", allowed_subnets=HERE).secret
    assert old is not None
    new = hub.endpoints.rotate("ops", keep=datetime.timedelta(hours=1)).secret
    assert new is not None
    hub.events.emit("order.urgent")
    hub.send_webhooks()
    clock.advance(3601)
    hub.events.emit("order.urgent")
    hub.send_webhooks()
    first, second = receiver.received()
    assert len(first.headers["webhook-signature"].split(" ")) == 2
    for secret in (old, new):
        sg.webhooks.verify(first.body, first.headers, secret, tolerance=None)
    sg.webhooks.verify(second.body, second.headers, new, tolerance=None)
    with pytest.raises(sg.SignatureError):
        sg.webhooks.verify(second.body, second.headers, old, tolerance=None)


def test_a_secret_by_reference_and_an_ed25519_key_sign(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = sg.Hub(tmp_path / "plant.db")
    secret = sg.webhooks.new_secret()
    monkeypatch.setenv("OPS_KEY", secret)
    hub.endpoints.add(f"{receiver.origin}/hook/env", secret=sg.Secret.env("OPS_KEY"), allowed_subnets=HERE)
    key = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=="
    public = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4="
    hub.endpoints.add(f"{receiver.origin}/hook/ed25519", secret=key, allowed_subnets=HERE)
    with pytest.raises(sg.ConfigError) as caught:
        hub.endpoints.add(f"{receiver.origin}/hook/none", secret="whsec_short", allowed_subnets=HERE)
    assert caught.value.code == "config.secret"
    hub.events.emit("order.urgent")
    hub.send_webhooks()
    (one,) = receiver.received("/hook/env")
    standardwebhooks.Webhook(secret).verify(one.body, one.headers)
    (two,) = receiver.received("/hook/ed25519")
    sg.webhooks.verify(two.body, two.headers, public)


def test_samples_reach_one_endpoint_and_count_as_nothing(tmp_path: Path, receiver: Receiver) -> None:
    hub = sg.Hub(tmp_path / "plant.db")
    hub.endpoints.add(f"{receiver.origin}/hook/ops", id="ops", events=["sync.*", "order.urgent"], allowed_subnets=HERE)
    hub.endpoints.add(f"{receiver.origin}/hook/other", id="other", allowed_subnets=HERE)
    sent = hub.endpoints.test("ops")
    assert {one.state for one in sent} == {"delivered"}
    assert types(receiver.received()) == {"sync.completed": 1, "sync.failed": 1, "order.urgent": 1}
    assert all(one.event["data"]["test"] for one in receiver.received("/hook/ops"))
    assert hub.events.list() == []
    assert len(hub.events.list(tests=True)) == 3


def test_a_connection_that_goes_and_comes_back_is_told_once_each(
    tmp_path: Path, receiver: Receiver, box: Sandbox
) -> None:
    hub = sg.Hub(tmp_path / "plant.db")
    hub.endpoints.add(f"{receiver.origin}/hook", events={"plant": ["connection.*"]}, allowed_subnets=HERE)
    plant(hub, box, tmp_path)
    hub.sync("plant")
    hub.update("plant", {"url": "http://127.0.0.1:9/odata"})
    hub.sync("plant")
    hub.sync("plant")
    hub.update("plant", {"url": box.odata_url})
    hub.sync("plant")
    hub.sync("plant")
    hub.send_webhooks()
    received = receiver.received()
    assert sorted(types(received).items()) == [("connection.offline", 1), ("connection.online", 1)]


def test_run_forever_sends(tmp_path: Path, receiver: Receiver) -> None:
    hub = sg.Hub(tmp_path / "plant.db")
    hub.endpoints.add(f"{receiver.origin}/hook", allowed_subnets=HERE)
    thread = threading.Thread(target=lambda: hub.run_forever(workers=0))
    thread.start()
    try:
        id = hub.events.emit("order.urgent")
        assert receiver.wait(lambda received: len(received) == 1)[0].id == id
    finally:
        hub.stop()
        thread.join(30)
    assert not thread.is_alive()
