"""RecordedTransport: SAP CAP behind nginx, written down once and read again without either."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import switchgear as sg
from servers.cap import READER, Cap
from servers.nginx import Nginx
from switchgear.testing import RecordedTransport

SERVICE = "/odata/v4/maintenance"
PASSWORD = "p4ss w/rd+ü"  # what encodings make of it must not be found either
WHERE: list[tuple[str, str, Any]] = [("status", "=", "open"), ("ID", "<", 200)]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def read_all(plant: sg.Connection) -> dict[str, Any]:
    """What a program may ask for; the last one is refused."""
    seen: dict[str, Any] = {
        "online": plant.check().online,
        "entities": plant.entities().names,
        "orders": plant.read("WorkOrders", columns=["ID", "title", "actualCost", "changedAt"]).to_pylist(),
        "some": plant.read("WorkOrders", where=WHERE).to_pylist(),
        "assets": plant.read("Assets").to_pylist(),
    }
    with pytest.raises(sg.PermissionDenied) as refused:
        plant.read("Vendors").to_pylist()
    return {**seen, "refused": str(refused.value)}


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return tmp_path / "plant.jsonl"


def connect(nginx: Nginx, transport: RecordedTransport, **options: Any) -> sg.Connection:
    options = {"auth": sg.BasicAuth(*READER), "tls": sg.Tls(ca_file=str(nginx.ca)), **options}
    return sg.connect("odata", url=nginx.url + SERVICE, transport=transport, **options)


def test_what_cap_said_is_said_again_without_it(nginx_tls: Nginx, recording: Path) -> None:
    live = read_all(connect(nginx_tls, RecordedTransport(recording, mode="record")))
    assert len(live["orders"]) == 20_000
    asked = len(nginx_tls.requests())
    exchanges = lines(recording)
    assert [exchange["response"]["http_version"] for exchange in exchanges] == ["2"] * len(exchanges)
    # Neither the authority nor the password is needed, and nginx is not asked.
    plain = {"auth": sg.BasicAuth("reader", "any other"), "tls": sg.Tls()}
    assert read_all(connect(nginx_tls, RecordedTransport(recording, mode="replay"), **plain)) == live
    assert read_all(connect(nginx_tls, RecordedTransport(recording), **plain)) == live, "auto takes what is there"
    assert len(nginx_tls.requests()) == asked


def test_a_recording_outlives_the_system(start_server: Any, recording: Path, tmp_path: Path) -> None:
    cap = start_server(Cap, work_orders=300, page_size=100)
    nginx = start_server(Nginx, cap.origin)
    live = connect(nginx, RecordedTransport(recording)).read("WorkOrders").to_pylist()
    nginx.stop()
    cap.stop()
    program = (
        "import sys, switchgear as sg\n"
        "from switchgear.testing import RecordedTransport\n"
        "plant = sg.connect('odata', url=sys.argv[1], transport=RecordedTransport(sys.argv[2], mode='replay'))\n"
        "for record in plant.read('WorkOrders').to_pylist(): print(repr(record))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, nginx.url + SERVICE, recording],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [repr(record) for record in live]
    assert len(live) == 300


def test_no_secret_is_written(nginx_tls: Nginx, recording: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANT_PW", PASSWORD)
    login = sg.BasicAuth("alice", sg.Secret.env("PLANT_PW"))
    plant = connect(nginx_tls, RecordedTransport(recording, mode="record"), auth=login)
    with pytest.raises(sg.AuthError):
        plant.read("WorkOrders").to_pylist()
    # A key in the query, in a filter and in a header of a reply's request.
    key = sg.ApiKey(sg.Secret(PASSWORD), query="key")
    other = recording.with_name("key.jsonl")
    with pytest.raises(sg.AuthError):
        connect(nginx_tls, RecordedTransport(other, mode="record"), auth=key).read("Assets").to_pylist()
    text = recording.read_text() + other.read_text()
    assert "WorkOrders" in text or "$metadata" in text
    assert "***" in text
    for form in (
        PASSWORD,
        "p4ss%20w%2Frd%2B%C3%BC",
        "p4ss+w%2Frd%2B%C3%BC",
        json.dumps(PASSWORD)[1:-1],
        base64.b64encode(PASSWORD.encode()).decode(),
        base64.b64encode(f"alice:{PASSWORD}".encode()).decode(),
    ):
        assert form not in text
    assert not [line for line in text.lower().split('"') if line.startswith("authorization: ") and "***" not in line]


def test_a_request_that_was_not_recorded_names_the_nearest(nginx_tls: Nginx, recording: Path) -> None:
    connect(nginx_tls, RecordedTransport(recording)).read("Assets", columns=["ID"]).to_pylist()
    asked = len(nginx_tls.requests())
    with pytest.raises(sg.ConfigError) as unmatched:
        connect(nginx_tls, RecordedTransport(recording)).read("Assets", columns=["ID", "plant"]).to_pylist()
    error = unmatched.value
    assert error.code == "config.recording"
    asked_for, _, nearest = error.message.replace("%24", "$").replace("%2C", ",").partition("the nearest there is")
    assert "/Assets?$select=ID,plant" in asked_for
    assert "/Assets?$select=ID" in nearest
    assert "plant" not in nearest.rpartition("?")[2]
    assert str(recording) in error.message
    assert "record again" in error.hint
    assert len(nginx_tls.requests()) == asked, "a replay asks nobody"


def test_more_requests_than_recorded_are_told(nginx_tls: Nginx, recording: Path) -> None:
    connect(nginx_tls, RecordedTransport(recording)).read("Assets").to_pylist()
    plant = connect(nginx_tls, RecordedTransport(recording))
    plant.read("Assets").to_pylist()
    with pytest.raises(sg.ConfigError, match="was recorded once"):
        plant.read("Assets").to_pylist()


def test_failures_of_the_network_are_recorded_too(nginx_tls: Nginx, recording: Path) -> None:
    untrusted = {"tls": sg.Tls(ca_file=str(nginx_tls.unknown_ca))}
    with pytest.raises(sg.OfflineError) as live:
        connect(nginx_tls, RecordedTransport(recording), **untrusted).read("Assets").to_pylist()
    with pytest.raises(sg.OfflineError) as replayed:
        connect(nginx_tls, RecordedTransport(recording)).read("Assets").to_pylist()
    assert str(replayed.value) == str(live.value)
    assert replayed.value.code == "offline.tls"


def test_a_recording_is_begun_anew(nginx_tls: Nginx, recording: Path) -> None:
    for entity in ("Assets", "Readings"):
        connect(nginx_tls, RecordedTransport(recording, mode="record")).read(entity).to_pylist()
    assert "/Assets" not in " ".join(exchange["request"]["url"] for exchange in lines(recording))


def test_faulty_recordings_name_the_line(nginx_tls: Nginx, recording: Path) -> None:
    with pytest.raises(sg.ConfigError, match="cannot be read"):
        connect(nginx_tls, RecordedTransport(recording, mode="replay"))
    connect(nginx_tls, RecordedTransport(recording)).read("Assets").to_pylist()
    with recording.open("a") as file:
        file.write('{"request": {"method": "GET"')
    with pytest.raises(sg.ConfigError, match=r"line 3 of the recording '.*plant\.jsonl' is no exchange"):
        connect(nginx_tls, RecordedTransport(recording))
    with pytest.raises(sg.ConfigError, match="cannot be written"):
        connect(nginx_tls, RecordedTransport(recording.parent / "no such folder" / "x.jsonl"))


def test_one_recording_is_of_one_connection(nginx_tls: Nginx, recording: Path) -> None:
    transport = RecordedTransport(recording, mode="record")
    connect(nginx_tls, transport)
    with pytest.raises(sg.ConfigError, match="recorded for another connection"):
        connect(nginx_tls, transport)


def test_an_unknown_mode_is_refused(recording: Path) -> None:
    with pytest.raises(sg.ConfigError, match="mode='append'") as refused:
        RecordedTransport(recording, mode="append")  # type: ignore[arg-type]
    assert "record, replay, auto" in refused.value.hint


def test_a_recorded_connection_is_not_pickled(nginx_tls: Nginx, recording: Path) -> None:
    with pytest.raises(sg.ConfigError, match="transport or clock of its own"):
        connect(nginx_tls, RecordedTransport(recording)).__reduce__()
