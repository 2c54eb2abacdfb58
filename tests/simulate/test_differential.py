"""The estimate against the simulation, on random plans: two accounts of the same step.

Two kinds of plan are known to take longer than the estimate says, and are bounded on their own:
chunks of unequal length, for a stage computes them at times when its neighbours are at others; and
sharded weights, whose collectives run layer by layer and slow computation even where some are seen.
"""

from __future__ import annotations

import pytest
from simulation_comparison import Compared, check, compared, usual
from simulation_samples import EVEN_CLUSTERS, Kind, narrow_cluster, random_plans, wide_plans

from placer import api
from placer.plan.strategy import Schedule
from placer.simulate.simulation import simulate_plan
from placer.spec.cluster import ClusterSpec

SEED = 1
NARROW_CLUSTERS = tuple(narrow_cluster(ratio) for ratio in (2.0, 4.0, 7.0))


def many(clusters: tuple[str | ClusterSpec, ...], count: int) -> list[Compared]:
    """Random plans, the same every time."""
    return compared(random_plans(SEED, count, clusters))


def wide(kind: Kind, clusters: tuple[str | ClusterSpec, ...], count: int) -> list[Compared]:
    """Random plans of one kind."""
    return compared(wide_plans(SEED, count, clusters, kind))


def test_estimates_agree_without_contention() -> None:
    check(usual(many(EVEN_CLUSTERS, 40)), mean=0.03, worst=0.08)


def test_estimates_agree_over_narrow_uplinks() -> None:
    check(usual(many(NARROW_CLUSTERS, 15)), mean=0.03, worst=0.10)


@pytest.mark.slow
def test_two_hundred_estimates_agree_without_contention() -> None:
    found = many(EVEN_CLUSTERS, 260)
    assert len(usual(found)) >= 200
    check(usual(found), mean=0.03, worst=0.08)
    check([one for one in found if one.is_uneven], mean=0.10, worst=0.20)
    check([one for one in found if one.is_sharded], mean=0.10, worst=0.25)


@pytest.mark.slow
def test_a_hundred_estimates_agree_over_narrow_uplinks() -> None:
    found = many(NARROW_CLUSTERS, 130)
    assert len(usual(found)) >= 100
    check(usual(found), mean=0.03, worst=0.10)
    check([one for one in found if one.is_uneven], mean=0.10, worst=0.20)
    check([one for one in found if one.is_sharded], mean=0.15, worst=0.30)


ORDINARY = (Kind.PLAIN, Kind.FEW, Kind.WIDE_EXPERTS)
"""Fewer micro-batches than stages and experts over several domains are told alike by both."""


@pytest.mark.parametrize("kind", ORDINARY)
def test_estimates_agree_whatever_the_degrees(kind: Kind) -> None:
    check(usual(wide(kind, EVEN_CLUSTERS, 8)), mean=0.03, worst=0.08)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ORDINARY)
def test_many_estimates_agree_whatever_the_degrees(kind: Kind) -> None:
    """Pipelines of fewer micro-batches than stages are up to 9 % apart: no steady state hides it."""
    worst = 0.10 if kind is Kind.FEW else 0.08
    check(usual(wide(kind, EVEN_CLUSTERS, 80)), mean=0.03, worst=worst)
    check(usual(wide(kind, NARROW_CLUSTERS, 40)), mean=0.03, worst=0.10)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "mean", "worst"),
    [(Kind.UNEVEN, 0.05, 0.20), (Kind.SHARDED, 0.08, 0.30), (Kind.SCHEDULE, 0.07, 0.40)],
)
def test_how_far_known_gaps_go(kind: Kind, mean: float, worst: float) -> None:
    check(wide(kind, EVEN_CLUSTERS, 40), mean=mean, worst=worst)
    check(wide(kind, NARROW_CLUSTERS, 40), mean=mean, worst=worst)


def error_of(
    model: str, cluster: str, configuration: api.Configuration, batch: int, seq_len: int = 4096
) -> float:
    """How much longer the estimate says a step takes than its simulation."""
    run = api.RunOptions(global_batch_size=batch, seq_len=seq_len, framework="any")
    plan = api.estimate(model, cluster, configuration, run)
    return plan.estimate.step_time_s / simulate_plan(plan).step_time_s - 1.0


@pytest.mark.xfail(reason="the bubble leaves out exposed gathers of sharded weights: -26 %")
def test_a_pipeline_of_sharded_stages() -> None:
    """Fill and drain take (pp - 1) passes, each with the traffic that its computation hides not.

    At pp 8 and 8 micro-batches the estimate has 0.56 s of bubble beside 0.72 s of traffic for 8 of
    them; 0.56 s + 7/8 0.72 s = 1.19 s is what the simulation finds.
    """
    sharded = api.Configuration(tp=8, pp=8, dp=8, zero_stage=3)
    assert abs(error_of("llama-3.1-70b", "dgx-h100-superpod-1k", sharded, 64)) <= 0.08


def test_hops_of_a_short_interleaved_step() -> None:
    """With as many micro-batches as stages, each of the vpp rounds waits for pp hops, both ways.

    The first round's alone would leave 0.035 s of 0.486 s out at vpp 4.
    """
    chunks = api.Configuration(pp=8, vpp=4, dp=4)
    assert abs(error_of("llama-3.1-8b", "b200-nvl8-576", chunks, 32)) <= 0.08


@pytest.mark.xfail(reason="the estimate waits for the longest stage of DualPipe, not pair: +38 %")
def test_dual_pipe_evens_out_its_ends() -> None:
    """Stages s and pp - 1 - s share accelerators, so that a long last stage rests on a short one."""
    mirrored = api.Configuration(cp=4, pp=16, schedule=Schedule.DUAL_PIPE, micro_batch_size=2)
    assert abs(error_of("llama-3.1-8b", "dgx-h100-superpod-1k", mirrored, 64)) <= 0.20
