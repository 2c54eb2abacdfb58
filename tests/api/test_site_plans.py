"""The catalogue's clusters of several sites: what crosses, proven and held to its own checks."""

import pytest

from placer.api import RunOptions, SearchOptions, SiteRequest, estimate, plan, simulate, site_modes
from placer.api.configuration import Configuration
from placer.check.validator import check_plan
from placer.emit.registry import rules_of
from placer.errors import InputError
from placer.plan.across import OptionStatus
from placer.plan.ranks import expand_ranks

RUN = RunOptions(global_batch_size=2048, seq_len=8192)


@pytest.mark.slow
@pytest.mark.parametrize(
    "cluster", ["two-sites-1000km", "three-sites-dci", "cloudmatrix384-x16-two-cities"]
)
def test_sites_are_planned_to_a_percent(cluster: str) -> None:
    found = plan("llama-3.1-405b", cluster, RUN, SearchOptions(gap=0.01, top=1))
    assert found.bound is not None
    assert found.bound.gap <= 0.01
    assert check_plan(found, rules=rules_of("megatron")) == ()
    ranks = expand_ranks(found)
    assert set(ranks.site_names) == {share.site for share in found.strategy.cross_site.shares}
    beside = [o for o in found.cross_site_options if o.status is OptionStatus.BESIDE]
    assert {option.mode.value for option in beside} == {"diloco", "streaming_diloco"}
    chosen = [o for o in found.cross_site_options if o.status is OptionStatus.CHOSEN]
    assert len(chosen) == 1
    assert chosen[0].plan is not None
    assert all(link.share <= 1.0 for link in chosen[0].plan.links)
    competing = [
        o for o in found.cross_site_options if o.mode.value not in ("diloco", "streaming_diloco")
    ]
    least = min(o.lower_bound_s for o in competing if o.lower_bound_s is not None)
    assert found.bound.lower_bound_s == pytest.approx(least)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["sync_dp", "pipeline"])
def test_what_crosses_is_played_as_it_is_estimated(mode: str) -> None:
    """Two sites at 1,000 km: the exchange, or 1F1B that waits for the round trip, event by event."""
    request = SiteRequest(modes=site_modes((mode,)))
    options = SearchOptions(gap=0.01, top=1)
    found = plan("llama-3.1-405b", "two-sites-1000km", RUN, options, request)
    played = simulate(found)
    assert found.estimate.breakdown.cross_site > 0.05 * found.estimate.step_time_s
    assert played.step_time_s == pytest.approx(found.estimate.step_time_s, rel=0.06)


def test_what_nobody_measured_is_refused_unless_asked_for() -> None:
    request = SiteRequest(modes=site_modes(("diloco",)), inner_steps=500)
    run = RUN.model_copy(update={"framework": "any"})
    with pytest.raises(InputError, match="at most 300, the most whose loss was measured"):
        plan("llama-3.1-8b", "two-sites-1000km", run, SearchOptions(), request)


def test_a_framework_without_diloco_says_who_has_it() -> None:
    request = SiteRequest(modes=site_modes(("diloco",)))
    with pytest.raises(InputError, match="what megatron can launch"):
        plan("llama-3.1-8b", "two-sites-1000km", RUN, SearchOptions(), request)


def test_an_estimate_over_sites_says_what_crosses() -> None:
    """405.9B fp32 gradients over 1.6 Tbit/s at 0.9, and a round trip of 21 ms: 9.04 s."""
    degrees = Configuration(tp=8, pp=12, cp=2, vpp=7, dp=16)
    option = estimate("llama-3.1-405b", "two-sites-1000km", degrees, RUN).cross_site_options[0]
    assert option.plan is not None
    assert option.plan.traffic_s == pytest.approx(4 * 405.85e9 / 180e9 + 0.021, rel=1e-3)
