"""Webhooks that come: verified, kept once, answered at once, and what they begin."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from standardwebhooks.webhooks import Webhook

import switchgear as sg
from support.tables import difference, rows_of
from switchgear.inbox import event_type, matches
from switchgear.sandbox import Sandbox

KEY = sg.webhooks.new_secret()
BODY = json.dumps({"type": "workorder.updated", "timestamp": "2026-11-27T06:00:00Z", "data": {"ID": 7}}).encode()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> sg.Hub:
    monkeypatch.setenv("HOOK", KEY)
    hub = sg.Hub(tmp_path / "store.db")
    hub.add("plant", "odata", {"url": "http://127.0.0.1:1/odata"}, rate_limit=None, retry=None)
    hub.inbox.accept("plant", "env:HOOK")
    return hub


def headers(body: bytes = BODY, id: str = "msg_1", **options: Any) -> dict[str, str]:
    return {**sg.webhooks.sign(body, KEY, id=id, **options), "Content-Type": "application/json"}


def error_of(reply: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(reply.body)["error"]
    return found


def test_a_message_is_kept_once_and_becomes_one_event(hub: sg.Hub) -> None:
    reply = hub.inbox.receive("plant", BODY, headers())
    assert (reply.status, json.loads(reply.body)) == (202, {"received": 1, "new": 1})
    again = hub.inbox.receive("plant", BODY, headers(timestamp=time.time() + 5))
    assert (again.status, json.loads(again.body)) == (202, {"received": 1, "new": 0})
    (message,) = hub.inbox.messages("plant")
    assert (message.id, message.type, message.state) == ("msg_1", "workorder.updated", "waiting")
    assert hub.inbox.work() == 1
    assert hub.inbox.work() == 0
    assert hub.inbox.get("plant", "msg_1").state == "done"
    hub.inbox.again("plant", "msg_1")
    assert hub.inbox.work() == 1
    (event,) = hub.events.list("plant", type="webhook.*")
    assert event.type == "webhook.workorder.updated"
    assert event.data["data"] == {"ID": 7}
    assert event.data["webhook_id"] == "msg_1"


def test_what_others_sign_is_believed(hub: sg.Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import datetime, timezone

    now = datetime.now(timezone.utc)
    signed = {
        "webhook-id": "msg_2",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(KEY).sign("msg_2", now, BODY.decode()),
    }
    assert hub.inbox.receive("plant", BODY, signed).status == 202
    monkeypatch.setenv("GITHUB", "It's a secret")
    hub.inbox.accept("plant", "env:GITHUB", scheme="github")
    digest = hmac.new(b"It's a secret", b"Hello", hashlib.sha256).hexdigest()
    sent = [(b"X-Hub-Signature-256", f"sha256={digest}".encode()), (b"X-GitHub-Delivery", b"d-1")]
    assert hub.inbox.receive("plant", b"Hello", sent).status == 202
    kept = hub.inbox.get("plant", "d-1")
    assert (kept.body, kept.data) == (b"Hello", None)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        (lambda h: {}, 400, "signature.missing_header"),
        (lambda h: {**h, "webhook-signature": "v1,AAAA"}, 400, "signature.bad_signature"),
        (lambda h: {**h, "webhook-timestamp": "1" + "0" * 30}, 400, "signature"),
        (lambda h: [*h.items(), ("Webhook-Id", "other")], 400, "signature.duplicate_header"),
        (lambda h: [*h.items(), *((f"x-{n}", "y") for n in range(10_000))], 413, "signature.too_large"),
    ],
)
def test_what_does_not_verify_is_not_kept(hub: sg.Hub, change: Callable[[Any], Any], status: int, code: str) -> None:
    began = time.perf_counter()
    reply = hub.inbox.receive("plant", BODY, change(headers()))
    assert time.perf_counter() - began < 1
    assert reply.status == status
    assert error_of(reply)["code"].startswith(code)
    assert hub.inbox.messages() == []


def test_bodies_that_are_no_messages_are_refused(hub: sg.Hub) -> None:
    for body in (b"\xff\xfe{}", b"[" * 100_000, b"no JSON"):
        reply = hub.inbox.receive("plant", body, headers(body))
        assert (reply.status, error_of(reply)["code"]) == (400, "signature.malformed_body")
    huge = b'{"data":"' + b"x" * (5 << 20) + b'"}'
    assert hub.inbox.receive("plant", huge, headers(huge)).status == 413
    assert hub.inbox.messages() == []


def test_nobody_may_send_unless_it_was_said(hub: sg.Hub) -> None:
    assert hub.inbox.receive("mill", BODY, headers()).status == 404
    assert hub.inbox.receive("plant", BODY, headers(), method="GET").status == 405
    hub.inbox.refuse("plant")
    assert hub.inbox.receive("plant", BODY, headers()).status == 404
    with pytest.raises(sg.NotFound):
        hub.inbox.accept("mill", "env:HOOK")


def test_a_sender_that_does_not_know_its_receiver_is_told_nothing_of_it(
    hub: sg.Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOOK")
    reply = hub.inbox.receive("plant", BODY, headers())
    assert reply.status == 500
    assert "HOOK" not in reply.body.decode()


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"secret": KEY}, "config.secret"),
        ({"secret": []}, "config.secret"),
        ({"scheme": "githib"}, "config.webhook"),
        ({"scheme": "hmac"}, "config.webhook"),
        ({"sync": {"work orders": ["X"]}}, "config.webhook"),
        ({"sync": {"*": "WorkOrders"}}, "config.webhook"),
    ],
)
def test_rules_that_can_not_be_meant_are_refused(hub: sg.Hub, given: dict[str, Any], code: str) -> None:
    values = {"secret": "env:HOOK", **given}
    with pytest.raises(sg.ConfigError) as caught:
        hub.inbox.accept("plant", values.pop("secret"), **values)
    assert caught.value.code == code
    assert caught.value.hint


def test_cloud_events_come_in_batches_and_may_ask_first(hub: sg.Hub) -> None:
    hub.inbox.accept("plant", "env:HOOK", origins=["source.example"])
    asked = {"WebHook-Request-Origin": "source.example"}
    granted = hub.inbox.receive("plant", b"", asked, method="OPTIONS")
    assert granted.status == 200
    assert {name.lower(): value for name, value in granted.headers.items()}[
        "webhook-allowed-origin"
    ] == "source.example"
    assert hub.inbox.receive("plant", b"", {"WebHook-Request-Origin": "x.org"}, method="OPTIONS").status == 403
    events = [
        {"specversion": "1.0", "id": f"e{n}", "source": "/plant", "type": "order.changed", "data": n} for n in range(3)
    ]
    body = json.dumps(events).encode()
    sent = {**headers(body), "Content-Type": "application/cloudevents-batch+json"}
    reply = hub.inbox.receive("plant", body, sent)
    assert json.loads(reply.body) == {"received": 3, "new": 3}
    assert {message.id for message in hub.inbox.messages()} == {"e0", "e1", "e2"}


def test_functions_are_called_again_with_what_failed(hub: sg.Hub) -> None:
    seen: list[str] = []

    @hub.inbox.on("plant", "workorder.*")
    def tell(message: Any) -> None:
        seen.append(message.id)
        if len(seen) == 1:
            raise RuntimeError("not yet")

    @hub.inbox.on("mill")
    def never(message: Any) -> None:
        raise AssertionError(message)

    hub.inbox.receive("plant", BODY, headers())
    hub.inbox.work()
    message = hub.inbox.get("plant", "msg_1")
    assert (message.state, message.attempts) == ("waiting", 1)
    assert message.error is not None
    assert message.error["code"] == "internal.handler"
    assert message.due_at is not None
    assert hub.inbox.work() == 0, "not before it is due"
    assert seen == ["msg_1"]


def test_a_message_makes_entities_be_synced_over_http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole way: a signed POST to the server, and the changed record in the destination."""
    import uvicorn

    from switchgear import server

    monkeypatch.setenv("HOOK", KEY)
    destination = f"duckdb:///{tmp_path}/data.duckdb"
    with Sandbox(records=50, process=True) as box:
        hub = sg.Hub(tmp_path / "store.db")
        hub.add("plant", "odata", {"url": box.odata_url}, destination=destination, rate_limit=None)
        hub.inbox.accept("plant", "env:HOOK", sync={"workorder.*": ["WorkOrders"]})
        hub.sync("plant").raise_for_error()
        box.change(10)
        from switchgear.server.running import listen

        sock = listen("127.0.0.1", 0)
        url = f"http://127.0.0.1:{sock.getsockname()[1]}/webhooks/plant"
        web = uvicorn.Server(uvicorn.Config(server.app(hub), log_level="critical", lifespan="off"))
        serving = threading.Thread(target=web.run, kwargs={"sockets": [sock]})
        for_ever = threading.Thread(target=hub.run_forever, kwargs={"poll": 0.05, "workers": 0})
        serving.start()
        for_ever.start()
        try:
            assert post(url, BODY, headers()) == (202, {"received": 1, "new": 1})
            assert post(url, BODY, {**headers(), "webhook-signature": "v1,AAAA"})[0] == 400
            deadline = time.monotonic() + 30
            while hub.inbox.get("plant", "msg_1").state != "done":
                assert time.monotonic() < deadline, hub.inbox.get("plant", "msg_1")
                time.sleep(0.02)
        finally:
            web.should_exit = True
            hub.stop()
            serving.join(20)
            for_ever.join(20)
        assert difference(rows_of(destination, "plant", "WorkOrders"), list(box.truth("WorkOrders"))) == []
        run = hub.runs("plant", limit=1)[0]
        assert run.cause == "webhook"
        assert [entity.entity for entity in run.entities] == ["WorkOrders"]


def test_listening_from_the_command_line(tmp_path: Path) -> None:
    hub = sg.Hub(tmp_path / "store.db")
    hub.add("plant", "odata", {"url": "http://127.0.0.1:1/odata"}, rate_limit=None)
    command = [sys.executable, "-m", "switchgear", "webhook", "listen", "plant", "--store", str(tmp_path / "store.db")]
    command += ["--secret", "env:HOOK", "--port", "0", "--json"]
    environment = {**os.environ, "HOOK": KEY}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            assert post(url, BODY, headers())[0] == 202
            said = json.loads(process.stdout.readline())
        finally:
            process.terminate()
    assert (said["id"], said["type"], said["data"]) == ("msg_1", "workorder.updated", {"ID": 7})
    assert process.returncode == 0
    assert hub.inbox.get("plant", "msg_1").state in ("done", "in_progress")


def post(url: str, body: bytes, given: dict[str, str]) -> tuple[int, Any]:
    request = urllib.request.Request(url, body, given, method="POST")
    try:
        with urllib.request.urlopen(request) as reply:
            return reply.status, json.load(reply)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_types_become_types_of_events() -> None:
    assert event_type("WorkOrder.Updated") == "webhook.workorder.updated"
    assert event_type("com.sap/Order:Changed v1") == "webhook.com.sap.order.changed_v1"
    assert event_type("") == event_type("...") == "webhook.received"
    assert matches("*", "")
    assert matches("a.*", "a.b.c")
    assert not matches("a.*", "ab.c")
