from __future__ import annotations

import pytest
from scene_samples import pipeline, scene_of

from placer.plan.strategy import Strategy
from placer.simulate.engine import simulate_step
from placer.simulate.variation import Variation, percentiles, sampled_steps

PIPELINE = pipeline(4, 8)
SCENE = scene_of(PIPELINE)
REPLICATED = Strategy(pp=4, dp=16, tp=8, dp_shard=16, num_microbatches=8)


def test_nothing_varies_by_default() -> None:
    assert not Variation().varies
    assert not Variation(stragglers=3, slowdown=1.0).varies


def test_equal_seeds_give_equal_samples() -> None:
    variation = Variation(jitter=0.05, samples=5, seed=7)
    first = sampled_steps(SCENE, PIPELINE, variation)
    assert first == sampled_steps(SCENE, PIPELINE, variation)
    assert first != sampled_steps(SCENE, PIPELINE, Variation(jitter=0.05, samples=5, seed=8))
    assert list(first) == sorted(first)


def test_one_straggler_slows_its_stage() -> None:
    """The only replica; its stages 0 to 3 cost 12, 10.5, 9 and 7.5 s when slow."""
    planned = simulate_step(SCENE).step_time_s
    steps = sampled_steps(SCENE, PIPELINE, Variation(stragglers=1, slowdown=1.5, samples=20))
    assert {step - planned for step in steps} == {7.5, 9.0, 10.5, 12.0}


def test_more_replicas_wait_for_a_slower_one() -> None:
    variation = Variation(jitter=0.1, samples=12, seed=1)
    alone = sampled_steps(SCENE, PIPELINE, variation)
    many = sampled_steps(SCENE, REPLICATED, variation)
    assert many[6] > alone[6] > simulate_step(SCENE).step_time_s * 0.99


def test_percentiles_lie_between_samples() -> None:
    table = {p.share: p.step_time_s for p in percentiles((1.0, 2.0, 3.0, 4.0, 5.0))}
    assert table[0.5] == 3.0
    assert table[0.25] == 2.0
    assert table[0.05] == pytest.approx(1.2)
    assert table[0.99] == pytest.approx(4.96)
