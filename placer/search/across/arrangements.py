"""The arrangements to look at: what crosses, between which sites, and the least each can take."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations, permutations, product
from math import prod
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.cost.sites import crossings, least_pipeline_s
from placer.plan.site_shares import usual_arrangement
from placer.plan.strategy import CrossSite, CrossSiteMode, SiteShare
from placer.search.candidates import family_bounds

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from placer.plan.strategy import IntArray
    from placer.search.across.ground import Ground
    from placer.search.across.request import SiteRequest
    from placer.search.candidates import Costing
    from placer.search.space import Space

    FloatArray = NDArray[np.float64]

SYNCHRONOUS: Final = (CrossSiteMode.SYNC_DP, CrossSiteMode.PIPELINE, CrossSiteMode.NONE)
APART: Final = (CrossSiteMode.DILOCO, CrossSiteMode.STREAMING_DILOCO)
MOST_SETS: Final = 128
"""Sets of sites that are all looked at; of more, those that widest links join."""
MOST_PIPELINE_SITES: Final = 5
"""Sites a pipeline runs through at most: every order of them is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """What crosses and the sites used, a pipeline's in its order; ``gpus`` that these can feed."""

    mode: CrossSiteMode
    sites: tuple[int, ...]
    gpus: int


def site_sets(ground: Ground) -> tuple[tuple[tuple[int, ...], ...], bool]:
    """Sets of sites that can reach each other, and whether these are all, up to swaps.

    Two sites are interchangeable when they are built and fed alike and have the same links to every
    other site; of such, the first so many stand for any so many. Where that leaves too many sets,
    those are taken that grow from each site by the widest link.
    """
    kinds = _interchangeable(ground)
    if prod(len(kind) + 1 for kind in kinds) > MOST_SETS:
        return tuple(sorted(_grown(ground))), False
    found = []
    for counts in product(*(range(len(kind) + 1) for kind in kinds)):
        chosen = zip(kinds, counts, strict=True)
        sites = tuple(sorted(site for kind, count in chosen for site in kind[:count]))
        if sites and all(ground.graph.route(*pair) for pair in combinations(sites, 2)):
            found.append(sites)
    return tuple(sorted(found)), True


def _grown(ground: Ground) -> set[tuple[int, ...]]:
    """From each site on, sets of every size, one site after the other by the widest link."""
    found = set()
    for start in range(ground.num_sites):
        inside = [start]
        while inside:
            found.add(tuple(sorted(inside)))
            reached = [
                (link.bandwidth_bytes_per_s, -link.latency_s, -outside)
                for link in ground.topology.site_links
                for near, outside in (link.sites, link.sites[::-1])
                if near in inside and outside not in inside
            ]
            if not reached:
                break
            inside.append(-max(reached)[2])
    return found


def _interchangeable(ground: Ground) -> list[list[int]]:
    """The sites in groups of which any two may be swapped."""
    kinds: list[list[int]] = []
    for site in range(ground.num_sites):
        for kind in kinds:
            if all(_swappable(ground, site, other) for other in kind):
                kind.append(site)
                break
        else:
            kinds.append([site])
    return kinds


def _swappable(ground: Ground, a: int, b: int) -> bool:
    if ground.build_of(a) != ground.build_of(b) or ground.power[a] != ground.power[b]:
        return False
    links = sorted(_links(ground, {}))
    return links == sorted(_links(ground, {a: b, b: a}))


def _links(ground: Ground, renamed: dict[int, int]) -> Iterator[tuple[int, int, float, float]]:
    for link in ground.topology.site_links:
        ends = sorted(renamed.get(site, site) for site in link.sites)
        yield ends[0], ends[1], link.bandwidth_bytes_per_s, link.latency_s


def arrangements(
    ground: Ground, request: SiteRequest, sets: Sequence[tuple[int, ...]]
) -> list[Arrangement]:
    """Everything the request allows of these sets; those with most accelerators first.

    Training apart at more sites than were measured is left out unless asked for.
    """
    found: list[Arrangement] = []
    alone: set[tuple[object, ...]] = set()
    for sites in sets:
        gpus = sum(ground.power[site].fed for site in sites)
        for mode in (*SYNCHRONOUS, *APART):
            single = mode is CrossSiteMode.NONE
            if not request.allows(mode) or single != (len(sites) == 1):
                continue
            if request.min_replicas_after_loss and mode in (
                CrossSiteMode.NONE,
                CrossSiteMode.PIPELINE,
            ):
                continue
            if len(sites) > most_sites(mode, ground, request):
                continue
            if single:
                build = (ground.build_of(sites[0]), ground.power[sites[0]])
                if build in alone:
                    continue
                alone.add(build)
            if mode is CrossSiteMode.PIPELINE:
                found.append(Arrangement(mode=mode, sites=best_order(ground, sites), gpus=gpus))
                continue
            found.append(Arrangement(mode=mode, sites=sites, gpus=gpus))
    rank = [*SYNCHRONOUS, *APART]
    return sorted(found, key=lambda a: (-a.gpus, rank.index(a.mode), a.sites))


def most_sites(mode: CrossSiteMode, ground: Ground, request: SiteRequest) -> int:
    """Sites a mode may use: those measured, those a pipeline can be ordered through."""
    if mode in APART and not request.extrapolate:
        return min(ground.num_sites, request.quality.max_replicas)
    if mode is CrossSiteMode.PIPELINE:
        return min(ground.num_sites, MOST_PIPELINE_SITES)
    return ground.num_sites


def best_order(ground: Ground, sites: Sequence[int]) -> tuple[int, ...]:
    """The order in which a pipeline's crossings are least: by what they take, then by their delay."""
    names = [site.name for site in ground.topology.sites]

    def cost(order: tuple[int, ...]) -> tuple[float, float, tuple[int, ...]]:
        shares = tuple(SiteShare(site=names[site], dp=1, pp=1) for site in order)
        arranged = CrossSite(mode=CrossSiteMode.PIPELINE, shares=shares)
        delay_s = sum(cut.delay_s for cut in crossings(ground.model, arranged, 1, 1))
        return least_pipeline_s(ground.model, arranged), delay_s, order

    return min(permutations(sites), key=cost)


def arranged_as(ground: Ground, arrangement: Arrangement, request: SiteRequest) -> CrossSite:
    """The arrangement as a strategy has it, how much each site holds still open."""
    mode = arrangement.mode
    names = [ground.topology.sites[site].name for site in arrangement.sites]
    shares = tuple(SiteShare(site=name, dp=1, pp=1) for name in names)
    usual = usual_arrangement(
        mode,
        inner_steps=request.inner_steps,
        outer_bits=request.outer_bits,
        num_layers=ground.model.model.num_layers,
    )
    return replace(usual, replicas=len(names) if usual.by_replica else 1, shares=shares)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeastSteps:
    """Of strategies in order of their accelerators, bounds on the step of the best so far."""

    gpus: IntArray
    step_s: FloatArray

    @classmethod
    def of(cls, space: Space, costing: Costing) -> LeastSteps:
        """Bounds that know layers, memory and how many stages there are, nothing of placement."""
        if len(space.families) == 0:
            return cls(gpus=np.zeros(0, dtype=np.int64), step_s=np.zeros(0))
        bounds = family_bounds(space, costing).step_s
        gpus = space.families.num_gpus
        order = np.argsort(gpus, kind="stable")
        return cls(gpus=gpus[order], step_s=np.minimum.accumulate(bounds[order]))

    def within(self, num_gpus: int) -> float:
        """No strategy on so many accelerators is faster; infinite where there is none."""
        last = int(np.searchsorted(self.gpus, num_gpus, side="right")) - 1
        return float(self.step_s[last]) if last >= 0 else np.inf
