"""Traffic between replicas and what hides it, by what the software of a run does."""

from __future__ import annotations

import pytest
from plan_samples import DENSE_MODEL, LAB

from placer.cost.constants import load_constants
from placer.cost.model import CostModel
from placer.plan.contiguous import contiguous_placement
from placer.plan.estimate import Breakdown
from placer.plan.layout import even_layout
from placer.plan.strategy import Strategy
from placer.spec.model import ModelSpec
from placer.spec.run import Features, GradientRecipe, RunSpec
from placer.topology.build import build_topology

TOPOLOGY = build_topology(LAB)


def breakdown(
    features: Features, *, tp: int = 1, zero_stage: int = 1, model: ModelSpec = DENSE_MODEL
) -> Breakdown:
    dp = 16 // tp
    strategy = Strategy(
        tp=tp,
        dp=dp,
        dp_shard=dp,
        zero_stage=zero_stage,
        num_microbatches=64 // dp,
        sequence_parallel=tp > 1,
    )
    cost = CostModel(
        model=model,
        topology=TOPOLOGY,
        run=RunSpec(global_batch_size=64, seq_len=4096, features=features),
        constants=load_constants(),
    )
    placement = contiguous_placement(strategy, even_layout(model, 1, 1), TOPOLOGY)
    return cost.estimate(strategy, placement).breakdown


def test_backward_collectives_show_where_nothing_runs_beside_them() -> None:
    """Of five passes (two forward, three backward) two run beside products, or none."""
    hidden = load_constants().features.tp_backward_hidden
    beside = breakdown(Features(), tp=8).tp
    alone = breakdown(Features(tp_backward_overlap=False), tp=8).tp
    assert alone / beside == pytest.approx(5.0 / (5.0 - 2.0 * hidden), rel=1e-6)


def test_gradients_accumulated_apart_are_sent_in_full() -> None:
    full = breakdown(Features(dp_overlap=False, gradients=GradientRecipe.FP32)).dp
    accumulated = breakdown(Features(dp_overlap=False, gradients=GradientRecipe.ACCUMULATED)).dp
    narrow = breakdown(Features(dp_overlap=False, gradients=GradientRecipe.NARROW)).dp
    assert accumulated == pytest.approx(full)
    assert narrow < full


def test_sharded_weights_travel_layer_by_layer() -> None:
    """Twice the layers are twice the messages, on every micro-batch."""
    features = Features(dp_overlap=False)
    few = DENSE_MODEL.model_copy(update={"num_layers": DENSE_MODEL.num_layers // 2})
    once = breakdown(features, zero_stage=3, model=few).dp
    twice = breakdown(features, zero_stage=3).dp
    assert twice > 1.5 * once
    assert breakdown(features, zero_stage=1).dp < twice
