"""Tables and columns in snake_case: the same rows under other names, and no two names that are one."""

from __future__ import annotations

from pathlib import Path

import pytest

import switchgear as sg
from support.tables import difference, reference, rows_of
from switchgear import _core
from switchgear.project import Project
from switchgear.sandbox import Sandbox


def renamed(records: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{_core.snake_case(name): value for name, value in record.items()} for record in records]


def test_rows_land_in_snake_case_and_are_kept_up_to_date(destination: str, tmp_path: Path) -> None:
    hub = sg.Hub(tmp_path / "store.db")
    with Sandbox(records=120, process=True) as box:
        entities = {"WorkOrders": {"cursor": "ChangedAt", "commit_rows": 50}, "Vendors": {"table": "Firms"}}
        config = {"url": box.odata_url, "page_size": 50}
        to = reference(destination, tmp_path)
        hub.add("plant", "odata", config, destination=to, naming="snake_case", entities=entities)
        hub.sync("plant").raise_for_error()
        box.change(40)
        box.grow(10)
        run = hub.sync("plant").raise_for_error()
        assert run.entities[-1].records_read < 120
        rows = rows_of(destination, "plant", "work_orders")
        assert {"changed_at", "_synced_at", "_deleted_at"} <= set(rows[0])
        assert difference(rows, renamed(list(box.truth("WorkOrders"))), key="id") == []
        assert {row["email"] for row in rows_of(destination, "plant", "Firms")}  # a name that was chosen is as it is
        hub.update("plant", schedule="15m")
        assert hub.connections()[0].naming == "snake_case"
        assert hub.sync("plant").raise_for_error().records_written == 0


@pytest.mark.parametrize("naming", ["exact", "snake_case"])
def test_two_entities_never_share_a_table(tmp_path: Path, naming: str) -> None:
    hub = sg.Hub(tmp_path / "store.db")
    to = f"duckdb:///{tmp_path}/plant.duckdb"
    with Sandbox(records=10) as box:
        entities = {"WorkOrders": {}, "Vendors": {"table": "work_orders" if naming == "snake_case" else "workorders"}}
        hub.add("plant", "odata", {"url": box.odata_url}, destination=to, naming=naming, entities=entities)
        with pytest.raises(sg.ConfigError, match="'WorkOrders' and 'Vendors'") as caught:
            hub.sync("plant", ["Vendors"])
        assert caught.value.code == "config.naming"
        assert not (tmp_path / "plant.duckdb").exists()
        assert hub.runs() == []


def test_it_is_set_in_python_and_in_the_project_file(tmp_path: Path) -> None:
    hub = sg.Hub(tmp_path / "store.db")
    with pytest.raises(sg.ConfigError, match="did you mean 'snake_case'") as caught:
        hub.add("plant", "odata", {"url": "http://host/"}, naming="snakecase")
    assert caught.value.code == "config.naming"
    file = tmp_path / "switchgear.toml"
    text = '[connections.plant]\nconnector = "odata"\n{}\nconfig = {{url = "http://host/"}}\n'
    file.write_text(text.format('naming = "snake_case"'))
    assert hub.apply(Project.load(file)) == ["plant"]
    assert hub.apply(Project.load(file)) == []
    assert hub.connections()[0].to_dict()["naming"] == "snake_case"
    assert "naming" not in hub.connection("plant").explain()
    file.write_text(text.format(""))
    assert hub.apply(Project.load(file)) == ["plant"]
    assert hub.connections()[0].naming == "exact"
    file.write_text(text.format('naming = "snake"'))
    with pytest.raises(sg.ConfigError, match=r"switchgear\.toml:3: .*must be one of exact, snake_case"):
        Project.load(file)
