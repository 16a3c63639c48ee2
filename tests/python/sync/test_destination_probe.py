"""What the doctor finds out of a database: whether it answers, and whether this user may make tables there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from servers.postgres import Postgres
from switchgear.destination_probe import probe
from switchgear.sync_destinations import resolved


def test_a_user_who_may_not_create_schemas_is_told(
    postgres: Postgres, database: Callable[[], str], tmp_path: Path
) -> None:
    url = database()
    (tmp_path / "good.url").write_text(url, encoding="utf-8")
    good = probe(f"file:{tmp_path}/good.url", "plant")
    assert (good.kind, good.reachable, good.writable, good.problem) == ("postgresql", True, True, None)
    assert good.driver is not None
    assert good.driver.startswith("adbc-driver-postgresql ")
    postgres.psql("create role reader login password 'reader'")
    server, _, name = resolved(f"file:{tmp_path}/good.url").rpartition("/")
    reader = f"{server.partition('://')[0]}://reader:reader@{server.rpartition('@')[2]}/{name}"
    (tmp_path / "reader.url").write_text(reader, encoding="utf-8")
    found = probe(f"file:{tmp_path}/reader.url", "plant")
    assert (found.reachable, found.writable) == (True, False)
    assert found.problem is not None
    assert "reader may not create schemas" in found.problem
    assert ":reader@" not in f"{found.display} {found.problem}"
    (tmp_path / "away.url").write_text(reader.rpartition("/")[0] + "/nothing", encoding="utf-8")
    away = probe(f"file:{tmp_path}/away.url", "plant")
    assert (away.reachable, away.writable) == (False, False)
    assert away.problem is not None
