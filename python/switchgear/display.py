"""HTML for notebooks. Everything that comes from a source is escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from switchgear import _core
    from switchgear.connection import Connection
    from switchgear.entities import Entities
    from switchgear.policy import CircuitBreaker
    from switchgear.reader import Reader


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


def reader_html(reader: Reader) -> str:
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


def health_html(health: _core.Health) -> str:
    """The stages of a check, and what to do."""
    marks = {"ok": "✓", "failed": "✗", "skipped": "·"}
    rows = [
        (marks[step.state], step.name, f"{step.latency_ms:.1f}" if step.latency_ms else "", step.detail)
        for step in health.steps
    ]
    verdict = "online" if health.online else f"not online: {escape(health.cause)}"
    advice = f"<p>{escape(health.next_step)}</p>" if health.next_step else ""
    return f"<strong>{verdict}</strong>{table(('', 'stage', 'ms', ''), rows)}{advice}"
