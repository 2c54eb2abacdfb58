"""The search over sites against what it must agree with: the cost model, each site by itself."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from search_samples import dense_model, moe_model
from site_samples import sites_cluster, sites_cost_model

from placer.cost.model import CostModel
from placer.cost.sites import exchange_of, payload_bytes
from placer.emit.registry import rules_of
from placer.errors import InfeasibleError
from placer.plan.mathematics import ANY_FRAMEWORK
from placer.plan.ranks import gpu_of_rank
from placer.plan.strategy import CrossSiteMode
from placer.search.across.find import AcrossResult, find_across
from placer.search.across.request import SiteRequest
from placer.search.find import find
from placer.search.options import SearchOptions
from placer.topology.sites import site_of_domains, within_sites

OPTIONS = SearchOptions(gap=0.01, top=2)


def found(
    model: CostModel, *modes: str, options: SearchOptions = OPTIONS, **asked: Any
) -> AcrossResult:
    """Search with these modes only, or all."""
    request = SiteRequest(modes=tuple(CrossSiteMode(m) for m in modes), **asked)
    return find_across(model, rules=ANY_FRAMEWORK, options=options, request=request)


@pytest.mark.parametrize("mode", ["sync_dp", "pipeline", "diloco", "streaming_diloco"])
def test_no_replica_or_stage_leaves_its_site(mode: str) -> None:
    model = sites_cost_model(sites_cluster(3, 1), moe_model(), batch=48)
    options = replace(OPTIONS, fix={"pp": 4, "tp": 2, "cp": 1})
    result = found(model, mode, options=options).result
    strategy = result.best.strategy
    gpu = gpu_of_rank(strategy, result.best.placement)
    site = site_of_domains(model.topology)[model.topology.domain_of(gpu)]
    grid = site.reshape(strategy.pp, strategy.dp, -1)
    shares = strategy.cross_site.shares
    assert {s.site for s in shares} == {"a", "b"}
    if mode == "pipeline":
        assert all(len(np.unique(stage)) == 1 for stage in grid)
        assert (sum(s.pp for s in shares), strategy.vpp) == (strategy.pp, 1)
    else:
        assert all(len(np.unique(grid[:, replica])) == 1 for replica in range(strategy.dp))
        assert sum(s.dp for s in shares) == strategy.dp
        assert all(s.dp % strategy.dp_shard == 0 for s in shares)
    assert result.best.estimate.fits


def test_nothing_crosses_is_the_best_single_site() -> None:
    model = sites_cost_model(sites_cluster(2, 3), dense_model())
    result = found(model, "none")
    alone = replace(model, topology=within_sites(model.topology, [1]).topology)
    best = find(alone, rules=ANY_FRAMEWORK, options=OPTIONS).best
    assert result.chosen.arrangement.sites == (1,)
    assert result.result.best.estimate.step_time_s == pytest.approx(best.estimate.step_time_s)
    assert result.result.best.estimate.breakdown.cross_site == 0.0


def test_two_equal_sites_are_one_of_half_the_batch_and_the_exchange() -> None:
    """What hides behind the backward pass aside, the exchange of fp32 gradients comes on top."""
    model = sites_cost_model(sites_cluster(2, 2, gbit_per_s=1.0), dense_model())
    result = found(model, "sync_dp").result
    alone = replace(
        model,
        topology=within_sites(model.topology, [0]).topology,
        run=model.run.model_copy(update={"global_batch_size": 32}),
    )
    best = find(alone, rules=ANY_FRAMEWORK, options=OPTIONS).best.estimate.step_time_s
    arranged = result.best.strategy.cross_site
    traffic_s = exchange_of(model, arranged).time_s(payload_bytes(model, arranged))
    assert traffic_s == pytest.approx(4 * 671.1e6 / (0.125e9 * 0.9) + 0.01, rel=1e-3)
    step = result.best.estimate.step_time_s
    assert best < step < best + traffic_s * 1.01
    assert result.best.estimate.breakdown.cross_site > 0.5 * traffic_s


@pytest.mark.parametrize(
    ("gbit_per_s", "expected"), [(0.5, CrossSiteMode.NONE), (3200.0, CrossSiteMode.SYNC_DP)]
)
def test_the_link_decides_what_crosses(gbit_per_s: float, expected: CrossSiteMode) -> None:
    cluster = sites_cluster(2, 2, gbit_per_s=gbit_per_s)
    result = found(sites_cost_model(cluster, dense_model()), "none", "sync_dp")
    assert result.chosen.arrangement.mode is expected
    assert result.result.gap <= OPTIONS.gap


def test_training_apart_does_not_compete_unless_it_is_exchanged() -> None:
    model = sites_cost_model(sites_cluster(2, 2, gbit_per_s=1.0), dense_model())
    modes = ("sync_dp", "diloco")
    apart, mixed = found(model, *modes), found(model, *modes, quality_exchange=True)
    assert not apart.chosen.arranged.is_asynchronous
    assert mixed.chosen.arranged.is_asynchronous
    worth = mixed.quality[mixed.outcomes.index(mixed.chosen)].compute_factor
    assert mixed.chosen.step_s * worth < apart.chosen.step_s


def test_more_inner_steps_wait_less() -> None:
    model = sites_cost_model(sites_cluster(2, 2, gbit_per_s=1.0), dense_model())
    steps = [found(model, "diloco", inner_steps=h).chosen.step_s for h in (10, 30, 300)]
    assert steps == sorted(steps, reverse=True)


def test_power_decides_how_many_accelerators_a_site_uses() -> None:
    """1,375 W each at PUE 1.25: 14 kW feed 8 of 16."""
    cluster = sites_cluster(2, 2)
    sites = [s.model_copy(update={"power": 14e3, "pue": 1.25}) for s in cluster.sites]
    cluster = cluster.model_copy(update={"sites": tuple(sites)})
    result = found(sites_cost_model(cluster, dense_model()), "sync_dp").result
    assert result.best.strategy.num_gpus == 16
    starved = cluster.model_copy(
        update={"sites": tuple(s.model_copy(update={"power": 1e3}) for s in sites)}
    )
    with pytest.raises(InfeasibleError, match=r"feeds 0 of 16 GPUs at 1\.38 kW"):
        found(sites_cost_model(starved, dense_model()), "none", "sync_dp")


def test_replicas_that_must_survive_bind_the_division() -> None:
    model = sites_cost_model(sites_cluster(3, 1), dense_model(), batch=64)
    strategy = found(model, "sync_dp", min_replicas_after_loss=8).result.best.strategy
    shares = strategy.cross_site.shares
    assert min(strategy.dp - share.dp for share in shares) >= 8
    with pytest.raises(InfeasibleError, match="loss of a site"):
        found(model, "sync_dp", min_replicas_after_loss=64)


def test_a_pipeline_that_may_hold_more_micro_batches_waits_less() -> None:
    """Megatron-LM's 1F1B waits for the round trip at every micro-batch, a deeper one once."""
    model = sites_cost_model(sites_cluster(2, 2, gbit_per_s=400.0), dense_model(), batch=256)
    options = replace(OPTIONS, fix={"pp": 2, "tp": 1, "cp": 1, "dp": 16, "micro_batch_size": 1})
    request = SiteRequest(modes=(CrossSiteMode.PIPELINE,))
    held, waiting = (
        find_across(model, rules=rules, options=options, request=request).result.best
        for rules in (ANY_FRAMEWORK, rules_of("megatron"))
    )
    assert held.strategy.cross_site.extra_in_flight > 0
    assert waiting.strategy.cross_site.extra_in_flight == 0
    transfer_s = 16 * 2 * 2048 * 2048 / (50e9 * 0.9)
    delay_s = 0.005 + transfer_s
    expected = 2 * delay_s + waiting.strategy.num_microbatches * delay_s
    assert waiting.estimate.breakdown.cross_site == pytest.approx(expected)
    assert held.estimate.breakdown.cross_site < 0.5 * expected
