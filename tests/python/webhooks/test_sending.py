"""What happens in a hub reaches those who asked for it: signed, once recorded never lost, and nobody else."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import standardwebhooks

import switchgear as sg
from servers.nginx import Nginx
from support.receiver import Received, Receiver
from switchgear import _core
from switchgear.sandbox import Sandbox

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
        destination=f"duckdb:///{folder}/data.duckdb",
        entities={"WorkOrders": {}},
        retry=None,
    )


class Clock:
    """One that moves when it is told to, and says how late it is."""

    def __init__(self) -> None:
        self.time = 1_800_000_000.0
        self.manual = sg.testing.ManualClock(self.time)

    def advance(self, seconds: float) -> None:
        self.time += seconds
        self.manual.advance(seconds)


def on_clock(folder: Path) -> tuple[sg.Hub, Clock]:
    clock = Clock()
    return sg.Hub(folder / "plant.db", clock=clock.manual), clock


def types(received: list[Received]) -> Counter[str]:
    return Counter(one.event["type"] for one in received)


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


def test_run_forever_sends(tmp_path: Path, receiver: Receiver) -> None:
    import threading

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
