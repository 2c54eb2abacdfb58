"""What each site holds of a configuration somebody already has, and how training apart is set up."""

from __future__ import annotations

from dataclasses import replace
from math import gcd
from typing import TYPE_CHECKING, Final

from placer.errors import InfeasibleError
from placer.plan.slots import cell_shape, slot_gpus
from placer.plan.strategy import CrossSite, CrossSiteMode, SiteShare
from placer.topology.sites import within_sites

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placer.plan.strategy import Strategy
    from placer.topology.tree import Topology

DILOCO_BITS: Final = 16
"""Outer gradients in the precision of the weights (arXiv 2503.09799, appendix A counts bf16)."""
STREAMING_BITS: Final = 4
"""Outer gradients in E3M0, summed in fp32 (Streaming DiLoCo, arXiv 2501.18512, section 3.3)."""
MOST_OVERLAP_STEPS: Final = 5
"""Inner steps a fragment may be on its way without loss (arXiv 2501.18512, section 4)."""
LAYERS_PER_FRAGMENT: Final = 3
"""Layers sent together (arXiv 2501.18512, section 4)."""


def usual_arrangement(
    mode: CrossSiteMode, *, inner_steps: int, outer_bits: int | None, num_layers: int
) -> CrossSite:
    """An arrangement with what the papers take where the user says nothing; shares still open.

    Streaming DiLoCo has as many fragments as divide the inner steps and leave each its steps to
    arrive before the next one leaves.
    """
    plain = CrossSite(mode=mode)
    if not plain.is_asynchronous:
        return plain
    usual = DILOCO_BITS if mode is CrossSiteMode.DILOCO else STREAMING_BITS
    arranged = replace(plain, inner_steps=inner_steps, outer_bits=outer_bits or usual)
    if mode is CrossSiteMode.DILOCO:
        return arranged
    most = max(1, inner_steps // MOST_OVERLAP_STEPS)
    most = min(-(-num_layers // LAYERS_PER_FRAGMENT), most)
    fragments = next(count for count in range(most, 0, -1) if inner_steps % count == 0)
    room = max(1, inner_steps // fragments - 1)
    return replace(arranged, fragments=fragments, overlap_steps=min(MOST_OVERLAP_STEPS, room))


def shared_out(strategy: Strategy, arranged: CrossSite, topology: Topology) -> Strategy:
    """The strategy with what each site holds: the first that has room, or all, evenly filled.

    Replicas are divided by the largest group that divides every site's; states are shared in such
    groups unless the strategy says otherwise.

    Raises
    ------
    InfeasibleError
        When the sites have no room for it so.
    """
    room = _cells_by_site(strategy, topology)
    names = [site.name for site in topology.sites]
    cells, pp = strategy.cells_per_stage, strategy.pp
    if arranged.mode is CrossSiteMode.NONE:
        first = next((i for i, held in enumerate(room) if held >= cells * pp), None)
        counts = None if first is None else [cells if i == first else 0 for i in range(len(room))]
        per_stage = True
    elif arranged.mode is CrossSiteMode.PIPELINE:
        counts = _divided(pp, [held // cells for held in room])
        per_stage = False
    else:
        counts = _divided(cells, [held // pp for held in room])
        per_stage = True
    if counts is None:
        raise _no_room(strategy, arranged, room, names)
    block = strategy.cell_gpus // (strategy.tp * strategy.cp)
    held = [(name, count) for name, count in zip(names, counts, strict=True) if count]
    shares = tuple(
        SiteShare(
            site=name,
            dp=count * block if per_stage else strategy.dp,
            pp=pp if per_stage else count,
        )
        for name, count in held
    )
    several = arranged.by_replica
    cross_site = replace(arranged, shares=shares, replicas=len(shares) if several else 1)
    return _sharded(replace(strategy, cross_site=cross_site))


def _sharded(strategy: Strategy) -> Strategy:
    """Groups that share states inside one site each."""
    largest = gcd(*(share.dp for share in strategy.cross_site.shares))
    shard = gcd(strategy.dp_shard, largest)
    return replace(strategy, dp_shard=shard, dp_replicate=strategy.dp // shard)


def _cells_by_site(strategy: Strategy, topology: Topology) -> list[int]:
    """Cells each site has places for."""
    found = []
    for site in range(len(topology.sites)):
        inside = within_sites(topology, (site,)).topology
        found.append(len(slot_gpus(inside, cell_shape(strategy, inside.domain_size))))
    return found


def _divided(total: int, room: Sequence[int]) -> list[int] | None:
    """Equal groups, as large as fit, given one by one to the emptiest site; each site gets one."""
    for size in range(total // len(room), 0, -1):
        groups = total // size
        fitting = [held // size for held in room]
        if total % size or min(fitting) < 1 or sum(fitting) < groups:
            continue
        given = [1] * len(room)
        for _ in range(groups - len(room)):
            open_sites = [i for i in range(len(room)) if given[i] < fitting[i]]
            emptiest = min(open_sites, key=lambda i: (given[i] * size / room[i], i))
            given[emptiest] += 1
        return [count * size for count in given]
    return None


def _no_room(
    strategy: Strategy, arranged: CrossSite, room: Sequence[int], names: Sequence[str]
) -> InfeasibleError:
    places = ", ".join(f"{name} {held:,}" for name, held in zip(names, room, strict=True))
    needed = strategy.pp * strategy.cells_per_stage
    whole = {
        CrossSiteMode.NONE: "at one site",
        CrossSiteMode.PIPELINE: "whole stages at each site",
    }.get(arranged.mode, "whole replicas at each site")
    cells = (
        f"{needed:,} cells of {strategy.cell_gpus} GPUs are needed, {strategy.pp} stages of"
        f" {strategy.cells_per_stage}; places: {places}"
    )
    return InfeasibleError(
        f"The sites have no room for the configuration, {whole}.",
        binding=(cells,),
        relaxation="Lower dp or pp, or let something else cross with --cross-site.",
    )
