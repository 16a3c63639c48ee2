"""Combinations of factors: all of them, or few that hold every pair of values of any two factors."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

Combination: TypeAlias = "dict[str, Any]"
Pair: TypeAlias = "frozenset[tuple[str, Any]]"

TRIED = 40
"""Candidates for each combination: more make the list shorter and its making longer."""


def full_product(
    factors: Mapping[str, Sequence[Any]], allowed: Callable[[Combination], bool] = lambda _: True
) -> list[Combination]:
    """Every combination that is allowed. The values must be hashable."""
    made = (dict(zip(factors, values, strict=True)) for values in itertools.product(*factors.values()))
    return [combination for combination in made if allowed(combination)]


def pairs_of(combination: Combination) -> set[Pair]:
    """The pairs of values that a combination holds."""
    return {frozenset(pair) for pair in itertools.combinations(combination.items(), 2)}


def pairwise(combinations: Sequence[Combination], rng: random.Random) -> list[Combination]:
    """Some of the combinations, in which every pair is that is in any of them; the next always holds many new ones."""
    known = [(combination, pairs_of(combination)) for combination in combinations]
    holders: dict[Pair, list[int]] = {}
    for number, (_, pairs) in enumerate(known):
        for pair in pairs:
            holders.setdefault(pair, []).append(number)
    open_pairs = list(holders)
    rng.shuffle(open_pairs)
    missing, chosen = set(open_pairs), []
    for pair in open_pairs:
        if pair in missing:
            candidates = [known[rng.choice(holders[pair])] for _ in range(TRIED)]
            combination, pairs = max(candidates, key=lambda candidate: len(candidate[1] & missing))
            missing -= pairs
            chosen.append(combination)
    return chosen
