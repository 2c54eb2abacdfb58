"""Memory that depends on when things live, and on who lays them out."""

from __future__ import annotations

import numpy as np
import pytest
from plan_samples import DENSE_MODEL

from placer.cost.constants import load_constants
from placer.cost.memory import allocatable_bytes, beside_gradients, logits_bytes
from placer.plan.strategy import Strategy, StrategyBatch
from placer.spec.accelerator import load_accelerator
from placer.spec.run import Allocator, Features
from placer.workload.operators import Shard

MEMORY = load_constants().memory
ACTIVATIONS, GRADIENTS = np.array([10.0]), np.array([4.0])


def batch(*, zero_stage: int, num_microbatches: int) -> StrategyBatch:
    strategy = Strategy(dp=8, zero_stage=zero_stage, num_microbatches=num_microbatches)
    return StrategyBatch.of((strategy,))


@pytest.mark.parametrize(
    ("zero_stage", "num_microbatches", "kept"),
    [(3, 1, 6.0), (3, 2, 10.0), (1, 1, 10.0)],
    ids=["gradients follow activations", "gradients are there already", "buffers are there always"],
)
def test_gradients_of_one_sharded_micro_batch_take_the_room_of_activations(
    zero_stage: int, num_microbatches: int, kept: float
) -> None:
    rows = batch(zero_stage=zero_stage, num_microbatches=num_microbatches)
    assert beside_gradients(ACTIVATIONS, GRADIENTS, rows) == pytest.approx(kept)


def test_an_item_holds_at_least_its_gradients() -> None:
    rows = batch(zero_stage=3, num_microbatches=1)
    assert beside_gradients(GRADIENTS, ACTIVATIONS, rows) == pytest.approx(0.0)


def test_only_what_a_compiler_plans_does_not_fragment() -> None:
    part = load_accelerator("h100_sxm")
    room = part.hbm_usable_bytes - MEMORY.context_bytes
    assert allocatable_bytes(part, Allocator.PLANNED, MEMORY) == pytest.approx(room)
    for allocator in (Allocator.EXPANDABLE, Allocator.CACHING):
        limit = allocatable_bytes(part, allocator, MEMORY)
        assert limit == pytest.approx(room / MEMORY.fragmentation_expandable)


@pytest.mark.parametrize(
    ("features", "per_logit"),
    [
        (Features(fused_cross_entropy=True), 4.0 / 8.0),
        (Features(), 8.0 / 8.0),
        (Features(eager_modules=True), 14.0),
    ],
    ids=["fused", "vocabulary-parallel", "gathered"],
)
def test_logits_of_a_loss(features: Features, per_logit: float) -> None:
    one = np.ones(1)
    shard = Shard(
        seq_len=1024,
        tokens=1024.0 * one,
        local_tokens=128.0 * one,
        tp=8.0 * one,
        cp=one,
        ep=one,
        etp=one,
    )
    expected = per_logit * 1024 * DENSE_MODEL.vocab_size
    assert logits_bytes(DENSE_MODEL, shard, features) == pytest.approx(expected)
