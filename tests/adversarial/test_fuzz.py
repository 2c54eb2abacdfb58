"""A short run of what ``fuzz.py`` does for ten minutes a parser: damaged files never break one."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from adversarial.mutation import mutated
from adversarial.shipped import SHIPPED, outcome
from adversarial.targets import TARGETS

COUNT = 40
SEED = 20


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_are_accepted(name: str, tmp_path: Path) -> None:
    """Else mutations would start from what is refused at once."""
    target = TARGETS[name]
    accepted = [target.survives(seed, tmp_path) for seed in target.seeds()]
    assert any(accepted)


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_files_are_read_or_refused(name: str, tmp_path: Path) -> None:
    target = TARGETS[name]
    source = random.Random(f"{SEED} {name}")
    seeds = target.seeds()
    for _ in range(COUNT):
        target.survives(mutated(source.choice(seeds), source, seeds), tmp_path)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_files_with_wounds_are_used_or_refused(name: str, tmp_path: Path) -> None:
    """The head of ``mutate.py --count 100000``; ``outcome`` judges what is said and what is used."""
    shipped, texts = SHIPPED[name], SHIPPED[name].texts()
    source = random.Random(f"{SEED} {name}")
    found = [
        outcome(name, shipped.mutate(source.choice(texts), source), tmp_path)
        for _ in range(COUNT // 2)
    ]
    assert {"accepted", "refused"} <= set(found)
