"""What notebooks show of endpoints, deliveries, events and flows: whatever others put into them, it is text."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

import switchgear as sg
from support.receiver import Receiver

HOSTILE = "<script>alert(1)</script>\"'&<img src=x onerror=alert(1)>"
TAGS = {"strong", "p", "table", "thead", "tbody", "tr", "th", "td", "span"}


class Shown(HTMLParser):
    """What a browser would make of it: its elements, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(f"{name}={value}" for name, value in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data + " "


def shown(thing: object) -> str:
    """The text of its display, which has no element but tables' own."""
    page = Shown(thing._repr_html_())  # type: ignore[attr-defined]
    assert page.tags <= TAGS
    assert page.attributes <= {"style=opacity:.5"}
    return re.sub(r"\s+", " ", page.text)


@pytest.fixture
def hub(tmp_path: Path) -> sg.Hub:
    return sg.Hub(tmp_path / "plant.db")


def test_endpoints_and_deliveries_show_what_endpoints_answer_as_text(hub: sg.Hub) -> None:
    with Receiver() as receiver:
        receiver.says = HOSTILE
        made = hub.endpoints.add(
            f"{receiver.origin}/status/500", id="ops", events={"plant": ["order.*"]}, allowed_subnets=["127.0.0.0/8"]
        )
        hub.events.emit("order.urgent", {"note": HOSTILE}, connection_id="plant")
        hub.send_webhooks()
    assert made.secret is not None
    hub.endpoints.disable("ops", reason=HOSTILE)
    (endpoint,) = hub.endpoints.list()
    for thing in (endpoint, hub.endpoints):
        assert shown(thing).count(f"ops {endpoint.url} plant: order.* disabled {HOSTILE} hub") == 1
    for secret in (shown(made), repr(made)):
        assert made.secret not in secret
    assert repr(endpoint) == f"<Endpoint ops {endpoint.url}: disabled>"

    (delivery,) = hub.deliveries()
    text = shown(delivery)
    for part in (f"delivery {delivery.id}: retry", f"response {HOSTILE}", "status 500", "endpoint ops", "code server"):
        assert part in text
    assert repr(delivery) == f"<Delivery {delivery.id} of order.urgent to ops: retry, 1 attempts>"
    assert HOSTILE not in repr(delivery)

    (event,) = hub.events.list()
    assert f"note {HOSTILE}" in shown(event)
    assert f"{event.number} order.urgent plant" in shown(hub.events)
    assert repr(event) == f"<StoredEvent {event.number} order.urgent of plant: {event.id}>"


def test_a_response_is_cut_to_what_can_be_read(hub: sg.Hub) -> None:
    with Receiver() as receiver:
        receiver.says = "&" * 10_000
        hub.endpoints.add(f"{receiver.origin}/status/500", allowed_subnets=["127.0.0.0/8"])
        hub.events.emit("order.urgent")
        hub.send_webhooks()
    (delivery,) = hub.deliveries()
    assert len(delivery.response) == 10_000
    assert len(delivery._repr_html_()) < 2_000


def test_flows_and_their_runs_show_what_they_raised_as_text(hub: sg.Hub) -> None:
    @hub.flow("close-stale", schedule="0 6 * * *", on="order.urgent")
    def close_stale(ctx: sg.FlowContext) -> None:
        ctx.step(HOSTILE[:40], lambda: fail())

    def fail() -> None:
        raise ValueError(HOSTILE)

    (before,) = hub.flows()
    assert "schedule 0 6 * * * (UTC) begins on order.urgent next" in shown(before)
    assert repr(before) == "<FlowInfo close-stale, 0 6 * * * and on order.urgent: never run>"
    run = hub.run_flow("close-stale")
    (after,) = hub.flows()
    assert f"last run {run.id}: failed error" in shown(after)
    assert repr(after).endswith(": failed>")
    (step,) = run.steps
    for thing in (run, step):
        assert f"{HOSTILE[:40]} failed 1" in shown(thing)
        assert "ValueError: <script>" in shown(thing)
