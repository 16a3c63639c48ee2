"""kill -9 and going on from the last token, while rows are added and changed.

What holds depends on what a listing is ordered by:

by key        cursors, links, page numbers, offsets, keysets over a key that never changes, with new rows at the end:
              each row that was there at the beginning comes exactly once, each that was added meanwhile at most once.
by time       windows of ChangedAt: a row that is changed moves to the end, so it comes at most once for each version
              that it had; one that is not changed comes exactly once.
changes       the rows changed since a watermark, by key and offset: a row that is changed before the place that was
              reached shifts the others, which then come again. None that was due at the beginning is left out.

In each of them every record that comes is, value by value, one that the source had at some time. And in all of them the
union, the last version of each key, is after one more reading of the changes since the first watermark the truth, value
by value: that watermark was taken before the first request, so what changed at any time meanwhile is read again.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from support.killing import Job, Story, Taken, go_on
from support.rest_descriptions import description
from support.seeds import dice, new_seed, soak_deadline, soak_rounds
from switchgear.sandbox import Sandbox

BY_KEY = ("cursor", "header", "post", "next_url", "link", "page", "page0", "offset", "keyset", "csv", "odata")
BY_TIME = ("window",)
DIVISIBLE = ("page", "page0", "offset", "window", "keyset")
FIRST_RECORDS = 400


@dataclass
class Plant:
    """A sandbox that changes, and everything that its rows ever were."""

    box: Sandbox
    rng: random.Random
    versions: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    quiet: bool = False
    changes: int = 0

    def __post_init__(self) -> None:
        for record in self.box.truth("WorkOrders"):
            self.versions[record["ID"]] = [record]

    @property
    def latest(self) -> datetime:
        """The watermark: no record is later."""
        moments: list[datetime] = [versions[-1]["ChangedAt"] for versions in self.versions.values()]
        return max(moments)

    def live_on(self, page: Taken) -> None:
        """Perhaps some rows are added, perhaps some are changed."""
        if self.quiet or not page.records:  # there are many windows in which nothing happened
            return
        for act, chance in ((self.box.grow, 0.3), (self.box.change, 0.5)):
            if self.rng.random() < chance:
                for record in act(self.rng.randint(1, 12)):
                    self.versions.setdefault(record["ID"], []).append(record)
                self.changes += 1

    def truth(self) -> dict[int, dict[str, Any]]:
        return {record["ID"]: record for record in self.box.truth("WorkOrders")}


def settings_of(style: str, box: Sandbox) -> tuple[str, dict[str, Any]]:
    if style == "odata":
        return "odata", {"id": "plant", "url": box.odata_url, "page_size": 0}
    return "rest", {"id": "plant", "url": box.rest_url, "description": description(style)}


def read_with_kills(plant: Plant, style: str, kills: int, pages: int, **options: Any) -> Story:
    """Reads some `pages` to the end, by one process after the other, each but the last killed at a random page."""
    connector, settings = settings_of(style, plant.box)
    story = Story()
    job = Job(connector, settings, "WorkOrders", options)
    while not story.ended:
        kill_after = plant.rng.randint(0, pages // kills) if story.kills < kills else None
        go_on(job, story, kill_after=kill_after, seen=plant.live_on)
    assert story.failures == []
    return story


def check_versions(plant: Plant, story: Story) -> Counter[int]:
    """Each record is one that the source had. How often each key came."""
    for record in story.records:
        assert record in plant.versions.get(record["ID"], []), f"the source never had {record}"
    return Counter(record["ID"] for record in story.records)


def apply(union: dict[int, dict[str, Any]], story: Story) -> None:
    """Puts each record in the place of the one with its key, if it is no older, as a destination does."""
    for record in story.records:
        known = union.get(record["ID"])
        if known is None or record["ChangedAt"] >= known["ChangedAt"]:
            union[record["ID"]] = record


def one_round(box: Sandbox, rng: random.Random) -> dict[str, Any]:
    """A whole reading, changes in between, and the last changes. Returns what was done."""
    plant = Plant(box, rng)
    style = rng.choice(BY_KEY + BY_TIME)
    options: dict[str, Any] = {"page_size": rng.randint(12, 90), "prefetch": rng.randint(0, 3)}
    if style in DIVISIBLE and rng.random() < 0.5:
        options |= {"parallel": rng.randint(2, 4), "ordered": rng.random() < 0.5}
    if style == "window":  # what was changed together comes together
        options["page_size"] = rng.randint(60, 120)
    told = {"style": style, **options, "kills": rng.randint(1, 3)}
    try:
        at_first = set(plant.versions)
        watermark = plant.latest

        pages = FIRST_RECORDS // options["page_size"]
        whole = read_with_kills(plant, style, told["kills"], pages, **options)
        came = check_versions(plant, whole)
        steady = {key for key in at_first if style not in BY_TIME or len(plant.versions[key]) == 1}
        assert steady - set(came) == set(), "rows that were there and are missing"
        for key, times in came.items():
            at_most = len(plant.versions[key]) if style in BY_TIME else 1
            assert times <= at_most, f"row {key} came {times} times"
        union: dict[int, dict[str, Any]] = {}
        apply(union, whole)

        due = {key for key, versions in plant.versions.items() if versions[-1]["ChangedAt"] >= watermark}
        since = read_with_kills(plant, style, 1, 1, modified_after=watermark, **options)
        assert due - set(check_versions(plant, since)) == set(), "changes that are missing"
        apply(union, since)

        plant.quiet = True
        last = read_with_kills(plant, style, 1, 1, modified_after=watermark, **options)
        came = check_versions(plant, last)
        assert set(came.values()) == {1}, "nothing changed any more, so nothing comes twice"
        apply(union, last)
        truth = plant.truth()
        assert union.keys() == truth.keys()
        for key, record in truth.items():
            assert union[key] == record
    except AssertionError as error:
        raise AssertionError(f"{error}\nin {told}") from error
    kills = whole.kills + since.kills + last.kills
    return {**told, "kills": kills, "changes": plant.changes, "records": len(truth)}


def run(rounds: int, capsys: pytest.CaptureFixture[str], time_is_up: Callable[[], bool] = lambda: False) -> None:
    seed = new_seed()
    print(f"SWITCHGEAR_SEED={seed}")
    rng, done = dice(seed), []
    for _ in range(rounds):
        if time_is_up():
            break
        with Sandbox(records=FIRST_RECORDS, process=True) as box:
            done.append(one_round(box, rng))
    with capsys.disabled():
        kills, changes = (sum(one[name] for one in done) for name in ("kills", "changes"))
        styles = len({one["style"] for one in done})
        print(
            f"\nkill and resume: {len(done)} of {rounds} rounds in {styles} styles, {kills} kills, "
            f"{changes} times rows were added or changed; SWITCHGEAR_SEED={seed}"
        )
    assert len(done) == rounds or time_is_up()
    assert kills >= 2 * len(done)
    assert changes >= len(done)


def test_20_rounds_of_kill_9_while_rows_are_added_and_changed(capsys: pytest.CaptureFixture[str]) -> None:
    run(20, capsys)


@pytest.mark.soak
def test_many_rounds_of_kill_9_while_rows_are_added_and_changed(capsys: pytest.CaptureFixture[str]) -> None:
    run(soak_rounds(200), capsys, soak_deadline())


def test_the_checks_can_fail() -> None:
    """On a record mixed of two, on a row that came twice, on a change that was missed."""
    with Sandbox(records=50) as box:
        plant = Plant(box, dice(1))
        story = Story()
        records = list(box.truth("WorkOrders"))
        story.pages = [Taken("", [{**records[0], "Title": records[1]["Title"]}])]
        with pytest.raises(AssertionError, match="never had"):
            check_versions(plant, story)
        story.pages = [Taken("", records), Taken("", records[:1])]
        assert check_versions(plant, story)[1] == 2
        union: dict[int, dict[str, Any]] = {}
        apply(union, story)
        assert union == plant.truth()
        box.change(5)
        assert union != plant.truth()
