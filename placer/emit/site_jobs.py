"""A plan over sites that train apart, as one job per site.

Under DiLoCo each site is a run of its own that meets the others between steps only. A framework
that starts every site separately is given each site's part of the plan, with its own ranks from 0.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING

from placer.plan.placing import placement_of
from placer.plan.plan import PlanStatus
from placer.plan.ranks import gpu_of_rank
from placer.plan.strategy import CrossSite
from placer.topology.build import build_topology

if TYPE_CHECKING:
    from placer.plan.plan import Plan
    from placer.plan.strategy import SiteShare


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteJob:
    """One site's part: ``plan`` is of that site alone, ``cross_site`` what all exchange.

    ``index`` numbers the sites; ``batch`` counts the sequences of a step of all of them.
    """

    index: int
    plan: Plan
    cross_site: CrossSite
    batch: int

    @property
    def site(self) -> str:
        """The site's name."""
        return self.plan.strategy.cross_site.shares[0].site


def site_jobs(plan: Plan) -> tuple[SiteJob, ...]:
    """The jobs of a plan whose sites hold whole replicas, in the order of its shares."""
    cross_site = plan.strategy.cross_site
    starts = accumulate((share.dp for share in cross_site.shares), initial=0)
    return tuple(
        SiteJob(
            index=index,
            plan=_part(plan, share, first),
            cross_site=cross_site,
            batch=plan.run.global_batch_size,
        )
        for index, (share, first) in enumerate(zip(cross_site.shares, starts, strict=False))
    )


def _part(plan: Plan, share: SiteShare, first: int) -> Plan:
    """The plan of the replicas ``first`` to ``first + share.dp`` alone; its step is the whole's."""
    whole = plan.strategy
    shard = min(whole.dp_shard, share.dp)
    strategy = replace(
        whole,
        dp=share.dp,
        dp_shard=shard,
        dp_replicate=share.dp // shard,
        cross_site=CrossSite(shares=(share,)),
    )
    run = plan.run.model_copy(
        update={"global_batch_size": plan.run.global_batch_size * share.dp // whole.dp}
    )
    topology = build_topology(plan.cluster)
    replicas = gpu_of_rank(whole, plan.placement).reshape(whole.pp, whole.dp, -1)
    gpu = replicas[:, first : first + share.dp].ravel()
    placement = placement_of(strategy, plan.placement.pipeline_layout, topology, gpu)
    return replace(
        plan,
        status=PlanStatus.ESTIMATED,
        run=run,
        strategy=strategy,
        placement=placement,
        estimate=replace(
            plan.estimate, tokens_per_s=plan.estimate.tokens_per_s * share.dp / whole.dp
        ),
        bound=None,
        alternatives=(),
        cross_site_options=(),
        side_work=None,
    )
