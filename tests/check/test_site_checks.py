"""What the validator says of plans whose sites do not hold what they say."""

from dataclasses import replace

import pytest
from search_samples import dense_model
from site_samples import sites_cluster

import placer
from placer.check.validator import check_plan
from placer.plan.plan import Plan
from placer.plan.serialise import plan_from_json, plan_to_json
from placer.plan.strategy import CrossSiteMode, SiteShare
from placer.search.across.request import SiteRequest
from placer.search.options import SearchOptions
from placer.spec.run import RunSpec


@pytest.fixture(scope="module")
def plan() -> Plan:
    cluster = sites_cluster(2, 2, gbit_per_s=12800.0)
    run = RunSpec(global_batch_size=64, seq_len=2048)
    request = SiteRequest(modes=(CrossSiteMode.NONE, CrossSiteMode.SYNC_DP))
    return placer.plan(dense_model(), cluster, run, SearchOptions(gap=0.01, top=2), request)


def test_a_plan_over_sites_holds_and_reads_back(plan: Plan) -> None:
    assert check_plan(plan) == ()
    assert plan_from_json(plan_to_json(plan), "plan.json") == plan
    assert [option.mode.value for option in plan.cross_site_options] == ["sync_dp", "none"]
    assert plan.provenance.restrictions[-1] == "cross-site sync_dp"


def test_ranks_must_stand_at_the_site_of_their_share(plan: Plan) -> None:
    arranged = plan.strategy.cross_site
    swapped = replace(arranged, shares=arranged.shares[::-1])
    wrong = replace(plan, strategy=replace(plan.strategy, cross_site=swapped))
    assert any("stand at another site" in problem for problem in check_plan(wrong))


def test_shares_must_hold_every_replica_once(plan: Plan) -> None:
    shares = tuple(SiteShare(site=s.site, dp=1, pp=s.pp) for s in plan.strategy.cross_site.shares)
    arranged = replace(plan.strategy.cross_site, shares=shares)
    wrong = replace(plan, strategy=replace(plan.strategy, cross_site=arranged, dp_shard=1))
    assert any("sites_share_the_job" in problem for problem in check_plan(wrong))


def test_sites_must_have_the_power(plan: Plan) -> None:
    starved = tuple(s.model_copy(update={"power": 5e3}) for s in plan.cluster.sites)
    cluster = plan.cluster.model_copy(update={"sites": starved})
    problems = check_plan(replace(plan, cluster=cluster))
    assert any("its computers may draw 5 kW" in problem for problem in problems)


def test_links_must_carry_it(plan: Plan) -> None:
    first, *others = plan.cross_site_options
    assert first.plan is not None
    links = tuple(replace(link, share=1.2) for link in first.plan.links)
    full = replace(first, plan=replace(first.plan, links=links))
    problems = check_plan(replace(plan, cross_site_options=(full, *others)))
    assert any("asks 120 % of the link from a to b" in problem for problem in problems)
