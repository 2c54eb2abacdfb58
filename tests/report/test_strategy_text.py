"""Strategies in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from placer.plan.strategy import (
    CrossSite,
    CrossSiteMode,
    Recompute,
    RecomputeGranularity,
    Schedule,
    Strategy,
)
from placer.report.strategy_text import differences, recompute_text, strategy_line, zero_text

LLAMA = Strategy(tp=8, pp=16, vpp=8, dp=128, num_microbatches=16, dp_shard=128)
EXPERTS = Strategy(tp=2, ep=8, etp=1, pp=4, dp=16, num_microbatches=8, dp_shard=16)
SELECTIVE = Recompute(granularity=RecomputeGranularity.SELECTIVE, modules=("core_attn", "moe_act"))


def test_a_dense_strategy_as_people_write_it() -> None:
    assert strategy_line(LLAMA, has_experts=False) == (
        "tp8 cp1 pp16 vpp8 dp128, micro-batch 1 x 16, recompute none, ZeRO-1"
    )


def test_a_strategy_with_experts_names_their_degrees() -> None:
    assert strategy_line(EXPERTS, has_experts=True) == (
        "tp2 cp1 ep8 etp1 pp4 vpp1 dp16 edp4, micro-batch 1 x 8, recompute none, ZeRO-1"
    )


def test_what_is_unusual_is_said() -> None:
    odd = replace(
        EXPERTS,
        schedule=Schedule.DUAL_PIPE,
        sequence_parallel=False,
        cross_site=CrossSite(mode=CrossSiteMode.SYNC_DP, replicas=2),
    )
    assert strategy_line(odd, has_experts=True).endswith(
        "ZeRO-1, schedule dualpipe, no sequence parallelism, sync_dp over 2 sites"
    )


@pytest.mark.parametrize(
    ("recompute", "text"),
    [
        (Recompute(), "none"),
        (SELECTIVE, "selective (core_attn, moe_act)"),
        (Recompute(granularity=RecomputeGranularity.FULL, method="uniform", num_layers=1), "full"),
        (
            Recompute(granularity=RecomputeGranularity.FULL, method="block", num_layers=3),
            "full (3 layers per chunk)",
        ),
    ],
)
def test_recompute(recompute: Recompute, text: str) -> None:
    assert recompute_text(recompute) == text


def test_a_shard_group_smaller_than_the_replicas_is_said() -> None:
    assert zero_text(replace(LLAMA, zero_stage=3, dp_shard=32, dp_replicate=4)) == (
        "ZeRO-3 over 32 of 128 replicas"
    )


def test_what_follows_from_other_degrees_is_no_difference() -> None:
    other = replace(LLAMA, tp=4, dp=256, dp_shard=256, num_microbatches=8)
    assert differences(LLAMA, other) == ("tp 4 instead of 8",)


def test_replicas_are_the_difference_where_nothing_else_is() -> None:
    other = replace(LLAMA, dp=64, num_microbatches=32, dp_shard=64)
    assert differences(LLAMA, other) == ("8,192 GPUs instead of 16,384",)
    assert differences(LLAMA, LLAMA) == ()


def test_all_kinds_of_difference() -> None:
    other = replace(LLAMA, vpp=4, micro_batch_size=2, recompute=SELECTIVE, zero_stage=3)
    assert differences(LLAMA, other) == (
        "vpp 4 instead of 8",
        "micro-batch 2 instead of 1",
        "recompute selective (core_attn, moe_act) instead of none",
        "ZeRO-3 instead of ZeRO-1",
    )
