#!/usr/bin/env python3
"""What verifying and reading a webhook costs in Python: a message of Standard Webhooks with a body of 1 KiB.

usage: benchmarks/bench_webhook.py [--rounds N] [--calls N] [--json FILE] [--targets FILE] [--check]

In one run and in turns, by processor time: a bare HMAC of the same bytes, json.loads of the same body, switchgear,
standardwebhooks, and svix, which does not read the body, so that json.loads follows it. Each number is the median of
the rounds, after one that is thrown away; a ratio is the median of the ratios within each round. Every contestant's
key was made ready before, and its data is looked at. --check: exit code 1 unless switchgear is at least 4 times as
fast as standardwebhooks and 5 times as fast as svix.
"""

from __future__ import annotations

import argparse
import base64
import hmac
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import targets
from targets import Target

import switchgear as sg

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of the standard's own example
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
OURS = "switchgear: Verifier.verify"
# What comes with every request, as uvicorn gives it.
OTHER_HEADERS = {
    "host": "example.com",
    "user-agent": "switchgear",
    "accept": "*/*",
    "accept-encoding": "gzip, deflate",
    "content-type": "application/json",
    "content-length": "1024",
    "connection": "keep-alive",
}


def body_of(size: int) -> bytes:
    """A sync that failed, as the hub reports it: ids, an error with its texts, the counts of each entity."""
    error = {
        "category": "offline",
        "code": "offline.connect",
        "message": "port 443 of host erp.example.com refuses connections; the last answer came 14 minutes ago",
        "hint": "start the service, or look for a firewall between this machine and the host; then sync again",
    }
    entities = [
        {"entity": name, "status": status, "records_read": 1520, "records_written": 1480, "records_rejected": 40}
        for name, status in (("WorkOrders", "partial"), ("Assets", "completed"), ("Parts", "completed"))
    ]
    data = {
        "connection_id": "sap-mt",
        "run_id": "01990a7c3f0e7b2d8e4f5a6b7c8d9e0f",
        "error": error,
        "entities": entities,
    }
    event = {"type": "sync.failed", "timestamp": "2026-11-27T04:00:00Z", "data": data}
    error["message"] += "." * (size - len(json.dumps(event)))
    body = json.dumps(event).encode()
    assert len(body) == size
    return body


def contestants() -> dict[str, Callable[[int], None]]:
    import standardwebhooks
    import svix.webhooks

    body = body_of(1024)
    headers = sg.webhooks.sign(body, SECRET, id=ID) | OTHER_HEADERS
    svix_headers = sg.webhooks.sign(body, SECRET, scheme="svix", id=ID) | OTHER_HEADERS
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    text = f"{ID}.{headers['webhook-timestamp']}.".encode() + body
    verifier = sg.webhooks.Verifier(SECRET)
    standard = standardwebhooks.Webhook(SECRET)
    other = svix.webhooks.Webhook(SECRET)

    def bare(calls: int) -> None:
        for _ in range(calls):
            hmac.digest(key, text, "sha256")

    def loads(calls: int) -> None:
        for _ in range(calls):
            json.loads(body)

    def ours(calls: int) -> None:
        for _ in range(calls):
            assert verifier.verify(body, headers).data["connection_id"] == "sap-mt"

    def once(calls: int) -> None:
        for _ in range(calls):
            assert sg.webhooks.verify(body, headers, SECRET).data["connection_id"] == "sap-mt"

    def by_standardwebhooks(calls: int) -> None:
        for _ in range(calls):
            assert standard.verify(body, headers)["data"]["connection_id"] == "sap-mt"

    def by_svix(calls: int) -> None:
        for _ in range(calls):
            other.verify(body, svix_headers)
            assert json.loads(body)["data"]["connection_id"] == "sap-mt"

    return {
        "hmac.digest alone": bare,
        "json.loads alone": loads,
        OURS: ours,
        "switchgear: verify, the key made each time": once,
        "standardwebhooks: Webhook.verify": by_standardwebhooks,
        "svix: Webhook.verify, json.loads": by_svix,
    }


def measure(rounds: int, calls: int) -> list[dict[str, float]]:
    """us per call of each contestant, for each round."""
    runs = contestants()
    table = []
    for _ in range(rounds + 1):
        times = {}
        for name, run in runs.items():
            start = time.process_time_ns()
            run(calls)
            times[name] = (time.process_time_ns() - start) / calls / 1000
        table.append(times)
    return table[1:]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--targets", type=Path, help="append each target and what was seen to this file")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    if load > (os.cpu_count() or 1):
        print(f"the load is {load:.1f}: the numbers below are worth little")
    table = measure(arguments.rounds, arguments.calls)
    for name in table[0]:
        print(f"{name:44} {statistics.median(times[name] for times in table):8.2f} us")

    def faster_than(other: str) -> float:
        return statistics.median(times[other] / times[OURS] for times in table)

    found = [
        Target(
            "Python, verify and read 1 KiB: x as fast as standardwebhooks",
            faster_than("standardwebhooks: Webhook.verify"),
            4,
            True,
        ),
        Target(
            "Python, verify and read 1 KiB: x as fast as svix", faster_than("svix: Webhook.verify, json.loads"), 5, True
        ),
    ]
    for target in found:
        print(target)
    targets.record(arguments.targets, found)
    if arguments.json:
        arguments.json.write_text(json.dumps(table))
    return 1 if arguments.check and not all(target.met for target in found) else 0


if __name__ == "__main__":
    sys.exit(main())
