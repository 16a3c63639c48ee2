"""`switchgear endpoints` and `deliveries`, as users run them, and `[endpoints.NAME]` of the project file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import standardwebhooks

import switchgear as sg
from support.receiver import Receiver
from support.running import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        yield one


def test_an_endpoint_is_added_tried_rotated_and_removed(shell: Shell, receiver: Receiver) -> None:
    url = f"{receiver.origin}/hook"
    refused = shell("endpoints", "add", url, code=1)
    assert "config.address" in refused.err
    assert "allowed_subnets" in refused.err
    options = ("--id", "ops", "--event", "sync.failed", "--event", "plant=order.*", "--allow", "127.0.0.0/8")
    made = shell("endpoints", "add", url, *options, "--json").json
    assert made["events"] == {"*": ["sync.failed"], "plant": ["order.*"]}
    (listed,) = shell("endpoints", "list", "--json").json
    assert "secret" not in listed
    assert listed["state"] == "enabled"
    tried = shell("endpoints", "test", "ops", "--type", "sync.failed", "--json").json
    assert [one["state"] for one in tried] == ["delivered"]
    (one,) = receiver.received()
    standardwebhooks.Webhook(made["secret"]).verify(one.body, one.headers)
    assert shell("endpoints", "rotate", "ops", "--json").json["secret"] != made["secret"]
    assert shell("endpoints", "disable", "ops", "--json").json["state"] == "disabled"
    assert "disabled" in shell("endpoints", "test", "ops", code=1).err
    assert shell("endpoints", "enable", "ops", "--json").json["state"] == "enabled"
    assert "did you mean 'ops'" in shell("endpoints", "enable", "opps", code=1).err
    shell("endpoints", "remove", "ops")
    assert shell("endpoints", "list", "--json").json == []


def test_what_is_dead_is_shown_and_sent_again(shell: Shell, receiver: Receiver) -> None:
    hub = sg.Hub(shell.folder / "switchgear.db")
    hub.endpoints.add(f"{receiver.origin}/hook", id="ops", schedule=[], allowed_subnets=["127.0.0.0/8"])
    receiver.fail = 503
    id = hub.events.emit("order.urgent")
    hub.send_webhooks()
    (dead,) = shell("deliveries", "--state", "dead", "--json").json
    assert (dead["event_id"], dead["status"], dead["response"]) == (id, 503, "answered 503")
    assert "order.urgent" in shell("deliveries", "list", "--endpoint", "ops").out
    shell("deliveries", "redeliver", str(dead["id"]), code=1)
    receiver.fail = None
    (done,) = shell("deliveries", "redeliver", str(dead["id"]), "--json").json
    assert done["state"] == "delivered"
    assert [one.id for one in receiver.received()] == [id] * 3
    assert "there is no delivery 4711" in shell("deliveries", "redeliver", "4711", code=1).err


def test_the_project_file_owns_its_endpoints(shell: Shell, receiver: Receiver) -> None:
    secret = sg.webhooks.new_secret()
    settings = f"""
[endpoints.ops]
url = "{receiver.origin}/hook"
secret = "env:OPS_KEY"
events = {{"plant" = ["sync.*"], "*" = ["connection.*"]}}
filter = {{"error.category" = ["offline"]}}
allowed_subnets = ["127.0.0.0/8"]
"""
    shell.write(settings)
    (listed,) = shell("endpoints", "list", "--json", OPS_KEY=secret).json
    assert (listed["id"], listed["owner"]) == ("ops", "file")
    assert listed["events"] == {"*": ["connection.*"], "plant": ["sync.*"]}
    assert "project file" in shell("endpoints", "remove", "ops", code=1, OPS_KEY=secret).err
    assert shell("endpoints", "test", "ops", "--type", "connection.offline", OPS_KEY=secret)
    (one,) = receiver.received()
    standardwebhooks.Webhook(secret).verify(one.body, one.headers)
    shell.write(settings.replace('["sync.*"]', '["sync.failed"]'))
    (changed,) = shell("endpoints", "list", "--json", OPS_KEY=secret).json
    assert changed["events"]["plant"] == ["sync.failed"]
    for wrong, said in (
        (settings.replace("sync.*", "Sync"), "switchgear.toml:2: the events of 'plant'"),
        (settings.replace('secret = "env:OPS_KEY"\n', ""), "'secret' is missing"),
        (settings.replace("127.0.0.0/8", "10.0.0.0/8"), "loopback"),
    ):
        shell.write(wrong)
        assert said in shell("endpoints", "list", OPS_KEY=secret).err
