"""`/jobs`: queued writes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from switchgear.server.connections import ID, stored
from switchgear.server.operations import NOTHING, Call, Operation
from switchgear.server.records import JOB, OUTCOME
from switchgear.server.replies import bad_request, json_reply
from switchgear.server.schemas import integer, table, text
from switchgear.write import outcome_from

if TYPE_CHECKING:
    from starlette.responses import Response

    from switchgear.jobs import Job

STATES = ["queued", "in_progress", "paused", "completed", "failed", "partial", "cancelled"]
DEFAULT_LIMIT = 100
LIMIT = integer(1, 1000, default=DEFAULT_LIMIT)
_SCANNED = 1000


async def job_of(call: Call) -> Job:
    """The job that the path names. Raises NotFound, and 403 for one of a connection that the token is not for."""
    job = await call.threads.store(call.hub.queue.job, call.path["id"])
    call.access.check_connection(job.connection_id)
    return job


async def list_jobs(call: Call) -> Response:
    limit, connection_id = call.query.get("limit", DEFAULT_LIMIT), call.query.get("connection_id")
    if connection_id is not None:
        call.access.check_connection(connection_id)
        await call.threads.store(stored, call.hub, connection_id)  # an unknown one is suggested the nearest
    jobs, following = await call.threads.store(
        partial(_jobs, call, connection_id, call.query.get("status"), call.query.get("cursor", ""), limit)
    )
    return json_reply({"jobs": jobs, "next_cursor": following})


def _jobs(
    call: Call, connection_id: str | None, status: str | None, after: str, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """Of a token's connections, which may be few of many: looks on until there are enough, but not for ever."""
    seen: list[dict[str, Any]] = []
    for _ in range(10):
        page = call.hub.queue.jobs(connection_id, status=status, after=after, limit=_SCANNED if seen else limit + 1)
        for job in page:
            if len(seen) == limit:
                return seen, after
            after = job.id
            if call.access.may_see(job.connection_id):
                seen.append(job.to_dict())
        if len(page) <= limit:
            return seen, None
    return seen, after


async def get_job(call: Call) -> Response:
    job = await job_of(call)
    return json_reply(await call.threads.store(job.to_dict))


async def outcomes(call: Call) -> Response:
    job = await job_of(call)
    limit, cursor = call.query.get("limit", DEFAULT_LIMIT), call.query.get("cursor", "-1")
    if not cursor.lstrip("-").isdigit() or len(cursor) > 18:
        raise bad_request("this cursor was not made here", "give `next_cursor` as it came", "cursor")
    page = await call.threads.store(
        partial(job._jobs.outcomes, job.id, state=call.query.get("state"), after=int(cursor), limit=limit + 1)
    )
    names = ("index", "state", "key", "category", "code", "message", "hint", "retryable", "record")
    found = [outcome_from(row) for row in page[:limit]]
    return json_reply(
        {
            "outcomes": [{name: getattr(each, name) for name in names} for each in found],
            "next_cursor": str(found[-1].index) if len(page) > limit else None,
        }
    )


async def retry(call: Call) -> Response:
    job = await job_of(call)
    await call.threads.store(partial(job.retry, **call.body))
    return json_reply(await call.threads.store(job.to_dict))


async def cancel(call: Call) -> Response:
    job = await job_of(call)
    await call.threads.store(job.cancel)
    return json_reply(await call.threads.store(job.to_dict))


ONE = {200: ("The job as it is now.", JOB)}
CURSOR = text(maxLength=100, description="`next_cursor` of the page before.")
NEXT = {"type": ["string", "null"]}
OPERATIONS = (
    Operation(
        "GET",
        "/jobs",
        "listJobs",
        "Jobs, the newest first.",
        list_jobs,
        query={"connection_id": ID, "status": text(enum=STATES), "limit": LIMIT, "cursor": CURSOR},
        answers={
            200: (
                "A page of them; `next_cursor` null: that was all.",
                table({"jobs": {"type": "array", "items": JOB}, "next_cursor": NEXT}, ["jobs", "next_cursor"]),
            )
        },
    ),
    Operation("GET", "/jobs/{id}", "getJob", "A job.", get_job, answers=ONE),
    Operation(
        "GET",
        "/jobs/{id}/outcomes",
        "listOutcomes",
        "The records of a job that are not ok, and why, by index.",
        outcomes,
        query={"state": text(enum=["failed", "unknown", "skipped"]), "limit": LIMIT, "cursor": CURSOR},
        answers={
            200: (
                "A page of them; `next_cursor` null: that was all.",
                table(
                    {"outcomes": {"type": "array", "items": OUTCOME}, "next_cursor": NEXT}, ["outcomes", "next_cursor"]
                ),
            )
        },
    ),
    Operation(
        "POST",
        "/jobs/{id}/retry",
        "retryJob",
        "Puts the failed records into the queue again.",
        retry,
        scope="operate",
        body=table(
            {
                "only_retryable": {"type": "boolean", "description": "Leave those for which it is not worth it."},
                "unknown": {"type": "boolean", "description": "Also those whose fate is unknown."},
            }
        ),
        answers=ONE,
    ),
    Operation(
        "POST",
        "/jobs/{id}/cancel",
        "cancelJob",
        "Skips what has not begun.",
        cancel,
        scope="operate",
        body=NOTHING,
        answers=ONE,
    ),
)
