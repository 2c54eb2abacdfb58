"""How often another plan would be faster, against what can be said by hand."""

from __future__ import annotations

from math import erf, log, sqrt

import pytest
from plan_samples import DENSE_MODEL, LAB

from placer.cost.constants import load_constants
from placer.cost.model import CostModel
from placer.cost.stability import Contender, chances_faster
from placer.cost.uncertainty import Uncertainty, load_uncertainty
from placer.plan.contiguous import contiguous_placement
from placer.plan.layout import even_layout
from placer.plan.strategy import Schedule, Strategy
from placer.spec.run import RunSpec
from placer.topology.build import build_topology

TOPOLOGY = build_topology(LAB)
MODEL = CostModel(
    model=DENSE_MODEL,
    topology=TOPOLOGY,
    run=RunSpec(global_batch_size=64, seq_len=4096),
    constants=load_constants(),
)


def placed(*, tp: int, pp: int, vpp: int = 1) -> Contender:
    dp = 16 // (tp * pp)
    strategy = Strategy(
        tp=tp,
        pp=pp,
        vpp=vpp,
        dp=dp,
        dp_shard=dp,
        zero_stage=1,
        num_microbatches=64 // dp,
        sequence_parallel=tp > 1,
        schedule=Schedule.INTERLEAVED if vpp > 1 else Schedule.ONE_F_ONE_B,
    )
    layout = even_layout(DENSE_MODEL, pp, vpp)
    placement = contiguous_placement(strategy, layout, TOPOLOGY)
    return Contender(strategy, placement, MODEL.estimate(strategy, placement).step_time_s)


def step_s(plan: Contender) -> float:
    return plan.step_s


def only_between(sigma: float) -> Uncertainty:
    return Uncertainty(groups=(), between_configurations=sigma, between_source="here")


def test_without_alternatives_there_is_nothing_to_say() -> None:
    assert chances_faster(MODEL, placed(tp=2, pp=1), [], load_uncertainty()).tolist() == []


def test_known_constants_leave_no_doubt() -> None:
    fast, slow = sorted((placed(tp=2, pp=2), placed(tp=8, pp=2)), key=step_s)
    assert chances_faster(MODEL, fast, [slow], only_between(0.0)).tolist() == [0.0]
    assert chances_faster(MODEL, slow, [fast], only_between(0.0)).tolist() == [1.0]


def test_what_configurations_differ_by_is_the_normal_distribution() -> None:
    """P(N(d, 2 sigma^2) < 0) with d the logarithm of the ratio of step times."""
    fast, slow = sorted((placed(tp=2, pp=2), placed(tp=8, pp=2)), key=step_s)
    distance = log(step_s(slow) / step_s(fast))
    sigma = 0.8 * distance
    (chance,) = chances_faster(MODEL, fast, [slow], only_between(sigma))
    expected = 0.5 * (1.0 + erf(-distance / (sigma * sqrt(2.0)) / sqrt(2.0)))
    assert chance == pytest.approx(expected, abs=0.03)


def test_what_moves_both_plans_alike_does_not_tell_them_apart() -> None:
    """The same plan twice: the constants move both alike, only the plans' own draws differ."""
    one = placed(tp=4, pp=2)
    (chance,) = chances_faster(MODEL, one, [one], load_uncertainty())
    assert chance == pytest.approx(0.5, abs=0.05)
    still = load_uncertainty().model_copy(update={"between_configurations": 0.0})
    assert chances_faster(MODEL, one, [one], still).tolist() == [0.0]


def test_the_same_plans_give_the_same_chances() -> None:
    plans = [placed(tp=4, pp=2), placed(tp=2, pp=4, vpp=2)]
    first = chances_faster(MODEL, placed(tp=2, pp=2), plans, load_uncertainty())
    again = chances_faster(MODEL, placed(tp=2, pp=2), plans, load_uncertainty())
    assert first.tolist() == again.tolist()


def test_every_group_holds_constants_and_none_twice() -> None:
    names = [constant.name for constant in load_constants().entries]
    groups = load_uncertainty().groups
    for group in groups:
        assert any(group.holds(name) for name in names), group.name
    assert all(sum(group.holds(name) for group in groups) <= 1 for name in names)
