from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from search_samples import cost_model, dense_model, flat_topology, moe_model

from placer.emit.megatron.rules import megatron_rules
from placer.plan.legality import violations
from placer.plan.mathematics import ANY_FRAMEWORK
from placer.plan.strategy import Schedule, StrategyBatch
from placer.search.options import SearchOptions
from placer.search.space import (
    CELL_TOO_LARGE,
    FEW_GPUS,
    THIN_CONTEXT,
    TP_BEYOND_DOMAIN,
    Space,
    SpaceLimits,
    divisors,
    enumerate_space,
    strategy_at,
)
from placer.spec.model import ModelSpec

LIMITS = SpaceLimits(max_gpus=32, domain_gpus=8, pod_gpus=32, min_gpus=16)


def space_of(
    model: ModelSpec, *, limits: SpaceLimits = LIMITS, batch: int = 64, **options: object
) -> Space:
    question = cost_model(model, flat_topology(), batch=batch)
    return enumerate_space(
        model=model,
        run=question.run,
        rules=megatron_rules(),
        limits=limits,
        options=SearchOptions(**options),  # type: ignore[arg-type]
    )


def expanded(space: Space) -> StrategyBatch:
    return space.expand(np.arange(len(space.families)))[0]


@pytest.mark.parametrize("model", [dense_model(8), moe_model(9)])
def test_nothing_is_dropped_silently(model: ModelSpec) -> None:
    space = space_of(model)
    assert space.considered == sum(space.pruned.values()) + int(space.num_choices.sum())
    assert {TP_BEYOND_DOMAIN, THIN_CONTEXT, FEW_GPUS} <= set(space.pruned)
    assert all(count > 0 for count in space.pruned.values())


def test_strategies_are_different_and_within_limits() -> None:
    batch = expanded(space_of(moe_model(9)))
    rows = np.stack([getattr(batch, f.name) for f in fields(batch)], axis=1)
    assert len(np.unique(rows, axis=0)) == len(rows)
    assert (batch.num_gpus <= 32).all()
    assert (batch.num_gpus >= 16).all()
    np.testing.assert_array_equal(batch.micro_batch_size * batch.num_microbatches * batch.dp, 64)


def test_pipelines_need_not_be_powers_of_two() -> None:
    batch = expanded(space_of(dense_model(8)))
    assert {3, 5, 6, 7, 10} <= set(batch.pp.tolist())


def test_chunks_stay_within_layers_and_ends() -> None:
    """Ten slots for eight layers: the embedding's and the loss's chunk may have none."""
    batch = expanded(space_of(dense_model(8)))
    assert (batch.pp * batch.vpp <= 10).all()
    assert ((batch.pp == 5) & (batch.vpp == 2)).any()
    assert (batch.vpp[batch.pp == 1] == 1).all()


def test_etp_is_one_or_tp() -> None:
    batch = expanded(space_of(moe_model(9)))
    assert ((batch.etp == 1) | (batch.etp == batch.tp)).all()
    assert (batch.etp > 1).any()
    assert (batch.sequence_parallel == (batch.tp > 1)).all()


def test_unsharded_where_there_is_one_replica() -> None:
    batch = expanded(space_of(dense_model(8)))
    np.testing.assert_array_equal(batch.zero_stage, (batch.dp * batch.cp > 1).astype(int))


def test_rules_agree_with_single_strategies() -> None:
    question = cost_model(moe_model(9), flat_topology())
    space = space_of(moe_model(9), fix={"tp": 2, "cp": 1, "micro_batch_size": 1})
    batch = space.families
    for row in range(0, len(batch), 7):
        strategy = strategy_at(batch, row, ("core_attn",))
        broken = violations(megatron_rules(), question.model, question.run, strategy)
        assert not broken, str(broken[0])


def test_fixed_axis_takes_one_value_even_beyond_the_defaults() -> None:
    batch = expanded(space_of(dense_model(8), fix={"tp": 16, "pp": 1}))
    assert set(batch.tp.tolist()) == {16}
    assert set(batch.pp.tolist()) == {1}


def test_fixed_value_that_divides_nothing_leaves_no_strategy() -> None:
    space = space_of(dense_model(8), fix={"dp": 7})
    assert len(space.families) == 0
    assert space.considered == sum(space.pruned.values())


def test_cells_larger_than_pods_are_named() -> None:
    small = SpaceLimits(max_gpus=32, domain_gpus=8, pod_gpus=8, min_gpus=16)
    space = space_of(moe_model(9), limits=small)
    assert space.pruned[CELL_TOO_LARGE] > 0
    assert (space.families.cell_gpus <= 8).all()


def test_tp_may_cross_domains_when_allowed() -> None:
    assert expanded(space_of(dense_model(8))).tp.max() == 8
    assert expanded(space_of(dense_model(8), tp_across_domains=True)).tp.max() == 16


def test_keys_stand_for_their_families() -> None:
    space = space_of(moe_model(9))
    for name in ("tp", "cp", "ep", "etp", "micro_batch_size", "recompute"):
        found = getattr(space.keys, name)[space.key]
        np.testing.assert_array_equal(found, getattr(space.families, name))
    assert (space.keys.dp[space.key] >= space.families.dp).all()


def test_rows_become_strategies_and_back() -> None:
    batch = expanded(space_of(dense_model(8), fix={"tp": 2}))
    rows = range(0, len(batch), 11)
    strategies = [strategy_at(batch, row, ("core_attn",)) for row in rows]
    again = StrategyBatch.of(strategies)
    for column in fields(batch):
        np.testing.assert_array_equal(
            getattr(again, column.name), getattr(batch, column.name)[list(rows)]
        )
    for strategy in strategies:
        interleaved = strategy.schedule is Schedule.INTERLEAVED
        assert interleaved == (strategy.vpp > 1)


def test_any_framework_has_the_larger_space() -> None:
    question = cost_model(moe_model(9), flat_topology())
    free = enumerate_space(
        model=question.model,
        run=question.run,
        rules=ANY_FRAMEWORK,
        limits=LIMITS,
        options=SearchOptions(),
    )
    assert len(free.families) >= len(space_of(moe_model(9)).families)


def test_divisors_are_ascending() -> None:
    assert divisors(12, 100) == [1, 2, 3, 4, 6, 12]
    assert divisors(12, 4) == [1, 2, 3, 4]
