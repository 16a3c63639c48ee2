"""HTML for notebooks. Everything that comes from a source is escaped."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

from switchgear.diagnosis import iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from switchgear import _core
    from switchgear.connection import Connection
    from switchgear.endpoints import Endpoint
    from switchgear.entities import Entities
    from switchgear.events import StoredEvent
    from switchgear.flows.hub_flows import FlowInfo
    from switchgear.flows.runs import FlowRun, FlowStepRun
    from switchgear.hub import Hub
    from switchgear.jobs import Job
    from switchgear.policy import CircuitBreaker
    from switchgear.reader import Recipe
    from switchgear.sending import Delivery
    from switchgear.sync_status import SyncStatus
    from switchgear.syncs import Run
    from switchgear.write import WriteResult


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A plain HTML table."""
    head = "".join(f"<th>{escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{cell(value)}</td>" for value in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def cell(value: Any, most: int = 80) -> str:
    """A value, escaped and cut to a readable length."""
    if value is None:
        return '<span style="opacity:.5">null</span>'
    text = str(value)
    return escape(text if len(text) <= most else text[:most] + "…")


def records_html(fields: Sequence[_core.Field], records: Sequence[dict[str, Any]], total: int) -> str:
    """The first records of a page."""
    names = [field.name for field in fields]
    shown = table(names, ([record[name] for name in names] for record in records))
    more = f"<p>{len(records)} of {total:,} records</p>" if total > len(records) else f"<p>{total:,} records</p>"
    return shown + more


def entities_html(entities: Entities) -> str:
    """Entities with their keys and columns."""
    rows = [
        (
            entity.name,
            ", ".join(entity.key),
            entity.cursor,
            ", ".join(entity.ops),
            ", ".join(f"{f.name}: {f.type}" for f in entity.fields),
        )
        for entity in entities
    ]
    return table(("entity", "key", "cursor", "writes", "columns"), rows)


def connection_html(connection: Connection) -> str:
    """A connection's id, connector and settings."""
    rows = [("connector", connection.connector), *connection._specification.config.items()]
    return f"<strong>{escape(connection.id)}</strong>" + table(("setting", "value"), rows)


def reader_html(reader: Recipe) -> str:
    """A reader's recipe and what its latest pass has cost."""
    rows = [(name, value) for name, value in reader.stats.to_dict().items() if value]
    return f"<code>{escape(repr(reader))}</code>" + (table(("", "latest pass"), rows) if rows else "")


def breaker_html(breaker: CircuitBreaker) -> str:
    """A circuit breaker's state and counts."""
    metrics = breaker.metrics
    rows: list[tuple[str, Any]] = [
        ("calls in the window", metrics.calls),
        ("failures", f"{metrics.failures} ({metrics.failure_rate:.0%})"),
        ("slow calls", f"{metrics.slow_calls} ({metrics.slow_rate:.0%})"),
        ("refused", metrics.refused),
    ]
    if metrics.retry_after is not None:
        rows.append(("lets a probe through in", f"{metrics.retry_after:.1f} s"))
    return f"<strong>{escape(breaker.name)}</strong>: {escape(breaker.state)}" + table(("", "now"), rows)


def limiter_html(title: str, metrics: object, names: Sequence[str]) -> str:
    """A limiter's numbers."""
    return f"<code>{escape(title)}</code>" + table(("", "now"), [(name, getattr(metrics, name)) for name in names])


MARKS = {"ok": "✓", "failed": "✗", "skipped": "·"}


def health_html(health: _core.Health) -> str:
    """The stages of a check, and what to do."""
    rows = [
        (MARKS[step.state], step.name, f"{step.latency_ms:.1f}" if step.latency_ms else "", step.detail)
        for step in health.steps
    ]
    rows += [
        (MARKS[each.state], each.entity, f"{each.latency_ms:.1f}" if each.latency_ms else "", each.error or "")
        for each in health.entities
    ]
    verdict = "online" if health.online else "not online"
    if health.cause:
        verdict += f": {escape(health.cause)}"
    advice = f"<p>{escape(health.next_step)}</p>" if health.next_step else ""
    return f"<strong>{verdict}</strong>{table(('', 'stage', 'ms', ''), rows)}{advice}"


def status_html(status: _core.ConnectionStatus) -> str:
    """The state, its reason, breakers that are not closed, and the limits."""
    rows: list[tuple[str, Any]] = [("since", status.since.isoformat())]
    if status.error:
        rows.append(("because", status.error))
    rows += [(f"breaker {b.name}", b.state) for b in status.breakers if b.state != "closed"]
    rows += [(name, value) for name, value in status.limits.items() if value is not None]
    return f"<strong>{escape(status.connection_id)}: {escape(status.state)}</strong>{table(('', ''), rows)}"


def logged_html(logged: _core.LoggedError) -> str:
    """One thing that was met."""
    return errors_table([logged])


def errors_table(errors: Iterable[_core.LoggedError]) -> str:
    """What was met, a row for each entity, operation and code."""
    rows = [
        (
            e.entity,
            e.operation,
            e.code,
            e.count,
            e.recovered,
            e.first_seen,
            e.last_seen,
            e.last_success,
            e.error.message,
        )
        for e in errors
    ]
    header = ("entity", "operation", "code", "count", "recovered", "first seen", "last seen", "last success", "message")
    return table(header, rows)


def diagnosis_html(diagnosis: _core.Diagnosis) -> str:
    """The cause, what is affected, what speaks for it, and what to do."""
    verdict = f"<strong>{escape(diagnosis.connection_id)}: {escape(diagnosis.cause)}</strong>"
    affected = errors_table(diagnosis.affected) if diagnosis.affected else ""
    evidence = "".join(f"<li>{escape(line)}</li>" for line in diagnosis.evidence)
    steps = "".join(f"<li>{escape(line)}</li>" for line in diagnosis.next_steps)
    return f"{verdict}{affected}<ul>{evidence}</ul><ol>{steps}</ol>"


def jobs_html(jobs: Iterable[Job]) -> str:
    """Jobs and their counts, a row each."""
    counts = ("records", "ok", "failed", "unknown", "skipped", "pending")
    rows = []
    for job in jobs:
        about = job.to_dict()
        where = f"{about['connection_id']}/{about['entity']}"
        rows.append((about["id"], where, about["op"], about["status"], *map(about.get, counts)))
    return table(("job", "where", "op", "status", *counts), rows)


def hub_html(hub: Hub) -> str:
    """The connections of a store."""
    rows = [(info.id, info.connector, info.state, info.auth or "", info.owner) for info in hub.connections()]
    return f"<p>{escape(repr(hub)[1:-1])}</p>" + table(("id", "connector", "state", "auth", "owner"), rows)


def write_html(result: WriteResult, most: int = 10) -> str:
    """Counts of a write, and the first records that are not ok."""
    counts = f"<p>{escape(repr(result)[1:-1])}</p>"
    if not result.errors:
        return counts
    shown = result.errors[:most]
    rows = [(o.index, o.key, o.state, o.code, o.message) for o in shown]
    more = f"<p>{len(shown)} of {len(result.errors):,}</p>" if len(result.errors) > most else ""
    return counts + table(("index", "key", "state", "code", "message"), rows) + more


def run_html(run: Run) -> str:
    """A run, and what became of each entity."""
    rows = [
        (e.entity, e.status, f"{e.records_read:,}", f"{e.records_written:,}", e.watermark or "", str(e.error or ""))
        for e in run.entities
    ]
    header = ("entity", "status", "read", "written", "watermark", "error")
    return f"<p>{escape(repr(run)[1:-1])}</p>" + table(header, rows)


def flow_run_html(run: FlowRun) -> str:
    """A flow's run, and what became of each step."""
    return f"<p>{escape(repr(run)[1:-1])}</p>" + steps_html(run.steps)


def steps_html(steps: Iterable[FlowStepRun]) -> str:
    """Steps of a flow's run, a row each."""
    rows = [(step.name, step.status, step.attempts, step.error or "") for step in steps]
    return table(("step", "status", "attempts", "error"), rows)


def flow_html(flow: FlowInfo) -> str:
    """A flow, when it runs, and its last run."""
    rows: list[tuple[str, Any]] = [("schedule", f"{flow.schedule} ({flow.timezone})" if flow.schedule else "by hand")]
    if flow.on is not None:
        rows.append(("begins on", flow.on))
    if flow.next_at is not None:
        rows.append(("next", iso(flow.next_at)))
    rows.append(("defined at", flow.source or "no process has defined it"))
    if flow.last is not None:
        rows.append(("last run", f"{flow.last.id}: {flow.last.status}"))
        rows.append(("error", flow.last.error or ""))
    return f"<strong>{escape(flow.name)}</strong>" + table(("", ""), rows)


def endpoints_html(endpoints: Iterable[Endpoint]) -> str:
    """Endpoints, what each gets, and how it is, a row each."""
    rows = [
        (
            each.id,
            each.url,
            "; ".join(f"{connection}: {', '.join(types)}" for connection, types in each.events.items()),
            each.state,
            each.reason or iso(each.throttled_until) or "",
            each.owner,
        )
        for each in endpoints
    ]
    return table(("endpoint", "url", "events", "state", "because, until", "owner"), rows)


def delivery_html(delivery: Delivery) -> str:
    """A delivery, and how its last attempt went. What the endpoint answered is somebody else's text."""
    rows: list[tuple[str, Any]] = [("event", f"{delivery.event_id} ({delivery.type})")]
    if delivery.connection_id is not None:
        rows.append(("connection", delivery.connection_id))
    rows += [("endpoint", delivery.endpoint_id), ("attempts", delivery.attempts)]
    for name in ("due_at", "last_at", "finished_at"):
        if (at := getattr(delivery, name)) is not None:
            rows.append((name, iso(at)))
    rows += [(name, value) for name in ("status", "response") if (value := getattr(delivery, name))]
    if delivery.error is not None:
        rows += [(name, delivery.error.get(name)) for name in ("code", "message", "hint")]
    return f"<strong>delivery {delivery.id}: {escape(delivery.state)}</strong>" + table(("", ""), rows)


def events_html(events: Iterable[StoredEvent]) -> str:
    """Events, a row each, with the beginning of what they say."""
    rows = [
        (each.number, each.type, each.connection_id or "", iso(each.occurred_at), json.dumps(dict(each.data)))
        for each in events
    ]
    return table(("number", "type", "connection", "occurred at", "data"), rows)


def event_html(event: StoredEvent) -> str:
    """An event, with all that it says."""
    rows = [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in event.data.items()]
    title = f"<strong>{escape(event.type)}</strong> {escape(event.id)}, {escape(str(iso(event.occurred_at)))}"
    return title + table(("data", ""), rows)


def sync_status_html(statuses: Iterable[SyncStatus]) -> str:
    """How syncs stand, a row for each connection."""
    rows = [
        (s.connection_id, s.status, s.freshness, s.last_success_at or "", s.next_sync_at or "", str(s.error or ""))
        for s in statuses
    ]
    return table(("connection", "status", "freshness", "last success", "next sync", "error"), rows)
