"""`switchgear serve` begins and ends: what it tells, and what becomes of what is under way."""

from __future__ import annotations

import concurrent.futures
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

import switchgear as sg
from servers.postgres import Postgres
from support.running import Shell
from support.serving import Serving
from switchgear.server.running import listen

StartServer = Callable[..., Any]
READ = "/connections/slow/entities/WorkOrders/records"


def test_it_says_where_it_listens_and_what_it_applied(shell: Shell) -> None:
    with Serving(shell) as server:
        assert server.told["url"].startswith("http://127.0.0.1:")
        assert server.told["store"].endswith("plant.db")
        assert server.told["project_files"] == [str(shell.folder / "switchgear.toml")]
        assert "only this machine itself is answered" in server.log
        assert server("GET", "/healthz").status == 200
        port = server.address[1]
        assert "choose another" in shell("serve", "--port", str(port), code=1).err
    assert server.process.returncode == 0
    with shell.start("serve", "--port", "0") as process:
        assert process.stdout is not None
        assert "listening on http://127.0.0.1:" in process.stdout.readline()
        assert "switchgear.toml, 3 connections" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in errors


def test_replies_are_not_held_back_for_40_ms() -> None:
    with listen("127.0.0.1", 0) as sock:  # asyncio sets TCP_NODELAY by the protocol, which 0 hides from it
        assert sock.proto == socket.IPPROTO_TCP


def test_one_connection_that_can_not_be_keeps_no_other_from_being_served(shell: Shell) -> None:
    with (shell.folder / "switchgear.toml").open("a") as file:
        file.write('[connections.broken]\nconnector = "odaat"\n')
    with Serving(shell) as server:
        assert "broken" in server.log
        assert server("POST", "/connections/plant/check", {"entities": []}).json["online"]


def test_a_request_under_way_is_answered_before_it_ends(hanging: Shell, silent: socket.socket) -> None:
    with Serving(hanging, "--grace", "20") as server, concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(server, "GET", READ)
        at_source, _ = silent.accept()
        server.process.send_signal(signal.SIGTERM)
        with at_source:
            at_source.recv(65536)
            at_source.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        answer = asked.result(30)
        assert (answer.status, answer.error["code"]) == (503, "unavailable")
        assert server.wait() == 0


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_that_does_not_end_is_given_up_within_seconds(
    hanging: Shell, silent: socket.socket, method: str
) -> None:
    with Serving(hanging, "--grace", "1") as server, concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(server, method, READ, {"records": [{"ID": 1}]} if method == "POST" else None)
        at_source, _ = silent.accept()
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 8
        assert asked.exception(30) is not None or asked.result().status >= 500
        at_source.close()
    assert "Traceback" not in server.log


def test_a_batch_under_way_ends_before_the_server_does(hanging: Shell, silent: socket.socket) -> None:
    hub = sg.Hub(hanging.folder / "plant.db")
    with Serving(hanging, "--grace", "1") as server:
        body = {"records": [{"ID": 1}]}
        job = server("POST", READ, body, Prefer="respond-async").json["id"]
        at_source, _ = silent.accept()
        assert server.stop() == 0
        at_source.close()
    assert hub.queue.job(job).status in ("queued", "in_progress")
    assert hub.queue.job(job).progress.pending == 1


def test_what_was_under_way_when_the_server_was_killed_is_not_done_again(hanging: Shell, silent: socket.socket) -> None:
    body = {"op": "create", "records": [{"ID": 1}]}
    with Serving(hanging) as server, concurrent.futures.ThreadPoolExecutor(1) as pool:
        asked = pool.submit(server, "POST", READ, body, Idempotency_Key="order-1")
        at_source, _ = silent.accept()
        server.process.kill()
        assert server.wait() == -signal.SIGKILL
        assert asked.exception(30) is not None
        at_source.close()
    with Serving(hanging) as server:
        answer = server("POST", READ, body, Idempotency_Key="order-1")
        assert (answer.status, answer.error["code"]) == (409, "conflict.idempotency_key")
        assert "no reply yet" in answer.error["message"]


def test_two_servers_share_a_store_in_postgresql(shell: Shell, postgres: Postgres) -> None:
    postgres.psql("create database served")
    store = postgres.url.rpartition("/")[0] + "/served"
    records = "/connections/plant/entities/WorkOrders/records"
    token = shell("token", "create", "--scope", "operate", "--store", store, "--json").json
    body = {"op": "update", "records": [{"ID": 31, "Title": "once"}]}
    first, second = shell, Shell(shell.folder / "second")
    second.folder.mkdir()
    with (
        Serving(first, "--store", store, "--no-work") as one,
        Serving(second, "--store", store, "--project", "../switchgear.toml") as other,
    ):
        done = one("POST", records, body, token=token["token"], Idempotency_Key="k")
        assert (done.status, done.json["ok"]) == (200, 1)
        again = other("POST", records, body, token=token["token"], Idempotency_Key="k")
        assert (again.json, again.headers["Idempotency-Replayed"]) == (done.json, "true")
        page = one("GET", f"{records}?page_size=100&columns=ID", token=token["token"]).json
        following = other("GET", f"{records}?cursor={page['next_cursor']}", token=token["token"]).json
        assert following["records"][0]["ID"] == page["records"][-1]["ID"] + 1
        job = one("POST", records, body, token=token["token"], Prefer="respond-async").json["id"]
        assert sg.Hub(store).queue.job(job).wait(60).status == "completed"  # the other one has done it
        shell("token", "revoke", token["id"], "--store", store)
        for server in (one, other):
            assert server("GET", "/jobs", token=token["token"]).status == 401


def test_a_store_that_is_gone_is_told_and_does_not_end_the_server(shell: Shell, start_server: StartServer) -> None:
    postgres: Postgres = start_server(Postgres)
    with Serving(shell, "--store", postgres.url, "--grace", "1") as server:
        assert server("GET", "/healthz").status == 200
        postgres.stop()
        for path in ("/healthz", "/connections", "/sync-status"):
            answer = server("GET", path)
            assert (answer.status, answer.error["category"]) == (503, "store"), path
            assert "s%20g" not in answer.body.decode()  # the password in the store's URL
        assert server.process.poll() is None
        assert server.stop() == 0
    assert "Traceback" not in server.log
