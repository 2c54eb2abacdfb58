"""Bounds and choices where accelerator generations differ."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search_samples import cost_model, costing, dense_model, fastest_s, instance, mixed_topology

from placer.emit.megatron.rules import megatron_rules
from placer.plan.layout import even_layout
from placer.plan.placing import placement_of
from placer.plan.ranks import gpu_of_rank
from placer.plan.strategy import Strategy, StrategyBatch
from placer.search.cpsat.model import SolveLimits, solve
from placer.search.find import find
from placer.search.generations import fastest_first, fewest_gpus, mix_of, stage_kinds
from placer.search.options import SearchOptions
from placer.search.primal import best_assignment
from placer.search.relaxation import pooled

EXACT = SolveLimits(gap=0.0, deterministic=60.0, seconds=None, seed=0, workers=1)


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    generations=st.sampled_from([(0, 1), (1, 0), (0, 1, 0), (0, 1, 2)]),
    one_pod=st.booleans(),
    cells=st.integers(1, 2),
)
def test_no_placement_beats_the_pooled_problem(
    seed: int, generations: tuple[int, ...], one_pod: bool, cells: int
) -> None:
    pods = (5, 4, 3)[: len(generations)]
    together = (0,) * len(pods) if one_pod else ()
    question = instance(
        pp=2,
        num_body=4,
        cells=cells,
        pods=pods,
        seed=seed,
        generations=generations,
        part_pod=together,
    )
    best = fastest_s(question)
    bound = solve(
        pooled(question), critical_s=0.05, lower_s=0.05, upper_s=1e4, hint=None, limits=EXACT
    )
    assert bound.bound_s <= best * (1 + 1e-9)
    found = best_assignment(question)
    assert (found is None) == np.isinf(best)


def test_faster_generations_come_first_and_join_for_nothing() -> None:
    question = costing(dense_model(8), mixed_topology())
    names = [question.topology.accelerators[g].key for g in question.order]
    assert names == ["h100_sxm", "a100_80g_sxm"]
    batch = StrategyBatch.of([Strategy(tp=8, pp=2, dp=2, num_microbatches=32, dp_shard=2)])
    ones = np.ones(1, dtype=np.int64)
    costs = question.costs(batch, question.spans(batch, ones, ones))
    assert stage_kinds(costs, (80e9, 80e9)) == ((0,), (0, 1))
    assert stage_kinds(costs, (70e9, 80e9)) == ((0,), (1,), (0, 1))
    assert stage_kinds(costs[:1], (80e9,)) == ((0,),)


def test_what_fast_stages_spare_bounds_the_sum() -> None:
    """Of four stages one is fast; it spares what it does in its time, as long as there is work."""
    question = costing(dense_model(8), mixed_topology())
    batch = StrategyBatch.of([Strategy(tp=8, pp=4, num_microbatches=64)])
    ones = np.ones(1, dtype=np.int64)
    costs = question.costs(batch, question.spans(batch, ones, ones))
    mix = mix_of(costs, np.array([[1]]), question.units.num_body)
    fast = costs[0].time_s[0] @ np.array([8.0, 1.0, 1.0])
    slow = costs[1].time_s[0] @ np.array([8.0, 1.0, 1.0])
    assert mix.slow_s[0, 0] == pytest.approx(slow)
    total = mix.total_s(np.array([fast]), np.array([0.0]))
    assert total[0] == pytest.approx(slow)
    assert fast < mix.total_s(np.array([fast]), np.array([0.1 * fast]))[0] < slow
    assert mix.total_s(np.array([fast]), np.array([10 * slow]))[0] == pytest.approx(fast)
    mean = mix.mean_stage_s(np.array([fast]), np.zeros(1), np.array([4]))[0]
    assert fast / 4 < mean < slow / 4


def test_few_gpus_are_counted_by_what_they_do() -> None:
    """16 H100 (989 TFLOP/s) beside 16 A100 (312): half the peak is eleven H100."""
    model = cost_model(dense_model(8), mixed_topology())
    order = fastest_first(model)
    assert fewest_gpus(model, order, 32, 0.5) == 11
    assert fewest_gpus(model, order, 32, 1.0) == 32
    assert fewest_gpus(model, order, 16, 0.5) == 8
    assert fewest_gpus(model, order, 32, 0.0) == 0


def test_slow_stages_take_fewer_layers() -> None:
    """Two stages, one per generation: layers go by speed, and even ones would lose a quarter."""
    topology = mixed_topology(2, 2)
    question = cost_model(dense_model(24, hidden_size=4096), topology)
    fix = {"pp": 2, "tp": 8, "dp": 2, "vpp": 1, "micro_batch_size": 1, "recompute": 2}
    options = SearchOptions(fix=fix, top=1)
    found = find(question, rules=megatron_rules(), options=options).best
    strategy, gpu = found.strategy, gpu_of_rank(found.strategy, found.placement)
    layers = {}
    for stage, stage_gpu in enumerate(gpu.reshape(2, -1)):
        (generation,) = set(topology.domain_generation[topology.domain_of(stage_gpu)].tolist())
        held = [c.num_layers for c in found.placement.pipeline_layout.chunks if c.stage == stage]
        layers[topology.accelerators[generation].key] = sum(held)
    assert layers["h100_sxm"] > 1.8 * layers["a100_80g_sxm"]
    even = placement_of(strategy, even_layout(question.model, 2, 1), topology, gpu)
    gain = question.estimate(strategy, even).step_time_s / found.estimate.step_time_s
    assert gain > 1.25
