"""Whether what stands at each site is what the plan says, and the links and power carry it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from placer.plan.plan import PlanStatus
from placer.plan.ranks import gpu_of_rank
from placer.plan.strategy import CrossSiteMode
from placer.spec.site_facts import draw_w
from placer.topology.sites import site_of_domains
from placer.units import format_power

if TYPE_CHECKING:
    from collections.abc import Iterator

    from placer.plan.plan import Plan
    from placer.plan.strategy import IntArray
    from placer.topology.tree import Topology

TOLERANCE: Final = 1e-9


def site_problems(plan: Plan, topology: Topology) -> Iterator[str]:
    """Replicas and stages stand where the shares say; no link and no site is asked too much."""
    shares = plan.strategy.cross_site.shares
    if not shares:
        return
    names = [site.name for site in topology.sites]
    unknown = [share.site for share in shares if share.site not in names]
    if unknown:
        yield f"cross_site: no site is called {unknown[0]}"
        return
    gpu = gpu_of_rank(plan.strategy, plan.placement)
    site = site_of_domains(topology)[topology.domain_of(gpu)]
    yield from _share_problems(plan, names, site)
    if plan.status is not PlanStatus.ESTIMATED:
        yield from _power_problems(topology, gpu, site)
    yield from _link_problems(plan)


def _share_problems(plan: Plan, names: list[str], site: IntArray) -> Iterator[str]:
    """Every rank stands at the site that holds its replica, or its stage."""
    strategy = plan.strategy
    grid = site.reshape(strategy.pp, strategy.dp, -1)
    numbers = [names.index(share.site) for share in strategy.cross_site.shares]
    if strategy.cross_site.mode is CrossSiteMode.PIPELINE:
        counts = [share.pp for share in strategy.cross_site.shares]
        expected = np.repeat(numbers, counts)[:, None, None]
    else:
        counts = [share.dp for share in strategy.cross_site.shares]
        expected = np.repeat(numbers, counts)[None, :, None]
    wrong = int(np.count_nonzero(grid != expected))
    if wrong:
        yield f"cross_site: {wrong} of {grid.size} ranks stand at another site than their share's"


def _power_problems(topology: Topology, gpu: IntArray, site: IntArray) -> Iterator[str]:
    """The accelerators used at a site draw no more than its computers may."""
    generation = topology.domain_generation[topology.domain_of(gpu)]
    for number, place in enumerate(topology.sites):
        if place.computers_w is None:
            continue
        kinds, counts = np.unique(generation[site == number], return_counts=True)
        drawn = sum(
            (draw_w(topology.accelerators[kind]) or 0.0) * count
            for kind, count in zip(kinds.tolist(), counts.tolist(), strict=True)
        )
        if drawn > place.computers_w * (1.0 + TOLERANCE):
            yield (
                f"cross_site: {place.name} is to draw {format_power(drawn)}, its computers may draw"
                f" {format_power(place.computers_w)}"
            )


def _link_problems(plan: Plan) -> Iterator[str]:
    """No direction of a link is busy for longer than the period it has."""
    for option in plan.cross_site_options:
        if option.plan is None:
            continue
        for link in option.plan.links:
            if link.share > 1.0 + TOLERANCE:
                yield (
                    f"cross_site_options: {option.mode.value} asks {100 * link.share:.4g} % of the"
                    f" link from {link.source} to {link.target}"
                )
