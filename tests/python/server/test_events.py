"""Endpoints, deliveries and events over HTTP, as Python has them of the same store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import switchgear as sg
from support.receiver import Receiver
from support.running import Shell
from support.serving import Serving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        yield one


def test_endpoints_are_set_up_changed_and_removed(shell: Shell) -> None:
    hub = sg.Hub(shell.folder / "plant.db")
    with Serving(shell, "--no-work") as server:
        wanted = {"id": "ops", "url": "https://ops.example/hook", "events": {"plant": ["sync.failed"]}}
        made = server("POST", "/endpoints", wanted)
        assert made.status == 201
        assert made.json.pop("secret").startswith("whsec_")
        assert server("GET", "/endpoints").json == {"endpoints": [hub.endpoints.get("ops").to_dict()]}
        changed = server("PATCH", "/endpoints/ops", {"events": {"*": ["connection.*"]}, "state": "disabled"}).json
        assert (changed["state"], changed["events"]) == ("disabled", {"*": ["connection.*"]})
        assert server("POST", "/endpoints/ops/test", {}).error["code"] == "conflict.delivery_state"
        assert server("PATCH", "/endpoints/ops", {"state": "enabled"}).json["state"] == "enabled"
        assert server("POST", "/endpoints", wanted).error["code"] == "conflict.exists"
        inside = server("POST", "/endpoints", {"url": "https://10.0.0.1/hook"})
        assert (inside.status, inside.error["code"]) == (422, "config.address")
        assert server("POST", "/endpoints", {**wanted, "allowed_subnets": ["10.0.0.0/8"]}).status == 400
        assert server("DELETE", "/endpoints/ops").json == {"removed": "ops"}
        assert server("DELETE", "/endpoints/ops").status == 404


def test_deliveries_are_shown_and_sent_again(shell: Shell, receiver: Receiver) -> None:
    hub = sg.Hub(shell.folder / "plant.db")
    hub.endpoints.add(f"{receiver.origin}/hook", id="ops", schedule=[], allowed_subnets=["127.0.0.0/8"])
    receiver.fail = 500
    ids = [hub.events.emit("order.urgent", {"n": n}, connection_id="plant") for n in range(3)]
    hub.send_webhooks()
    receiver.fail = None
    with Serving(shell) as server:
        first = server("GET", "/deliveries?state=dead&limit=2").json
        rest = server("GET", f"/deliveries?state=dead&limit=2&cursor={first['next_cursor']}").json
        found = first["deliveries"] + rest["deliveries"]
        assert [each["event_id"] for each in found] == ids[::-1]
        assert rest["next_cursor"] is None
        again = server("POST", f"/deliveries/{found[0]['id']}/redeliver")
        assert (again.status, again.json["state"]) == (200, "pending")
        received = receiver.wait(lambda received: len(received) == 4)  # the server sends
        assert received[-1].id == ids[-1]
        tried = server("POST", "/endpoints/ops/test", {"types": ["sync.failed"]}).json["deliveries"]
        assert [each["type"] for each in tried] == ["sync.failed"]
        assert server("POST", "/deliveries/4711/redeliver").status == 404
        listed = server("GET", "/events?type=order.*&after=0").json["events"]
        assert [each["id"] for each in listed] == ids
        assert listed == [each.to_dict() for each in hub.events.list(type="order.*", after=0)]


def test_a_token_for_some_connections_sees_theirs_alone(shell: Shell) -> None:
    hub = sg.Hub(shell.folder / "plant.db")
    for id in ("plant", "other"):
        hub.events.emit("order.urgent", connection_id=id)
    made = shell("token", "create", "--connection", "plant", "--scope", "operate", "--json").json
    with Serving(shell, "--no-work") as server:
        events = server("GET", "/events", token=made["token"]).json["events"]
        assert [each["connection_id"] for each in events] == ["plant"]
        assert server("GET", "/events?connection_id=other", token=made["token"]).status == 403
        assert server("GET", "/endpoints", token=made["token"]).error["code"] == "permission.connection"
        assert server("POST", "/endpoints", {"url": "https://x.example/"}, token=made["token"]).status == 403


def test_what_an_endpoint_answered_is_for_operators_alone(shell: Shell, receiver: Receiver) -> None:
    hub = sg.Hub(shell.folder / "plant.db")
    hub.endpoints.add(f"{receiver.origin}/status/500", allowed_subnets=["127.0.0.0/8"])
    hub.events.emit("order.urgent")
    hub.send_webhooks()
    tokens = {
        scope: shell("token", "create", "--scope", scope, "--json").json["token"] for scope in ("read", "operate")
    }
    with Serving(shell, "--no-work") as server:
        (seen,) = server("GET", "/deliveries", token=tokens["operate"]).json["deliveries"]
        assert seen["response"] == "answered 500"
        (seen,) = server("GET", "/deliveries", token=tokens["read"]).json["deliveries"]
        assert "response" not in seen
        assert seen["status"] == 500
