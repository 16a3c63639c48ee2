"""Syncs over HTTP: how they stand, what their runs did, and beginning one, as Python has it of the same store."""

from __future__ import annotations

import signal
import socket
from typing import Any

import duckdb

import switchgear as sg
from support.running import Shell
from support.serving import Serving
from switchgear.sandbox import Sandbox
from switchgear.syncs import Run

SYNC = "/connections/plant/sync"


def synced(shell: Shell, box: Sandbox, **options: Any) -> sg.Hub:
    """A hub with `plant`, `other` and `away`, which sync into one DuckDB file."""
    shell.write('[hub]\nstore = "plant.db"\n')
    hub = sg.Hub(shell.folder / "plant.db")
    for id, url in {"plant": box.odata_url, "other": box.odata_url, "away": "http://127.0.0.1:9/odata"}.items():
        options = {"destination": f"duckdb:///{shell.folder}/landed.duckdb", **options}
        hub.add(id, "odata", {"url": url}, retry=None, **options)
    return hub


def rows(shell: Shell, table: str) -> int:
    with duckdb.connect(str(shell.folder / "landed.duckdb"), read_only=True) as database:
        found = database.execute(f"select count(*) from {table}").fetchone()  # noqa: S608
    assert found is not None
    return int(found[0])


def test_a_sync_is_begun_watched_and_told_as_python_tells_it(shell: Shell, box: Sandbox) -> None:
    hub = synced(shell, box)
    with Serving(shell) as server:
        assert server("GET", "/connections/plant/sync-status").json["status"] == "never"
        done = server("POST", SYNC, {"entities": ["WorkOrders", "Vendors"]}, Prefer="wait=120", Idempotency_Key="s1")
        assert (done.status, done.json["status"]) == (200, "completed"), done.body
        run = done.json["id"]
        again = server("POST", SYNC, {"entities": ["WorkOrders", "Vendors"]}, Prefer="wait=120", Idempotency_Key="s1")
        assert (again.json["id"], again.headers["Idempotency-Replayed"]) == (run, "true")

        told = server("GET", f"/runs/{run}").json
        assert told["messages"] == [each.to_dict() for each in hub.run(run).messages]
        assert {**told, "messages": []} == {**hub.run(run).to_dict(), "messages": []}
        assert server("GET", "/connections/plant/runs?limit=5").json == {"runs": [hub.run(run).to_dict()]}
        one = server("GET", "/connections/plant/sync-status").json
        assert one == hub.sync_status("plant").to_dict()
        assert one == server("GET", "/sync-status?connection_id=plant").json
        every = server("GET", "/sync-status").json["connections"]
        assert every == [each.to_dict() for each in hub.sync_status()]
        assert [each["connection_id"] for each in every] == ["away", "other", "plant"]
        assert {each["entity"]: each["status"] for each in one["entities"]} == {
            "WorkOrders": "completed",
            "Vendors": "completed",
        }
        assert server("GET", "/connections/plant/status").json["status"] == "online"
        assert server("GET", "/connections/plant/errors").json == {"errors": []}
        assert rows(shell, "plant.WorkOrders") == box.settings.records


def test_a_source_that_is_away_is_told_everywhere(shell: Shell, box: Sandbox) -> None:
    hub = synced(shell, box)
    with Serving(shell) as server:
        answer = server("POST", "/connections/away/sync", {}, Prefer="wait=60")
        if answer.status == 200:
            assert answer.json["status"] == "failed"
            assert answer.json["error"]["code"] == "offline.connect"
        else:
            assert (answer.status, answer.error["code"]) == (502, "offline.connect")
        assert server("GET", "/connections/away/sync-status").json == hub.sync_status("away").to_dict()
        errors = server("GET", "/connections/away/errors").json["errors"]
        assert errors == [each.to_dict() for each in hub.errors("away")]
        assert server("GET", "/connections/away/errors?since=2099-01-01").json == {"errors": []}
        assert server("GET", "/connections/away/status").json["connection_id"] == "away"


def test_syncs_that_can_not_be_begun(shell: Shell, box: Sandbox) -> None:
    hub = synced(shell, box)
    hub.add("nowhere", "odata", {"url": box.odata_url})
    with Serving(shell) as server:
        nowhere = server("POST", "/connections/nowhere/sync", {})
        assert (nowhere.status, nowhere.error["code"]) == (422, "config.destination")
        unknown = server("POST", SYNC, {"entities": ["WorkOrdres"]})
        assert (unknown.status, unknown.error["code"]) == (404, "not_found.entity")
        assert "did you mean 'WorkOrders'?" in unknown.error["message"]
        assert server("POST", SYNC, {"entities": []}).status == 400
        assert server("POST", SYNC, {"ful": True}).error["hint"] == "did you mean 'full'?"
        server("POST", "/connections/plant/pause")
        paused = server("POST", SYNC, {})
        assert (paused.status, paused.error["code"]) == (409, "circuit_open.paused")
        assert server("GET", "/connections/plant/sync-status").json["status"] == "paused"
        for method, path in (
            ("POST", "/connections/plnat/sync"),
            ("GET", "/sync-status?connection_id=plnat"),
            ("GET", "/connections/plnat/sync-status"),
            ("GET", "/connections/plnat/status"),
            ("GET", "/connections/plnat/runs"),
            ("GET", "/connections/plnat/errors"),
        ):
            answer = server(method, path)
            assert (answer.status, answer.error["code"]) == (404, "not_found.connection"), path
            assert "did you mean 'plant'?" in answer.error["message"]
        assert server("GET", "/runs/nope").error["code"] == "not_found.run"


def test_a_token_for_one_connection_sees_no_run_of_another(shell: Shell, box: Sandbox) -> None:
    synced(shell, box)
    every = shell("token", "create", "--scope", "operate").out.strip()
    one = shell("token", "create", "--scope", "operate", "--connection", "other").out.strip()
    with Serving(shell) as server:
        run = server("POST", SYNC, {"entities": ["Vendors"]}, token=every, Prefer="wait=60").json["id"]
        assert server("GET", f"/runs/{run}", token=every).status == 200
        seen: list[Any] = server("GET", "/sync-status", token=one).json["connections"]
        assert [each["connection_id"] for each in seen] == ["other"]
        for method, path in (
            ("GET", f"/runs/{run}"),
            ("POST", SYNC),
            ("GET", "/sync-status?connection_id=plant"),
            ("GET", "/connections/plant/runs"),
        ):
            assert server(method, path, token=one).error["code"] == "permission.connection", path


def test_what_is_due_is_synced_by_the_server_itself(shell: Shell, box: Sandbox) -> None:
    hub = synced(shell, box, schedule="1s", entities={"Vendors": {}})
    hub_runs: list[Run] = []
    with Serving(shell) as server:
        while not any(run.status == "completed" for run in hub_runs):
            assert server.process.poll() is None
            hub_runs = hub.runs("plant", limit=3)
        assert {run.cause for run in hub_runs} == {"schedule"}
        assert server("GET", "/connections/plant/sync-status").json["next_sync_at"] is not None
    assert server.process.returncode == 0
    assert not [run for run in hub.runs("plant") if run.status == "in_progress"]


def test_a_sync_under_way_ends_with_the_server_and_is_not_in_progress_for_ever(
    shell: Shell, box: Sandbox, silent: socket.socket
) -> None:
    hub = synced(shell, box)
    host, port = silent.getsockname()
    hub.update("plant", {"url": f"http://{host}:{port}/odata"})
    with Serving(shell, "--grace", "1") as server, socket.create_connection(server.address, timeout=30) as line:
        line.sendall(f"POST {SYNC} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n".encode())
        at_source, _ = silent.accept()
        assert server.stop(signal.SIGTERM) == 0
        at_source.close()
    assert not [run for run in hub.runs("plant") if run.status == "in_progress"]


def test_a_sync_commits_what_it_has_read_when_the_server_ends_and_goes_on_from_there(shell: Shell) -> None:
    slow = [{"kind": "latency", "ms": 50}]
    with Sandbox(records=2000, page_size=50, process=True, faults=slow) as box:
        hub = synced(shell, box, entities={"WorkOrders": {"commit_rows": 50, "page_size": 50}})
        with Serving(shell, "--no-work") as server:
            begun = server("POST", SYNC)
            assert (begun.status, begun.json["status"]) == (202, "in_progress")
            assert begun.headers["Location"] == f"/runs/{begun.json['id']}"
            while server("GET", begun.headers["Location"]).json["records_written"] < 100:
                assert server.process.poll() is None
            assert server("GET", "/connections/plant/sync-status").json["status"] == "in_progress"
            assert server.stop() == 0
        run = hub.run(begun.json["id"])
        assert run.status == "cancelled"
        assert rows(shell, "plant.WorkOrders") == run.records_written >= 100
        rest = hub.sync("plant")
        assert rest.status == "completed"
        assert rest.records_read < 2000
        assert rows(shell, "plant.WorkOrders") == 2000
