"""What binds a plan."""

from __future__ import annotations

from dataclasses import replace

import pytest
from plan_samples import plan_of

from placer.plan.estimate import Breakdown
from placer.plan.placement import AxisLevels
from placer.plan.strategy import Recompute, RecomputeGranularity, Schedule, Strategy
from placer.report.binding import findings, fullest_stage, imbalance, memory_sentence
from placer.report.reach import home, reach

PLAN = plan_of(
    Strategy(
        tp=4,
        pp=2,
        vpp=2,
        dp=8,
        num_microbatches=4,
        dp_shard=8,
        schedule=Schedule.INTERLEAVED,
    )
)


def test_the_largest_shares_come_first_with_their_numbers() -> None:
    texts = findings(PLAN)
    assert texts[0] == (
        "Pipeline bubble: 20.5 % of the step, pp 2 with 4 micro-batches x 2 chunks."
    )
    assert texts[1] == (
        "Exposed tensor-parallel communication: 10.3 % of the step, groups inside one nvlink."
    )


def test_small_shares_are_not_worth_a_sentence() -> None:
    calm = replace(PLAN.estimate, breakdown=Breakdown(compute=2.43, tp=0.0075))
    assert findings(replace(PLAN, estimate=calm)) == (memory_sentence(PLAN),)


def test_uneven_stages_are_named() -> None:
    uneven = replace(PLAN.estimate, stage_time_s=(0.5, 0.6))
    assert imbalance(uneven) == pytest.approx(0.6 / 0.55 - 1.0)
    text = [t for t in findings(replace(PLAN, estimate=uneven)) if "Uneven" in t]
    assert text == [
        "Uneven stages: stage 1 takes 600 ms per micro-batch, 9.1 % more than the mean stage."
    ]


@pytest.mark.parametrize(
    ("limit_bytes", "recompute", "start"),
    [
        (80e9, RecomputeGranularity.NONE, "Memory does not bind: stage 0 fills 33.8 %"),
        (80e9, RecomputeGranularity.SELECTIVE, "Memory binds: recomputation is what makes it fit"),
        (28e9, RecomputeGranularity.NONE, "Memory binds: stage 0 fills 96.4 %"),
        (20e9, RecomputeGranularity.NONE, "Memory does not suffice: stage 0 fills 135.0 %"),
    ],
)
def test_memory(limit_bytes: float, recompute: RecomputeGranularity, start: str) -> None:
    plan = replace(
        PLAN,
        strategy=replace(PLAN.strategy, recompute=Recompute(granularity=recompute)),
        estimate=replace(PLAN.estimate, memory_limit_bytes=(limit_bytes,) * 2),
    )
    assert memory_sentence(plan).startswith(start)


def test_of_equally_full_stages_the_first_is_named() -> None:
    # Rounding noise must not decide: the report would change from machine to machine.
    first, second = PLAN.estimate.memory
    noisy = replace(second, activations_bytes=second.activations_bytes * (1 + 1e-15))
    assert fullest_stage(replace(PLAN.estimate, memory=(first, noisy)))[0] == 0


def crossing(nvlink: int, leaf: int, core: int = 0) -> AxisLevels:
    return AxisLevels(
        axis="dp",
        levels={"leaf": 4},
        groups=16,
        groups_crossing={"nvlink": nvlink, "leaf": leaf, "core": core},
    )


@pytest.mark.parametrize(
    ("axis", "words", "holding"),
    [
        (crossing(0, 0), "groups inside one nvlink", "nvlink"),
        (crossing(16, 0), "groups across nvlinks", "leaf"),
        (crossing(16, 3), "3 of 16 groups across leafs", "core"),
        (crossing(16, 16, 16), "groups across cores", ""),
    ],
)
def test_reach(axis: AxisLevels, words: str, holding: str) -> None:
    assert reach(axis) == words
    assert home(axis) == holding
