"""A C++ program, without Python, syncs CAP into PostgreSQL: every entity, and then what changed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import adbc_driver_postgresql
import pytest

import switchgear as sg
from servers.cap import PLANNER, Cap
from support.tables import difference, rows_of

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """examples/cpp_host, built against the installed core as anybody would."""
    folder = tmp_path_factory.mktemp("cpp_host")
    prefix = folder / "prefix"
    for command in (
        ("cmake", "--install", ROOT / "build/python", "--prefix", prefix),
        ("cmake", "-S", ROOT / "examples/cpp_host", "-B", folder / "out", f"-DCMAKE_PREFIX_PATH={prefix}"),
        ("cmake", "--build", folder / "out"),
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder / "out/cpp_host"


@pytest.mark.timeout(300)
def test_it_brings_every_value(program: Path, tmp_path: Path, database: Callable[[], str]) -> None:
    into = database()
    with Cap(tmp_path, work_orders=3_000) as cap:
        command = (program, program.parents[1] / "prefix/connectors", cap.url, "sync", tmp_path / "store.db")
        arguments = (*command, adbc_driver_postgresql._driver_path(), into)
        env = {**os.environ, "SERVICE_USER": PLANNER[0], "SERVICE_PASSWORD": PLANNER[1]}
        for written in ("WorkOrders: completed, 3000 written", "WorkOrders: completed, 0 written"):
            done = subprocess.run(arguments, capture_output=True, text=True, env=env, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            assert written in done.stdout
        plant = sg.connect("odata", url=cap.url, auth=sg.BasicAuth(PLANNER[0], sg.Secret(PLANNER[1])))
        for entity in plant.entities():
            truth = plant.read(entity.name).to_pylist()
            for record in truth:
                record.pop("_rescued")
            rows = rows_of(into, "plant", entity.name)
            assert len(rows) == len(truth)
            if len(entity.key) == 1:
                assert difference(rows, truth, entity.key[0]) == []
