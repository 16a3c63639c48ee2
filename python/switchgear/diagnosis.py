"""How a connection is and why it is not well, as values for people and for JSON.

The judgement itself is the core's; here is what `Health`, `ConnectionStatus`, `StatusChange`, `LoggedError` and
`Diagnosis` show of themselves.
"""

from __future__ import annotations

import datetime
from typing import Any

from switchgear import _core

Health = _core.Health
ConnectionStatus = _core.ConnectionStatus
StatusChange = _core.StatusChange
LoggedError = _core.LoggedError
Diagnosis = _core.Diagnosis


def iso(time: datetime.datetime | None) -> str | None:
    """An instant as it stands in JSON: `2026-01-31T08:00:00Z`, to the millisecond."""
    if time is None:
        return None
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def health_dict(health: Health) -> dict[str, Any]:
    """What a check found."""
    certificate = health.certificate
    return {
        "online": health.online,
        "latency_ms": round(health.latency_ms, 3),
        "steps": [
            {"name": step.name, "state": step.state, "latency_ms": round(step.latency_ms, 3), "detail": step.detail}
            for step in health.steps
        ],
        "entities": [
            {
                "entity": each.entity,
                "state": each.state,
                "latency_ms": round(each.latency_ms, 3),
                "error": each.error.to_dict() if each.error else None,
            }
            for each in health.entities
        ],
        "certificate": {
            "subject": certificate.subject,
            "issuer": certificate.issuer,
            "valid_from": iso(certificate.valid_from),
            "valid_until": iso(certificate.valid_until),
            "names": list(certificate.names),
        }
        if certificate
        else None,
        "cause": health.cause or None,
        "next_step": health.next_step or None,
        "error": health.error.to_dict() if health.error else None,
    }


def health_repr(health: Health) -> str:
    """One line: `<Health online, 12 ms>`."""
    if health.error is None:
        return f"<Health online, {health.latency_ms:.0f} ms>"
    word = "online, but" if health.online else "not online:"
    return f"<Health {word} {health.error}>"


def status_dict(status: ConnectionStatus) -> dict[str, Any]:
    """How a connection is."""
    return {
        "connection_id": status.connection_id,
        "state": status.state,
        "since": iso(status.since),
        "error": status.error.to_dict() if status.error else None,
        "breakers": [
            {
                "name": breaker.name,
                "entity": breaker.entity or None,
                "operation": breaker.operation or None,
                "state": breaker.state,
                "calls": breaker.calls,
                "failures": breaker.failures,
                "slow_calls": breaker.slow_calls,
                "refused": breaker.refused,
                "retry_after_seconds": breaker.retry_after,
            }
            for breaker in status.breakers
        ],
        "limits": dict(status.limits),
    }


def status_repr(status: ConnectionStatus) -> str:
    """One line: `<ConnectionStatus plant: online since …>`."""
    why = f": {status.error}" if status.error else ""
    return f"<ConnectionStatus {status.connection_id}: {status.state} since {iso(status.since)}{why}>"


def change_dict(change: StatusChange) -> dict[str, Any]:
    """A transition."""
    return {
        "connection_id": change.connection_id,
        "from": change.from_state,
        "to": change.to_state,
        "at": iso(change.at),
        "error": change.error.to_dict() if change.error else None,
    }


def change_repr(change: StatusChange) -> str:
    """One line: `<StatusChange plant: online -> offline at …>`."""
    why = f": {change.error}" if change.error else ""
    return f"<StatusChange {change.connection_id}: {change.from_state} -> {change.to_state} at {iso(change.at)}{why}>"


def logged_dict(logged: LoggedError) -> dict[str, Any]:
    """What was met, how often, and since when."""
    error = logged.error
    return {
        "entity": logged.entity or None,
        "operation": logged.operation,
        "category": error.category,
        "code": logged.code,
        "message": error.message,
        "hint": error.hint,
        "http_status": error.http_status or None,
        "request_id": error.request_id or None,
        "count": logged.count,
        "recovered": logged.recovered,
        "first_seen": iso(logged.first_seen),
        "last_seen": iso(logged.last_seen),
        "last_success": iso(logged.last_success),
        "stands": logged.stands,
    }


def logged_repr(logged: LoggedError) -> str:
    """One line: `<LoggedError 3 x permission: read Vendors, last at …>`."""
    where = f"{logged.operation} {logged.entity}".rstrip()
    got_over = f", {logged.recovered} got over" if logged.recovered else ""
    return f"<LoggedError {logged.count} x {logged.code}: {where}, last at {iso(logged.last_seen)}{got_over}>"


def diagnosis_dict(diagnosis: Diagnosis) -> dict[str, Any]:
    """What is hit, why, what speaks for it, and what to do."""
    return {
        "connection_id": diagnosis.connection_id,
        "scope": diagnosis.scope,
        "code": diagnosis.code or None,
        "cause": diagnosis.cause,
        "affected": [logged_dict(logged) for logged in diagnosis.affected],
        "evidence": list(diagnosis.evidence),
        "next_steps": list(diagnosis.next_steps),
        "probe": health_dict(diagnosis.probe) if diagnosis.probe else None,
        "status": status_dict(diagnosis.status),
    }


def diagnosis_repr(diagnosis: Diagnosis) -> str:
    """One line: `<Diagnosis plant: entity, permission: …>`."""
    if diagnosis.scope == "none":
        return f"<Diagnosis {diagnosis.connection_id}: {diagnosis.cause}>"
    return f"<Diagnosis {diagnosis.connection_id}: {diagnosis.scope}, {diagnosis.code}: {diagnosis.cause}>"
