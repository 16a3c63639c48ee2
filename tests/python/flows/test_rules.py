"""Rules make events of what a sync brings, once for each version of a record, whatever crashes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import switchgear as sg
from support.rule_process import syncing_with_rule
from switchgear.sandbox import Sandbox

LEASE = 2.0  # a busy machine must be able to keep it
URGENT = "Priority = 1 AND Status = 'OPEN'"


@pytest.fixture
def plant(store: str, box: Sandbox, tmp_path: Path) -> sg.Hub:
    """A hub whose `plant` syncs work orders into DuckDB."""
    return hub_of(store, box, tmp_path)


def hub_of(store: str, box: Sandbox, folder: Path, **options: Any) -> sg.Hub:
    hub = sg.Hub(store)
    options = {"cursor": "ChangedAt", "page_size": 20, "commit_rows": 20, **options}
    destination = f"duckdb:///{folder}/landed.duckdb"
    hub.add("plant", "odata", {"url": box.odata_url}, destination=destination, entities={"WorkOrders": options})
    return hub


def urgent_of(box: Sandbox) -> list[int]:
    return sorted(row["ID"] for row in box.truth("WorkOrders") if (row["Priority"], row["Status"]) == (1, "OPEN"))


def told(hub: sg.Hub, type: str = "workorder.urgent") -> list[int]:
    """The keys of the events there are, each as often as it is there."""
    return sorted(event.data["key"]["ID"] for event in hub.events.list(type=type, limit=10_000))


def test_a_rule_fires_once_for_each_version(plant: sg.Hub, box: Sandbox) -> None:
    rule = plant.rule("plant", "WorkOrders", when=URGENT, event="workorder.urgent")
    assert plant.rules() == [rule]
    assert plant.sync("plant").status == "completed"
    urgent = urgent_of(box)
    assert len(urgent) > 1
    assert told(plant) == urgent
    event = plant.events.list(type="workorder.urgent")[0]
    assert (event.connection_id, event.data["entity"], event.data["rule"]) == (
        "plant",
        "WorkOrders",
        "workorder.urgent",
    )
    assert event.data["record"]["Priority"] == 1
    assert event.data["key"] == {"ID": event.data["record"]["ID"]}

    plant.sync("plant", full=True)
    assert told(plant) == urgent, "the same versions, read again"
    box.change(40)
    plant.sync("plant")
    both = [*urgent, *(row["ID"] for row in box.truth("WorkOrders") if row["ID"] in set(urgent_of(box)))]
    now = told(plant)
    assert set(now) >= set(urgent)
    assert len(now) <= len(both)
    versions = {
        (event.data["key"]["ID"], event.data["record"]["ChangedAt"])
        for event in plant.events.list(limit=10_000)
        if event.type == "workorder.urgent"
    }
    assert len(versions) == len(now), "one for each version"
    changed = {row["ID"] for row in box.truth("WorkOrders")} & set(urgent_of(box))
    assert changed <= set(now)


def test_functions_of_records_and_of_batches_judge_alike(plant: sg.Hub, box: Sandbox) -> None:
    def is_urgent(record: dict[str, Any]) -> bool:
        return bool(record["Priority"] == 1 and record["Status"] == "OPEN")

    def are_urgent(batch: pa.RecordBatch) -> list[bool]:
        return [is_urgent(record) for record in batch.to_pylist()]

    plant.rule("plant", "WorkOrders", when=URGENT, event="urgent.sql")
    plant.rule("plant", "WorkOrders", when=is_urgent, event="urgent.dict")
    plant.rule("plant", "WorkOrders", when=are_urgent, event="urgent.batch")
    plant.rule("plant", "WorkOrders", when="priority = 1 and lower(status) = 'open'", event="urgent.sql", name="again")
    assert plant.sync("plant").raise_for_error().status == "completed"
    urgent = urgent_of(box)
    assert told(plant, "urgent.dict") == told(plant, "urgent.batch") == urgent
    assert told(plant, "urgent.sql") == sorted(urgent * 2), "two rules, two events"


def test_a_rule_without_a_cursor_knows_versions_by_their_content(store: str, box: Sandbox, tmp_path: Path) -> None:
    hub = sg.Hub(store)
    destination = f"duckdb:///{tmp_path}/landed.duckdb"
    hub.add(
        "plant", "odata", {"url": box.odata_url}, destination=destination, entities={"Vendors": {"mode": "replace"}}
    )
    hub.rule("plant", "Vendors", when=lambda record: True, event="vendor.seen")
    count = box.count("Vendors")
    for _ in range(2):
        assert hub.sync("plant").status == "completed"
        assert len(hub.events.list(type="vendor.seen")) == count


@pytest.mark.parametrize("place", ["before_commit", "after_commit", "after_progress"])
def test_a_crash_around_a_commit_neither_loses_nor_doubles(
    store: str, box: Sandbox, tmp_path: Path, place: str, until: Callable[[Callable[[], bool]], None]
) -> None:
    hub = hub_of(store, box, tmp_path)
    process, here = syncing_with_rule(store, LEASE, URGENT, place, 3)
    assert here.recv() == "ready"
    process.join(60)
    assert process.exitcode == -9
    early = told(hub)
    assert early == sorted(set(early))
    assert len(early) < len(urgent_of(box))
    until(lambda: hub.runs("plant")[0].status == "failed")
    hub.rule("plant", "WorkOrders", when=URGENT, event="workorder.urgent")
    assert hub.sync("plant").raise_for_error().status == "completed"
    assert told(hub) == urgent_of(box)


def test_what_a_crash_left_staged_is_recorded_by_a_process_without_the_rule(
    store: str, box: Sandbox, tmp_path: Path, until: Callable[[Callable[[], bool]], None]
) -> None:
    hub = hub_of(store, box, tmp_path, commit_rows=10_000)
    process, here = syncing_with_rule(store, LEASE, URGENT, "after_commit", 1)
    assert here.recv() == "ready"
    process.join(60)
    assert process.exitcode == -9
    assert told(hub) == []
    until(lambda: hub.runs("plant")[0].status == "failed")
    assert hub.sync("plant").status == "completed"
    assert told(hub) == urgent_of(box)


def test_a_rule_that_can_not_be_judged_fails_the_entity_and_loses_nothing(plant: sg.Hub, box: Sandbox) -> None:
    broken = True

    def picky(record: dict[str, Any]) -> bool:
        if broken and record["Priority"] == 1:
            raise KeyError("Nope")
        return bool(record["Priority"] == 1 and record["Status"] == "OPEN")

    plant.rule("plant", "WorkOrders", when=picky, event="workorder.urgent")
    run = plant.sync("plant")
    assert run.error is not None
    assert (run.status, run.error.code) == ("failed", "config.rule")
    for part in ("'workorder.urgent' on plant/WorkOrders", "KeyError: 'Nope'", "test_rules.py:"):
        assert part in run.error.message
    broken = False
    assert plant.sync("plant").status == "completed"
    assert told(plant) == urgent_of(box)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"when": "Priority = = 1"}, "syntax error"),
        ({"when": " "}, "when is ' '"),
        ({"when": "1 = 1); drop table records; select (1"}, "Only SELECT"),
        ({"when": 1}, "when is 1"),
        ({"event": "Urgent"}, "event is 'Urgent'"),
    ],
)
def test_a_rule_that_can_not_be_meant_is_refused_when_it_is_made(
    quick: sg.Hub, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(sg.ConfigError, match=said) as refused:
        quick.rule("plant", "WorkOrders", **{"when": "Priority = 1", "event": "workorder.urgent", **options})
    assert refused.value.code in ("config.rule", "config.event")
    assert quick.rules() == []


def test_a_name_is_given_once_for_an_entity(quick: sg.Hub) -> None:
    quick.rule("plant", "WorkOrders", when="Priority = 1", event="workorder.urgent")
    quick.rule("plant", "WorkOrders", when="Priority = 1", event="workorder.urgent")  # the same again
    quick.rule("plant", "Parts", when="Priority = 2", event="workorder.urgent")
    with pytest.raises(sg.Conflict, match=r"there is a rule 'workorder.urgent' on plant/WorkOrders"):
        quick.rule("plant", "WorkOrders", when="Priority = 2", event="workorder.urgent")
    assert [json.dumps(rule.to_dict()) for rule in quick.rules()]


def test_a_field_that_there_is_not_is_named_with_the_nearest(plant: sg.Hub) -> None:
    plant.rule("plant", "WorkOrders", when="Priorty = 1", event="workorder.urgent")
    run = plant.sync("plant")
    assert run.error is not None
    assert run.error.code == "config.rule"
    assert "no field 'Priorty'" in run.error.message
    assert "did you mean 'Priority'" in run.error.hint
