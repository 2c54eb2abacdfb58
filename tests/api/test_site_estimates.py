"""Configurations somebody already has, on clusters of several sites."""

import pytest
from search_samples import dense_model
from site_samples import sites_cluster

from placer.api import Configuration, RunOptions, estimate
from placer.check.validator import check_plan
from placer.errors import InfeasibleError, InputError
from placer.plan.plan import Plan
from placer.plan.strategy import CrossSiteMode

RUN = RunOptions(global_batch_size=96, seq_len=2048, framework="any")


def estimated(*hosts: int, **configured: object) -> Plan:
    return estimate(
        dense_model(), sites_cluster(*hosts), Configuration.model_validate(configured), RUN
    )


def test_what_one_site_holds_stays_there() -> None:
    plan = estimated(1, 2, tp=8, dp=2)
    assert [(s.site, s.dp) for s in plan.strategy.cross_site.shares] == [("b", 2)]
    assert plan.estimate.breakdown.cross_site == 0.0
    assert "cross-site: none taken, one site has room" in plan.provenance.assumptions
    assert check_plan(plan) == ()


def test_what_no_site_holds_exchanges_gradients() -> None:
    plan = estimated(3, 1, tp=2, dp=16)
    assert [(s.site, s.dp) for s in plan.strategy.cross_site.shares] == [("a", 12), ("b", 4)]
    assert (plan.strategy.dp_shard, plan.strategy.dp_replicate) == (4, 4)
    assert plan.strategy.cross_site.mode is CrossSiteMode.SYNC_DP
    assert plan.estimate.breakdown.cross_site > 0.0
    assert check_plan(plan) == ()


def test_a_pipeline_runs_through_the_sites() -> None:
    plan = estimated(3, 1, tp=8, pp=4, dp=1, cross_site="pipeline")
    assert [(s.site, s.pp) for s in plan.strategy.cross_site.shares] == [("a", 3), ("b", 1)]
    assert check_plan(plan) == ()
    with pytest.raises(InputError, match="sites_cross_once"):
        estimated(3, 1, tp=8, pp=4, dp=1, vpp=2, cross_site="pipeline")


def test_training_apart_waits_once_in_so_many_steps() -> None:
    """16-bit outer gradients of 671.1M parameters over 100 Gbit/s at 0.9, and 10 ms of latency."""
    plan = estimated(2, 2, tp=2, dp=16, cross_site="diloco", inner_steps=100)
    expected = (2 * 671.1e6 / (12.5e9 * 0.9) + 0.01) / 100
    assert plan.estimate.breakdown.cross_site == pytest.approx(expected, rel=1e-3)
    option = plan.cross_site_options[0]
    assert option.plan is not None
    assert option.plan.loss_change > 0.0
    assert option.plan.sent_bytes == pytest.approx(2 * 671.1e6, rel=1e-3)


def test_what_fits_nowhere_says_how_much_room_there_is() -> None:
    with pytest.raises(InfeasibleError, match="places: a 2, b 2"):
        estimated(2, 2, tp=8, dp=4, cross_site="none")


def test_one_site_has_nothing_to_cross() -> None:
    one = sites_cluster(2, sites=(), links=(), hosts=["n[0-1]"])
    with pytest.raises(InputError, match="a cluster with sites"):
        estimate(dense_model(), one, Configuration(tp=8, cross_site=CrossSiteMode.DILOCO), RUN)
