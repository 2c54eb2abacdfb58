"""The cost model as a whole: identities, guards against holes, scalar and vectorised alike."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cost_samples import cost_model, estimate_of, placed, small_topology
from hypothesis import given, settings
from hypothesis import strategies as st
from plan_samples import DENSE_MODEL, MOE_MODEL

from placer.cost.spans import contiguous_spans
from placer.plan.strategy import (
    Recompute,
    RecomputeGranularity,
    Schedule,
    Strategy,
    StrategyBatch,
)
from placer.spec.model import ModelSpec
from placer.spec.run import CudaGraph, Features

DENSE_STRATEGIES = [
    Strategy(tp=8, pp=1, dp=8, num_microbatches=8, dp_shard=8),
    Strategy(tp=4, pp=4, dp=4, num_microbatches=16, dp_shard=4),
    Strategy(tp=2, cp=2, pp=2, dp=8, num_microbatches=8, dp_shard=8),
    Strategy(tp=2, pp=4, vpp=2, dp=8, num_microbatches=8, dp_shard=8),
]
MOE_STRATEGIES = [
    Strategy(tp=1, ep=8, pp=1, dp=64, num_microbatches=1, dp_shard=64),
    Strategy(tp=2, ep=16, pp=2, dp=16, num_microbatches=4, dp_shard=16),
    Strategy(tp=4, ep=4, etp=4, pp=1, dp=16, num_microbatches=4, dp_shard=16),
]
CASES = [(DENSE_MODEL, s) for s in DENSE_STRATEGIES] + [(MOE_MODEL, s) for s in MOE_STRATEGIES]


@pytest.mark.parametrize(("model", "strategy"), CASES)
def test_breakdown_sums_to_the_step(model: ModelSpec, strategy: Strategy) -> None:
    estimate = estimate_of(model, strategy)
    assert estimate.breakdown.total_s == pytest.approx(estimate.step_time_s, rel=1e-12)
    assert len(estimate.memory) == strategy.pp
    assert 0.0 < estimate.mfu <= estimate.hfu < 1.0


@pytest.mark.parametrize(
    ("model", "strategies"), [(DENSE_MODEL, DENSE_STRATEGIES), (MOE_MODEL, MOE_STRATEGIES)]
)
def test_scalar_and_vectorised_paths_are_one(model: ModelSpec, strategies: list[Strategy]) -> None:
    costs = cost_model(model)
    levels = costs.topology.levels
    together = StrategyBatch.of(strategies)
    many = costs.coefficients(together, contiguous_spans(together, levels))
    for row, strategy in enumerate(strategies):
        alone = StrategyBatch.of([strategy])
        one = costs.coefficients(alone, contiguous_spans(alone, levels))
        np.testing.assert_allclose(many.time_s[row], one.time_s[0], rtol=1e-12)
        np.testing.assert_allclose(many.dp_s[row], one.dp_s[0], rtol=1e-12)
        np.testing.assert_allclose(many.activation_bytes[row], one.activation_bytes[0], rtol=1e-12)


@pytest.mark.parametrize(("model", "strategy"), CASES)
def test_full_recompute_trades_time_for_memory(model: ModelSpec, strategy: Strategy) -> None:
    again = replace(strategy, recompute=Recompute(granularity=RecomputeGranularity.FULL))
    kept, recomputed = estimate_of(model, strategy), estimate_of(model, again)
    assert recomputed.step_time_s > kept.step_time_s
    assert recomputed.breakdown.recompute > 0.0
    assert max(m.activations_bytes for m in recomputed.memory) <= max(
        m.activations_bytes for m in kept.memory
    )
    assert recomputed.mfu < kept.mfu


@settings(max_examples=20)
@given(
    case=st.sampled_from(CASES),
    nic=st.floats(10.0, 800.0),
    link=st.floats(50.0, 2000.0),
    factor=st.floats(1.0, 4.0),
)
def test_more_bandwidth_is_never_slower(
    case: tuple[ModelSpec, Strategy], nic: float, link: float, factor: float
) -> None:
    model, strategy = case
    slow = small_topology(nic_gbit_per_s=nic, link_gbyte_per_s=link)
    fast = small_topology(nic_gbit_per_s=nic * factor, link_gbyte_per_s=link * factor)
    before = estimate_of(model, strategy, topology=slow).step_time_s
    after = estimate_of(model, strategy, topology=fast).step_time_s
    assert after <= before * (1 + 1e-9)


@pytest.mark.parametrize(("model", "strategy"), CASES)
def test_smaller_domains_are_never_faster(model: ModelSpec, strategy: Strategy) -> None:
    """The same groups over a slower level cost at least as much."""
    wide = estimate_of(model, strategy, topology=small_topology(domain=8))
    narrow = estimate_of(model, strategy, topology=small_topology(domain=4))
    assert narrow.step_time_s >= wide.step_time_s * (1 - 1e-9)


def test_tensor_parallel_overlap_does_not_reach_beyond_the_domain() -> None:
    features = Features(tp_comm_overlap=True)
    strategy = Strategy(tp=16, pp=1, dp=4, num_microbatches=16, dp_shard=4)
    with_overlap = estimate_of(DENSE_MODEL, strategy, features=features)
    without = estimate_of(DENSE_MODEL, strategy)
    assert with_overlap.breakdown.tp == pytest.approx(without.breakdown.tp)


def test_the_host_is_a_floor_that_graphs_remove() -> None:
    strategy = Strategy(tp=8, pp=1, dp=8, num_microbatches=8, dp_shard=8)
    eager = estimate_of(DENSE_MODEL, strategy, seq_len=128)
    captured = estimate_of(
        DENSE_MODEL, strategy, seq_len=128, features=Features(cuda_graph=CudaGraph.FULL)
    )
    assert captured.breakdown.compute < 0.5 * eager.breakdown.compute


def test_sharding_more_saves_memory() -> None:
    base = Strategy(tp=1, pp=1, dp=64, num_microbatches=1, dp_shard=64, zero_stage=0)
    totals = [
        estimate_of(DENSE_MODEL, replace(base, zero_stage=stage)).memory[0].total_bytes
        for stage in (0, 1, 2, 3)
    ]
    assert totals == sorted(totals, reverse=True)


def test_optimizer_states_are_sharded_over_data_and_context_ranks() -> None:
    """12 bytes per parameter over dp * cp for dense parameters (distributed optimizer)."""
    wide = estimate_of(DENSE_MODEL, Strategy(tp=1, cp=2, dp=32, num_microbatches=2, dp_shard=32))
    alone = estimate_of(
        DENSE_MODEL, Strategy(tp=1, cp=2, dp=32, num_microbatches=2, dp_shard=32, zero_stage=0)
    )
    assert alone.memory[0].optimizer_bytes == pytest.approx(64 * wide.memory[0].optimizer_bytes)


@pytest.mark.parametrize(("model", "strategy"), CASES)
def test_placement_says_what_is_costed(model: ModelSpec, strategy: Strategy) -> None:
    """Axis levels written in the placement give the spans the vectorised path assumed."""
    placement = placed(model, strategy, small_topology())
    degrees = {a.axis: int(np.prod(list(a.levels.values()))) for a in placement.axis_levels}
    assert degrees["tp"] == strategy.tp
    assert degrees["ep"] >= strategy.ep


def test_schedules_trade_bubble_for_memory() -> None:
    plain = Strategy(tp=2, pp=8, dp=4, num_microbatches=16, dp_shard=4)
    usual = estimate_of(DENSE_MODEL, plain)
    zero = estimate_of(DENSE_MODEL, replace(plain, schedule=Schedule.ZERO_BUBBLE))
    dual = estimate_of(DENSE_MODEL, replace(plain, schedule=Schedule.DUAL_PIPE))
    assert dual.breakdown.bubble < zero.breakdown.bubble < usual.breakdown.bubble
    assert zero.memory == usual.memory
    assert dual.memory[-1].weights_bytes == 2 * usual.memory[-1].weights_bytes
    assert dual.memory[-1].activations_bytes > usual.memory[-1].activations_bytes
