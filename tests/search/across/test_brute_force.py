"""Tiny clusters: the search against every strategy, every division and every split of layers."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations, pairwise, product
from math import gcd

import numpy as np
import pytest
from search_samples import dense_model
from site_samples import sites_cluster, sites_cost_model

from placer.cost.model import CostModel
from placer.plan.layout import layout_of
from placer.plan.legality import violations
from placer.plan.mathematics import ANY_FRAMEWORK
from placer.plan.placing import placement_of
from placer.plan.strategy import CrossSite, CrossSiteMode, Schedule, SiteShare, Strategy
from placer.search.across.find import find_across
from placer.search.across.request import SiteRequest
from placer.search.options import SearchOptions

LAYERS, BATCH = 4, 12
HOSTS = (2, 1)  # of two accelerators each


def small_question(gbit_per_s: float) -> CostModel:
    cluster = sites_cluster(
        *HOSTS, gbit_per_s=gbit_per_s, gpus_per_host=2, scale_up={"size": 2}, accelerator="h100_sxm"
    )
    return sites_cost_model(cluster, dense_model(LAYERS), batch=BATCH)


def strategies() -> Iterator[Strategy]:
    """Every strategy of these degrees without recomputation, states shared inside sites later."""
    for tp, pp, vpp, dp, size in product((1, 2), range(1, 7), (1, 2, 3), range(1, 7), (1, 2, 4)):
        alone = vpp > 1 and pp == 1
        if tp * pp * dp > 6 or BATCH % (dp * size) or alone or vpp * pp > LAYERS + 2:
            continue
        yield Strategy(
            tp=tp,
            pp=pp,
            vpp=vpp,
            dp=dp,
            micro_batch_size=size,
            num_microbatches=BATCH // (dp * size),
            dp_shard=dp,
            zero_stage=min(dp - 1, 1),
            sequence_parallel=tp > 1,
            schedule=Schedule.INTERLEAVED if vpp > 1 else Schedule.ONE_F_ONE_B,
        )


def splits(chunks: int) -> Iterator[tuple[int, ...]]:
    """Every way to cut the layers into chunks; ends may be empty, as they hold something else."""
    for cuts in combinations(range(LAYERS + chunks - 1), chunks - 1):
        ends = (-1, *cuts, LAYERS + chunks - 1)
        sizes = tuple(b - a - 1 for a, b in pairwise(ends))
        if all(sizes[1:-1]):
            yield sizes


def seats(strategy: Strategy, shares: tuple[SiteShare, ...], by_stage: bool) -> np.ndarray | None:
    """Ranks in order on each site's accelerators; None where a tp group would leave its host."""
    parts = []
    for first, size, share in zip((0, 4), (4, 2), shares, strict=True):
        used = share.pp * share.dp * strategy.tp
        if used > size:
            return None
        parts.append(np.arange(first, first + used).reshape(share.pp, -1))
    return np.concatenate(parts, axis=0 if by_stage else 1).ravel()


def best_by_force(model: CostModel, mode: CrossSiteMode, extra: int = 0) -> float:
    best, by_stage = np.inf, mode is CrossSiteMode.PIPELINE
    for strategy in strategies():
        whole = strategy.pp if by_stage else strategy.dp
        for here in range(1, whole):
            held = (here, whole - here)
            shares = tuple(
                SiteShare(site=name, dp=strategy.dp, pp=n)
                if by_stage
                else SiteShare(site=name, dp=n, pp=strategy.pp)
                for name, n in zip("ab", held, strict=True)
            )
            gpu = seats(strategy, shares, by_stage)
            shard = strategy.dp if by_stage else gcd(*held)
            arranged = CrossSite(
                mode=mode, shares=shares, replicas=1 if by_stage else 2, extra_in_flight=extra
            )
            placed = replace(
                strategy,
                dp_shard=shard,
                dp_replicate=strategy.dp // shard,
                cross_site=arranged,
            )
            if gpu is None or violations(ANY_FRAMEWORK, model.model, model.run, placed):
                continue
            for sizes in splits(strategy.pp * strategy.vpp):
                layout = layout_of(model.model, sizes, strategy.pp)
                placement = placement_of(placed, layout, model.topology, gpu)
                estimate = model.estimate(placed, placement)
                if estimate.fits:
                    best = min(best, estimate.step_time_s)
    return best


@pytest.mark.slow
@pytest.mark.parametrize("gbit_per_s", [10.0, 1000.0])
@pytest.mark.parametrize("mode", [CrossSiteMode.SYNC_DP, CrossSiteMode.PIPELINE])
def test_the_search_finds_what_brute_force_does(mode: CrossSiteMode, gbit_per_s: float) -> None:
    model = small_question(gbit_per_s)
    options = SearchOptions(
        gap=0.0, top=1, min_gpu_share=0.0, fix={"cp": 1, "recompute": 0, "zero_stage": 1}
    )
    found = find_across(
        model, rules=ANY_FRAMEWORK, options=options, request=SiteRequest(modes=(mode,))
    )
    chosen = found.result.best.strategy.cross_site.extra_in_flight
    extras = {0, 1, chosen} if mode is CrossSiteMode.PIPELINE else {0}
    forced = min(best_by_force(model, mode, extra) for extra in sorted(extras))
    assert found.chosen.step_s == pytest.approx(forced, rel=2e-3)
    assert found.result.lower_bound_s <= forced * (1.0 + 1e-9)
