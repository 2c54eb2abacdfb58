"""Failures, checkpoints and spares, by hand and against what was published."""

from __future__ import annotations

import math

import pytest
from compare_samples import OPTIONS, RUN, layout
from hypothesis import given
from hypothesis import strategies as st
from plan_samples import DENSE_MODEL

import placer
from placer.compare.economics.goodput import (
    best_interval_s,
    block_of,
    goodput_of,
    poisson_quantile,
    reliability,
)
from placer.compare.economics.training import training_of
from placer.plan.plan import Plan


@pytest.fixture(scope="module")
def plan() -> Plan:
    return placer.plan(DENSE_MODEL, layout(), RUN, OPTIONS)


def test_the_failure_rate_is_llama_3_s() -> None:
    """419 unexpected interruptions in 54 days on 16,384 accelerators."""
    rate = reliability().failures_per_gpu_hour.value
    assert rate == pytest.approx(419 / (54 * 24 * 16_384), rel=0.005)
    assert 1 / (rate * 16_384) == pytest.approx(3.1, rel=0.01)  # hours between failures


def test_daly_s_interval() -> None:
    """delta 60 s, M 1 day: sqrt(2 * 60 * 86400) - 60 = 3,160 s."""
    assert best_interval_s(60.0, 1 / 86_400, 1.0) == pytest.approx(3159.97, rel=1e-4)
    assert best_interval_s(60.0, 1 / 86_400, 5000.0) == 5000.0  # a step at least
    assert math.isinf(best_interval_s(60.0, 0.0, 1.0))


@given(st.floats(1.0, 600.0), st.floats(3600.0, 1e6))
def test_daly_s_interval_loses_least(checkpoint_s: float, mean_s: float) -> None:
    def lost(interval_s: float) -> float:
        return checkpoint_s / interval_s + (interval_s + checkpoint_s) / 2 / mean_s

    best = best_interval_s(checkpoint_s, 1 / mean_s, 0.0)
    least = lost(best + checkpoint_s)
    assert all(least <= lost((best + checkpoint_s) * f) * 1.02 for f in (0.5, 0.8, 1.25, 2.0))


def test_poisson_quantile() -> None:
    """Tables: mean 1 covers 98.1 % at 3 and 99.6 % at 4; mean 10 covers 99.2 % at 18, 98.6 at 17."""
    assert poisson_quantile(1.0, 0.99) == 4
    assert poisson_quantile(10.0, 0.99) == 18
    assert poisson_quantile(0.0, 0.99) == 0
    assert poisson_quantile(20_000.0, 0.99) == 20_329  # 20,000 + 2.326 * sqrt(20,000)


def test_tp64_domains_with_a_failure_in_a_thousand(plan: Plan) -> None:
    """Availability falls to 94 % (arXiv 2504.06095, figure 3): 1 - 0.999^64 = 6.2 %."""
    base = reliability()
    repair = base.repair_hardware.model_copy(
        update={"value": 0.001 / base.failures_per_gpu_hour.value * 3600}
    )
    facts = base.model_copy(
        update={
            "repair_hardware": repair,
            "hardware_share": base.hardware_share.model_copy(update={"value": 1.0}),
        }
    )
    assert facts.failed_share == pytest.approx(0.001)
    goodput = goodput_of(plan, block_gpus=64, spares_held=0, facts=facts)
    assert goodput.repair_share == pytest.approx(0.062, abs=0.001)
    assert goodput_of(plan, block_gpus=64, spares_held=64, facts=facts).repair_share == 0.0


def test_parts_multiply_to_the_share(plan: Plan) -> None:
    goodput = goodput_of(plan, block_gpus=8, spares_held=0)
    lost = (goodput.checkpoint_share, goodput.failure_share, goodput.repair_share)
    assert goodput.share == pytest.approx(math.prod(1 - part for part in lost))
    assert 0.9 < goodput.share < 1.0


def test_a_domain_leaves_whole_only_where_groups_fill_it(plan: Plan) -> None:
    group = plan.strategy.tp * plan.strategy.cp
    assert block_of(plan, domain_gpus=72, gpus_per_host=4) == 4
    assert block_of(plan, domain_gpus=group, gpus_per_host=max(1, group // 2)) == group


def test_a_run_by_hand(plan: Plan) -> None:
    """1T tokens at 1M/s and 90 %: 1.11 Ms = 12.86 days; 10 an hour, 1 MW."""
    goodput = goodput_of(plan, block_gpus=8, spares_held=8)
    run = training_of(1e12, 1e6 / goodput.share * 0.9, goodput, per_hour=10.0, power_w=1e6)
    seconds = 1e12 / 0.9e6
    assert run.days == pytest.approx(seconds / 86_400)
    assert run.cost == pytest.approx(seconds / 360)
    assert run.energy_j == pytest.approx(seconds * 1e6)
