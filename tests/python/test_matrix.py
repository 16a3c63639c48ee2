"""The same records in every paging style, page size, fault, read ahead or not, side by side or not, killed or not.

No record may be missing and none may come twice: what a killed process reported and what its successor reads from the
last token are together exactly the records of the source, value by value. `make test` tries every pair of values of
any two factors on some hundred records, `make soak` the whole product on 50,000 (SECONDS bounds it), where the faults
are all of them in one listing or none: each core reads one of the combinations at a time.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import pytest

import switchgear as sg
from support.killing import Job, Story, go_on
from support.pairwise import Combination, full_product, pairs_of, pairwise
from support.rest_descriptions import STYLES, description, in_key_order
from support.seeds import dice, new_seed, soak_deadline
from switchgear.sandbox import Fault, Sandbox

DIVISIBLE = {"page", "page0", "offset", "window", "keyset"}
FAULTS: dict[str, list[Fault]] = {
    "none": [],
    "429": [Fault("rate_limit", every=5, retry_after=0)],
    "503": [Fault("error", every=6, status=503)],
    "cut": [Fault("cut", every=7, fraction=0.7)],
    "reset": [Fault("cut", every=8, fraction=0.3, reset=True)],
    "latency": [Fault("latency", every=9, ms=4)],
}
# Rarer than each is alone: three of four requests come through.
ALL_FAULTS = [
    Fault("latency", every=23, ms=2),
    Fault("rate_limit", every=11, retry_after=0),
    Fault("error", every=13, status=503),
    Fault("cut", every=17, fraction=0.7),
    Fault("cut", every=19, fraction=0.3, reset=True),
]


class Sources:
    """Sandboxes by how many records they are to have, and their records."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self._boxes: dict[tuple[str, int], tuple[Sandbox, list[dict[str, Any]]]] = {}

    def box(self, entity: str, records: int) -> tuple[Sandbox, list[dict[str, Any]]]:
        key = (entity, records)
        if key not in self._boxes:
            # A sandbox has five times as many work orders as purchase orders.
            size = records if entity == "WorkOrders" else 5 * records
            box = self._stack.enter_context(Sandbox(records=size, process=True))
            truth = list(box.truth(entity))
            assert len(truth) == records
            self._boxes[key] = (box, truth)
        return self._boxes[key]


@pytest.fixture
def sources() -> Iterator[Sources]:
    with contextlib.ExitStack() as stack:
        yield Sources(stack)


def entity_of(style: str) -> str:
    """XML has no way to tell a list of one from a value."""
    return "PurchaseOrders" if style == "xml" else "WorkOrders"


def most_at_once(truth: list[dict[str, Any]]) -> int:
    """How many records share a second: no window of time, nor therefore a page of one, can be smaller."""
    return max(Counter(record["ChangedAt"].replace(microsecond=0) for record in truth).values())


def factors(rng: random.Random, faults: Iterable[str]) -> dict[str, list[Any]]:
    side_by_side = rng.randint(2, 6)
    return {
        "style": [*STYLES, "odata"],
        "page_size": [1, rng.randint(2, 30), rng.randint(31, 700), 1_000, 5_000],
        "fault": list(faults),
        "prefetch": [0, rng.randint(1, 5)],
        "parallel": [(1, True), (side_by_side, True), (side_by_side, False)],
        "kill": [False, True],
    }


def possible(ties: int) -> Callable[[Combination], bool]:
    def allowed(one: Combination) -> bool:
        if one["parallel"] != (1, True) and one["style"] not in DIVISIBLE:
            return False
        if one["style"] == "all" and one["page_size"] != 5_000:
            return False
        return one["style"] != "window" or bool(one["page_size"] >= ties)

    return allowed


def job_of(one: Combination, box: Sandbox) -> Job:
    style, (parallel, ordered) = one["style"], one["parallel"]
    # Every fifth request refused, of 50,000 that several send at once: six in a row are no rarity.
    retry = sg.Retry(attempts=14, base=0.0002, cap=0.001, quota=1_000_000)
    settings: dict[str, Any] = {"id": "plant", "retry": retry, "rate_limit": None}
    if style == "odata":
        settings |= {"url": box.odata_url, "page_size": 0}
    else:
        settings |= {"url": box.rest_url, "description": description(style)}
    options: dict[str, Any] = {"prefetch": one["prefetch"], "parallel": parallel, "ordered": ordered}
    if style != "all":
        options["page_size"] = one["page_size"]
    return Job("odata" if style == "odata" else "rest", settings, entity_of(style), options)


def read_through(one: Combination, box: Sandbox, records: int, rng: random.Random) -> Story:
    """Reads everything, killed at a random page if it is to be, and gone on with until the end."""
    box.set_faults(*(ALL_FAULTS if one["fault"] == "all" else FAULTS[one["fault"]]))
    job, story = job_of(one, box), Story()
    pages = -(-records // one["page_size"])
    kill_at = rng.randint(0, min(pages, 200) - 1) if one["kill"] else None
    while not story.ended:
        if story.kills > 0 and one["style"] != "all" and rng.random() < 0.5:  # with other wishes than before
            sizes = {"page_size": rng.choice([200, 777, 5_000]), "prefetch": rng.randint(0, 3)}
            job = replace(job, options={**job.options, **sizes})
        before = len(story.pages), story.kills
        due = kill_at is not None and story.kills == 0
        go_on(job, story, kill_after=max(0, kill_at - len(story.pages)) if kill_at is not None and due else None)
        assert story.ended or (len(story.pages), story.kills) > before, "it goes on by a page each time"
    assert story.failures == []
    return story


def check(one: Combination, story: Story, truth: list[dict[str, Any]]) -> None:
    got = story.records
    if one["style"] != "window" and one["parallel"][1]:
        assert got == truth, "the records, in the source's order"
    assert in_key_order(got, entity_of(one["style"])) == truth


def try_one(one: Combination, sources: Sources, number: int, rng: random.Random) -> Counter[str]:
    """Reads it, and counts what was done."""
    box, truth = sources.box(entity_of(one["style"]), number)
    story = read_through(one, box, number, rng)
    check(one, story, truth)
    return Counter(combinations=1, kills=story.kills, pages=len(story.pages))


def told(done: Counter[str], of: int, seed: int) -> str:
    return (
        f"\nmatrix: {done['combinations']:,} of {of:,} combinations, {done['kills']:,} kills, {done['pages']:,} pages; "
        f"SWITCHGEAR_SEED={seed}"
    )


@pytest.mark.timeout(600)
def test_every_pair_of_style_size_fault_prefetch_parallel_and_kill(
    sources: Sources, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = new_seed()
    print(f"SWITCHGEAR_SEED={seed}")
    rng = dice(seed)

    def records(one: Combination) -> int:
        return 150 if one["page_size"] == 1 else 1_200

    ties = most_at_once(sources.box("WorkOrders", 1_200)[1])
    everything = full_product(factors(rng, FAULTS), possible(ties))
    chosen = pairwise(everything, rng)
    assert set().union(*map(pairs_of, chosen)) == set().union(*map(pairs_of, everything))
    done: Counter[str] = Counter()
    for one in chosen:
        print(f"next: {one}")
        done += try_one(one, sources, records(one), rng)
    assert done["combinations"] == len(chosen)
    assert done["kills"] >= 20
    with capsys.disabled():
        print(told(done, len(everything), seed))


def read_some(work: Any, verdicts: Any) -> None:
    """What a process of the soak does: combinations from one queue, what became of them into another."""
    with contextlib.ExitStack() as stack:
        sources = Sources(stack)
        for number, one, seed in iter(work.get, None):
            try:
                done, failure = try_one(one, sources, 50_000, dice(seed)), ""
            except BaseException:  # the others are to be read all the same
                done, failure = Counter(), traceback.format_exc()
            verdicts.put((number, one, done, failure))


@contextlib.contextmanager
def readers(count: int) -> Iterator[tuple[Any, Any]]:
    """Processes that read combinations, and the queues to and from them."""
    spawning = multiprocessing.get_context("spawn")
    work, verdicts = spawning.Queue(), spawning.Queue()
    processes = [spawning.Process(target=read_some, args=(work, verdicts)) for _ in range(count)]
    for process in processes:
        process.start()
    try:
        yield work, verdicts
        for process in processes:
            work.put(None)
            process.join(60)
    finally:
        for process in processes:
            process.kill()


@pytest.mark.soak
def test_the_whole_product_on_50_000_records(sources: Sources, capsys: pytest.CaptureFixture[str]) -> None:
    seed, time_is_up = new_seed(), soak_deadline()
    rng = dice(seed)
    ties = most_at_once(sources.box("WorkOrders", 50_000)[1])
    everything = full_product(factors(rng, ["none", "all"]), possible(ties))
    rng.shuffle(everything)
    done: Counter[str] = Counter()
    failed: list[str] = []
    cores = os.cpu_count() or 1
    with capsys.disabled(), readers(cores) as (work, verdicts):
        print(f"\nmatrix: {len(everything):,} combinations, SWITCHGEAR_SEED={seed}", flush=True)
        begun = ended = 0
        while ended < begun or (begun < len(everything) and not time_is_up()):
            while begun < len(everything) and begun - ended < cores and not time_is_up():
                work.put((begun, everything[begun], seed + begun))
                begun += 1
            number, one, counts, failure = verdicts.get(timeout=1800)
            ended += 1
            done += counts
            if failure:
                failed.append(f"{one} (number {number})\n{failure}")
                print(f"\nmatrix: FAILED {failed[-1]}", flush=True)
            if ended % 50 == 0:
                print(told(done, len(everything), seed), flush=True)
        print(told(done, len(everything), seed))
    assert failed == []
    assert done["combinations"] == len(everything) or time_is_up()
