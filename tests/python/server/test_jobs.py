"""Jobs over HTTP: what is queued, how far it is, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import switchgear as sg
from support.running import Shell
from support.serving import Answer, Serving

RECORDS = "/connections/plant/entities/WorkOrders/records"


@pytest.fixture
def idle(shell: Shell) -> Iterator[Serving]:
    """A server that works on nothing by itself."""
    with Serving(shell, "--no-work") as server:
        yield server


def ended(server: Serving, job: str) -> dict[str, Any]:
    sg.Hub(server.shell.folder / "plant.db").queue.job(job).wait(60)
    about: dict[str, Any] = server("GET", f"/jobs/{job}").json
    return about


def queued(server: Serving, records: list[dict[str, Any]], **headers: str) -> Answer:
    return server("POST", RECORDS, {"op": "update", "records": records}, Prefer="respond-async", **headers)


def test_a_job_writes_what_was_not_to_be_waited_for(server: Serving) -> None:
    answer = queued(server, [{"ID": 21, "Title": "by a job"}, {"ID": 22, "Nope": 1}], Idempotency_Key="job-21")
    assert (answer.status, answer.headers["Preference-Applied"]) == (202, "respond-async")
    job = answer.json["id"]
    assert answer.headers["Location"] == f"/jobs/{job}"
    again = queued(server, [{"ID": 21, "Title": "by a job"}, {"ID": 22, "Nope": 1}], Idempotency_Key="job-21")
    assert (again.status, again.json["id"], again.headers["Location"]) == (202, job, f"/jobs/{job}")

    done = ended(server, job)
    assert (done["status"], done["ok"], done["failed"], done["pending"]) == ("partial", 1, 1, 0)
    (outcome,) = server("GET", f"/jobs/{job}/outcomes?state=failed").json["outcomes"]
    assert (outcome["index"], outcome["code"], outcome["record"]) == (1, "data.field", {"ID": 22, "Nope": 1})
    assert server("GET", f"/jobs/{job}/outcomes?state=skipped").json == {"outcomes": [], "next_cursor": None}
    assert server("POST", f"/jobs/{job}/retry", {"only_retryable": True}).error["category"] == "conflict"
    assert server("POST", f"/jobs/{job}/retry").json["pending"] == 1
    assert ended(server, job)["failed"] == 1
    assert server("POST", f"/jobs/{job}/cancel").error["category"] == "conflict"


def test_more_than_a_thousand_records_are_a_job(idle: Serving) -> None:
    records = [{"ID": i} for i in range(1001)]
    assert idle("POST", RECORDS, {"op": "update", "records": records}).status == 202
    assert "Preference-Applied" not in idle("POST", RECORDS, {"op": "update", "records": records}).headers


def test_jobs_page_by_page_the_newest_first(idle: Serving) -> None:
    ids = [queued(idle, [{"ID": i}]).json["id"] for i in range(5)]
    idle("POST", f"/jobs/{ids[0]}/cancel")
    seen: list[str] = []
    sizes: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        page = idle("GET", f"/jobs?limit=2{cursor and f'&cursor={cursor}'}").json
        seen += [job["id"] for job in page["jobs"]]
        sizes.append(len(page["jobs"]))
        cursor = page["next_cursor"]
    assert seen == ids[::-1]
    assert sizes == [2, 2, 1]
    assert [job["id"] for job in idle("GET", "/jobs?status=cancelled").json["jobs"]] == ids[:1]
    assert idle("GET", "/jobs?connection_id=other").json["jobs"] == []
    assert idle("GET", "/jobs?status=cancled").status == 400


def test_outcomes_page_by_page(server: Serving) -> None:
    job = queued(server, [{"ID": i, "Nope": 1} for i in range(5)]).json["id"]
    assert ended(server, job)["failed"] == 5
    first = server("GET", f"/jobs/{job}/outcomes?limit=3").json
    rest = server("GET", f"/jobs/{job}/outcomes?limit=3&cursor={first['next_cursor']}").json
    assert [each["index"] for each in first["outcomes"] + rest["outcomes"]] == list(range(5))
    assert rest["next_cursor"] is None
    assert server("GET", f"/jobs/{job}/outcomes?cursor=x").status == 400


def test_an_unknown_job_is_named(server: Serving) -> None:
    for method, path in (("GET", ""), ("GET", "/outcomes"), ("POST", "/retry"), ("POST", "/cancel")):
        answer = server(method, f"/jobs/nope{path}")
        assert (answer.status, answer.error["code"]) == (404, "not_found.job")
