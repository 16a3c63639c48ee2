"""What standardwebhooks, svix, stripe and cloudevents write is verified and read here, and ours there."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone
from typing import Any

import cloudevents.core.bindings.http as cloud_http
import pytest
import standardwebhooks
import stripe
import svix.webhooks
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

import switchgear as sg
from switchgear.webhooks import Event

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODIES = [
    '{"type":"sync.failed","timestamp":"2026-11-27T04:00:00Z","data":{"connection_id":"sap-mt"}}',
    '{"type": "sync.failed", "data": {"text": "Prüfstand 4 läuft nicht – 😀", "n": [1, -2.5e3, null, true]}}',
    '{"test": 2432232314}',
    "[]",
]
Library = Any


def now() -> datetime:
    return datetime.now(timezone.utc)


def data_of(event: Event, body: str) -> Any:
    """What a library gives: the whole body, of which ours takes the data out of its envelope."""
    whole = json.loads(body)
    return whole["data"] if isinstance(whole, dict) and {"type", "data"} <= whole.keys() else whole


@pytest.mark.parametrize("body", BODIES)
def test_standardwebhooks_signs_and_we_verify(body: str) -> None:
    moment = now()
    signature = standardwebhooks.Webhook(SECRET).sign("msg_1", moment, body)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": signature,
    }
    event = sg.webhooks.verify(body.encode(), headers, SECRET)
    assert event.id == "msg_1"
    assert event.data == data_of(event, body)
    assert event.raw == body.encode()
    with pytest.raises(sg.SignatureError) as caught:
        sg.webhooks.verify(body.encode() + b" ", headers, SECRET)
    assert caught.value.code == "signature.bad_signature"


@pytest.mark.parametrize("body", BODIES)
def test_we_sign_and_standardwebhooks_verifies(body: str) -> None:
    headers = sg.webhooks.sign(body, ["whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", SECRET], id="msg_1")
    assert standardwebhooks.Webhook(SECRET).verify(body, headers) == json.loads(body)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(SECRET).verify(body + " ", headers)


def test_standardwebhooks_and_we_take_the_key_in_the_same_forms() -> None:
    raw = bytes(range(32))
    for secret in (SECRET, SECRET.removeprefix("whsec_"), raw):
        headers = sg.webhooks.sign("{}", secret)
        assert standardwebhooks.Webhook(secret).verify("{}", headers) == {}
        assert sg.webhooks.verify(b"{}", headers, secret).data == {}


@pytest.mark.parametrize("body", BODIES)
def test_svix_signs_and_we_verify(body: str) -> None:
    moment = now()
    signature = svix.webhooks.Webhook(SECRET).sign("msg_1", moment, body)
    headers = {"svix-id": "msg_1", "svix-timestamp": str(int(moment.timestamp())), "svix-signature": signature}
    assert sg.webhooks.verify(body, headers, SECRET, scheme="svix").data == data_of(Event(), body)
    headers["svix-id"] = "msg_2"
    with pytest.raises(sg.SignatureError):
        sg.webhooks.verify(body, headers, SECRET, scheme="svix")


@pytest.mark.parametrize("scheme", ["svix", "standard"])
@pytest.mark.parametrize("body", BODIES)
def test_we_sign_and_svix_verifies(body: str, scheme: Any) -> None:
    headers = sg.webhooks.sign(body, SECRET, scheme=scheme)
    svix.webhooks.Webhook(SECRET).verify(body, headers)
    with pytest.raises(svix.webhooks.WebhookVerificationError):
        svix.webhooks.Webhook(SECRET).verify(body + " ", headers)


def test_svix_and_we_prefer_its_own_headers() -> None:
    own = sg.webhooks.sign("{}", SECRET, scheme="svix")
    other = sg.webhooks.sign("{}", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD")
    svix.webhooks.Webhook(SECRET).verify("{}", {**own, **other})
    assert sg.webhooks.verify("{}", {**own, **other}, SECRET, scheme="svix").data == {}


STRIPE_BODY = (
    '{"id":"evt_1","object":"event","type":"charge.succeeded","created":1614265330,"data":{"object":{"a":"é"}}}'
)


def test_stripe_signs_and_we_verify() -> None:
    header = stripe.WebhookSignature.generate_signature_header(STRIPE_BODY, SECRET)
    event = sg.webhooks.verify(STRIPE_BODY, {"Stripe-Signature": header}, SECRET, scheme="stripe")
    assert (event.id, event.type, event.data) == ("evt_1", "charge.succeeded", {"object": {"a": "é"}})
    assert event.timestamp == datetime(2021, 2, 25, 15, 2, 10, tzinfo=timezone.utc)
    old = stripe.WebhookSignature.generate_signature_header(STRIPE_BODY, SECRET, timestamp=int(time.time()) - 301)
    with pytest.raises(sg.SignatureError) as caught:
        sg.webhooks.verify(STRIPE_BODY, {"Stripe-Signature": old}, SECRET, scheme="stripe")
    assert caught.value.code == "signature.too_old"
    early = stripe.WebhookSignature.generate_signature_header(STRIPE_BODY, SECRET, timestamp=int(time.time()) + 3600)
    assert sg.webhooks.verify(STRIPE_BODY, {"Stripe-Signature": early}, SECRET, scheme="stripe").id == "evt_1"


def test_we_sign_and_stripe_verifies() -> None:
    headers = sg.webhooks.sign(STRIPE_BODY, ["whsec_new", SECRET], scheme="stripe")
    event = stripe.Webhook.construct_event(STRIPE_BODY, headers["Stripe-Signature"], SECRET)
    assert event.id == "evt_1"
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.Webhook.construct_event(STRIPE_BODY + " ", headers["Stripe-Signature"], SECRET)


def attributes(**more: Any) -> dict[str, Any]:
    return {
        "id": "A 1",
        "source": "/mes/halle%204/Straße",
        "type": "part.done",
        "time": datetime(2026, 11, 27, 4, 0, 0, 250_000, tzinfo=timezone.utc),
        "subject": '€ 😀 "quoted" 100%',
        **more,
    }


CLOUD_DATA: list[tuple[str, Any]] = [
    ("application/json", {"connection_id": "sap-mt", "text": "läuft", "n": [1, None]}),
    ("application/octet-stream", b"\x00\xff\x10"),
]


def assert_same(event: Event, theirs: Any) -> None:
    assert (event.id, event.type) == (theirs.get_id(), theirs.get_type())
    assert event.attributes["source"] == theirs.get_source()
    assert event.attributes["subject"] == theirs.get_subject()
    assert event.timestamp == theirs.get_time()
    assert event.data == theirs.get_data()


@pytest.mark.parametrize(("content_type", "data"), CLOUD_DATA)
@pytest.mark.parametrize("mode", ["binary", "structured", "batch"])
def test_the_sdk_writes_cloud_events_and_we_parse(mode: str, content_type: str, data: Any) -> None:
    theirs = CloudEvent(attributes(datacontenttype=content_type), data)
    if mode == "batch":  # the SDK has no batches; its events in an array are one
        one = JSONFormat().write(theirs)
        headers: dict[str, str] = {"content-type": "application/cloudevents-batch+json"}
        body = b"[" + one + b"," + one + b"]"
    else:
        write = cloud_http.to_binary_event if mode == "binary" else cloud_http.to_structured_event
        message = write(theirs)
        headers, body = dict(message.headers), bytes(message.body)
    events = sg.webhooks.parse(body, headers)
    assert len(events) == (2 if mode == "batch" else 1)
    for event in events:
        assert_same(event, theirs)
        assert event.connection_id == ("sap-mt" if isinstance(data, dict) else None)


@pytest.mark.parametrize(("content_type", "data"), CLOUD_DATA)
@pytest.mark.parametrize("mode", ["binary", "structured", "batch"])
def test_we_write_cloud_events_and_the_sdk_parses(mode: Any, content_type: str, data: Any) -> None:
    given = attributes()
    ours = Event(
        id=given["id"],
        type=given["type"],
        timestamp=given["time"],
        data=data,
        attributes={"source": given["source"], "subject": given["subject"], "datacontenttype": content_type},
    )
    headers, body = sg.webhooks.cloud_events(ours, mode)
    if mode == "batch":
        headers = {"content-type": "application/cloudevents+json"}
        body = json.dumps(json.loads(body)[0]).encode()
    lower = {name.lower(): value for name, value in headers.items()}
    theirs = cloud_http.from_http_event(cloud_http.HTTPMessage(lower, body))
    assert_same(ours, theirs)
    assert sg.webhooks.parse(body, headers)[0].data == data
