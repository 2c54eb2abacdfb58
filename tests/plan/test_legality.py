"""The rules a strategy must meet, asked one by one and in batches."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_samples import DENSE_MODEL, MOE_MODEL, run_of

from placer.emit.megatron.rules import megatron_rules
from placer.plan.legality import prune, violations
from placer.plan.mathematics import ANY_FRAMEWORK
from placer.plan.strategy import (
    CrossSite,
    CrossSiteMode,
    Recompute,
    RecomputeGranularity,
    Schedule,
    Strategy,
    StrategyBatch,
)
from placer.spec.model import ModelSpec
from placer.spec.run import CudaGraph, Features, GradientRecipe, MoeDispatcher, Optimizer

MEGATRON = megatron_rules()
DENSE = Strategy(tp=4, pp=2, dp=2, num_microbatches=8, dp_shard=2)
EXPERTS = Strategy(tp=2, ep=8, pp=2, dp=8, num_microbatches=8, dp_shard=8)


def broken_rules(
    model: ModelSpec, strategy: Strategy, features: Features | None = None, **run: Any
) -> list[str]:
    spec = run_of(strategy, features, **run)
    return [found.rule for found in violations(MEGATRON, model, spec, strategy)]


def test_ordinary_strategies_break_no_rule() -> None:
    assert broken_rules(DENSE_MODEL, DENSE) == []
    assert broken_rules(MOE_MODEL, EXPERTS) == []


# Each row: what is changed, and the only rules it breaks.
@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({"tp": 3}, ["heads_over_tp", "ffn_over_tp", "megatron_kv_heads", "megatron_seq_over_tp"]),
        ({"dp_shard": 3}, ["shard_divides_dp", "shards_times_replicas"]),
        ({"ep": 2}, ["experts_need_moe"]),
        ({"cp": 3}, ["seq_over_cp", "megatron_seq_over_cp", "megatron_seq_over_tp"]),
        ({"vpp": 10, "schedule": Schedule.INTERLEAVED}, ["chunk_holds_something"]),
        ({"zero_stage": 3}, ["megatron_fsdp_without_pipeline"]),
        ({"num_microbatches": 1, "vpp": 2}, ["interleaved_microbatches"]),
        ({"pp": 1, "vpp": 2}, ["megatron_chunks_need_pipeline"]),
    ],
)
def test_one_change_breaks_its_rules(changes: dict[str, Any], rules: list[str]) -> None:
    strategy = replace(DENSE, **changes)
    if strategy.vpp > 1:
        strategy = replace(strategy, schedule=Schedule.INTERLEAVED)
    assert broken_rules(DENSE_MODEL, strategy) == rules


# Each row: a MoE strategy and run that one rule of Megatron-LM refuses.
@pytest.mark.parametrize(
    ("changes", "features", "run", "rule"),
    [
        ({"ep": 48, "dp": 48, "dp_shard": 48}, {}, {}, "experts_over_ep"),
        ({"sequence_parallel": False}, {}, {}, "megatron_moe_needs_sequence_parallel"),
        ({}, {"ep_overlap": True}, {}, "megatron_ep_overlap_needs_chunks"),
        ({"pp": 1}, {"ep_overlap": True}, {}, "megatron_ep_overlap_mtp"),
        ({"dp_shard": 1, "dp_replicate": 8}, {}, {}, "megatron_optimizer_instances"),
        ({}, {}, {"optimizer": Optimizer.ADAFACTOR}, "megatron_optimizer"),
        ({}, {"gradients": GradientRecipe.ACCUMULATED}, {}, "megatron_gradients"),
        (
            {"zero_stage": 0},
            {},
            {"optimizer": Optimizer.ADAM_BF16},
            "megatron_narrow_moments_need_sharding",
        ),
        (
            {"pp": 1, "zero_stage": 3},
            {},
            {"optimizer": Optimizer.MUON},
            "megatron_fsdp_optimizer",
        ),
    ],
)
def test_experts_and_optimizers(
    changes: dict[str, Any], features: dict[str, Any], run: dict[str, Any], rule: str
) -> None:
    strategy = replace(EXPERTS, **changes)
    assert broken_rules(MOE_MODEL, strategy, Features(**features), **run) == [rule]


FULL = Recompute(granularity=RecomputeGranularity.FULL, method="uniform", num_layers=1)


def test_full_recomputation_excludes_expert_overlap_and_partial_graphs() -> None:
    strategy = replace(EXPERTS, vpp=2, schedule=Schedule.INTERLEAVED, recompute=FULL)
    overlap = Features(ep_overlap=True)
    assert broken_rules(MOE_MODEL, strategy, overlap) == ["megatron_ep_overlap_recompute"]
    graph = Features(cuda_graph=CudaGraph.PARTIAL)
    assert broken_rules(MOE_MODEL, strategy, graph) == ["megatron_partial_graph_recompute"]
    assert broken_rules(MOE_MODEL, strategy) == []


def test_expert_overlap_needs_a_dispatcher_that_can() -> None:
    strategy = replace(EXPERTS, vpp=2, schedule=Schedule.INTERLEAVED)
    features = Features(ep_overlap=True, moe_dispatcher=MoeDispatcher.ALLGATHER)
    assert broken_rules(MOE_MODEL, strategy, features) == ["megatron_ep_overlap_dispatcher"]


# Each row: a recompute form, and whether Megatron-LM has it for a dense model.
@pytest.mark.parametrize(
    ("recompute", "legal"),
    [
        (Recompute(), True),
        (FULL, True),
        (replace(FULL, method=None), False),
        (replace(FULL, num_layers=None), False),
        (replace(FULL, modules=("mlp",)), False),
        (Recompute(granularity=RecomputeGranularity.SELECTIVE, modules=("core_attn",)), True),
        (Recompute(granularity=RecomputeGranularity.SELECTIVE), False),
        (Recompute(granularity=RecomputeGranularity.SELECTIVE, modules=("moe",)), False),
        (Recompute(granularity=RecomputeGranularity.SELECTIVE, modules=("mla_up_proj",)), False),
        (Recompute(modules=("mlp",)), False),
    ],
)
def test_forms_of_recomputation(recompute: Recompute, *, legal: bool) -> None:
    rules = broken_rules(DENSE_MODEL, replace(DENSE, recompute=recompute))
    assert rules == ([] if legal else ["megatron_recompute"])


def test_schedules_and_sites_megatron_has_not() -> None:
    bidirectional = replace(DENSE, schedule=Schedule.DUAL_PIPE)
    assert broken_rules(DENSE_MODEL, bidirectional) == ["megatron_schedule"]
    three = CrossSite(mode=CrossSiteMode.SYNC_DP, replicas=3)
    assert broken_rules(DENSE_MODEL, replace(DENSE, cross_site=three)) == ["sites_divide_dp"]
    sites = CrossSite(mode=CrossSiteMode.DILOCO, replicas=2, inner_steps=50)
    assert broken_rules(DENSE_MODEL, replace(DENSE, cross_site=sites)) == ["megatron_cross_site"]


def test_a_message_shows_the_arithmetic() -> None:
    strategy = replace(DENSE, tp=64)
    found = violations(ANY_FRAMEWORK, DENSE_MODEL, run_of(strategy), strategy)
    assert str(found[0]).startswith("heads_over_tp: num_attention_heads 16 % tp 64 = 16.")


def test_the_batch_must_multiply() -> None:
    run = run_of(DENSE, global_batch_size=17)
    (found,) = violations(ANY_FRAMEWORK, DENSE_MODEL, run, DENSE)
    expected = "micro_batch_size * num_microbatches * dp 16, global_batch_size 17"
    assert found.arithmetic == expected


def test_zero_degrees_are_refused_without_dividing_by_them() -> None:
    strategy = Strategy(tp=0, cp=0, ep=0, etp=0, pp=0, vpp=0, dp=0, dp_shard=0)
    run = run_of(DENSE)
    rules = [found.rule for found in violations(MEGATRON, DENSE_MODEL, run, strategy)]
    assert rules[0] == "degrees_positive"


def test_expert_biases_stay_whole() -> None:
    """Split experts with biases are refused by TransformerConfig."""
    biased = MOE_MODEL.model_copy(update={"mlp": MOE_MODEL.mlp.model_copy(update={"bias": True})})
    strategy = replace(EXPERTS, ep=4, etp=2)
    assert broken_rules(biased, strategy) == ["megatron_expert_bias"]
    assert broken_rules(MOE_MODEL, strategy) == []


@given(
    st.lists(
        st.builds(
            Strategy,
            tp=st.sampled_from((1, 2, 3, 4, 8)),
            cp=st.sampled_from((1, 2, 3)),
            ep=st.sampled_from((1, 2, 4, 6, 8)),
            etp=st.sampled_from((1, 2)),
            pp=st.sampled_from((1, 2, 3)),
            vpp=st.sampled_from((1, 2, 8)),
            dp=st.sampled_from((1, 2, 4, 8)),
            dp_shard=st.sampled_from((1, 2, 4, 8)),
            num_microbatches=st.sampled_from((1, 2, 4)),
            zero_stage=st.integers(0, 3),
            sequence_parallel=st.booleans(),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_batches_agree_with_single_strategies(strategies: list[Strategy]) -> None:
    """Counts by first broken rule, and the legal rows, are what asking one by one gives."""
    run = run_of(strategies[0])
    legal, pruned = prune(MEGATRON, MOE_MODEL, run, StrategyBatch.of(strategies))
    assert int(legal.sum()) + sum(pruned.values()) == len(strategies)
    rules = replace(MEGATRON, choice_rules=())
    single = [violations(rules, MOE_MODEL, run, strategy) for strategy in strategies]
    np.testing.assert_array_equal(legal, [not found for found in single])
    for name, count in pruned.items():
        assert count == sum(bool(found) and found[0].rule == name for found in single)
