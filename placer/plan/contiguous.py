"""The placement nobody thought about: ranks in order on the accelerators in order.

This is what a framework does with a host file, the reference any other placement must beat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from placer.errors import InfeasibleError
from placer.plan.placing import placement_of
from placer.plan.slots import cell_shape, slot_gpus
from placer.topology.sites import within_sites

if TYPE_CHECKING:
    from placer.plan.placement import PipelineLayout, Placement
    from placer.plan.slots import CellShape
    from placer.plan.strategy import IntArray, Strategy
    from placer.topology.tree import Topology


def contiguous_placement(
    strategy: Strategy, layout: PipelineLayout, topology: Topology, *, named: bool = True
) -> Placement:
    """Fill the places for cells in cluster order: stage by stage, replica by replica.

    Where the strategy says what each site holds, that of each site in the order of the sites.
    ``named`` as of ``placement_of``.

    Raises
    ------
    InfeasibleError
        When the cluster has not enough accelerators, or not enough places for whole cells.
    """
    if strategy.num_gpus > topology.num_usable:
        raise _too_few_gpus(strategy, topology)
    if strategy.cross_site.shares:
        gpus = _over_sites(strategy, topology)
        return placement_of(strategy, layout, topology, gpus, named=named)
    shape = cell_shape(strategy, topology.domain_size)
    gpus = slot_gpus(topology, shape)
    needed = strategy.pp * strategy.cells_per_stage
    if len(gpus) < needed:
        raise _too_few_slots(needed, len(gpus), shape, topology)
    return placement_of(strategy, layout, topology, gpus[:needed].ravel(), named=named)


def _over_sites(strategy: Strategy, topology: Topology) -> IntArray:
    """(N,) accelerator of each rank, each site's share filled in order."""
    names = [site.name for site in topology.sites]
    parts = []
    for share in strategy.cross_site.shares:
        view = within_sites(topology, (names.index(share.site),))
        shape = cell_shape(strategy, view.topology.domain_size)
        gpus = slot_gpus(view.topology, shape)
        needed = share.pp * share.dp * strategy.tp * strategy.cp // strategy.cell_gpus
        if len(gpus) < needed:
            raise _too_few_slots(needed, len(gpus), shape, topology)
        parts.append(view.gpu[gpus[:needed].reshape(share.pp, -1)])
    by_replica = len({share.pp for share in strategy.cross_site.shares} - {strategy.pp}) == 0
    gpu: IntArray = np.concatenate(parts, axis=1 if by_replica else 0).ravel()
    return gpu


def _too_few_gpus(strategy: Strategy, topology: Topology) -> InfeasibleError:
    product = f"tp {strategy.tp} * cp {strategy.cp} * pp {strategy.pp} * dp {strategy.dp}"
    return InfeasibleError(
        f"the strategy needs more GPUs than {topology.name} has",
        binding=(f"{product} = {strategy.num_gpus:,} GPUs > {topology.num_usable:,} usable",),
        relaxation=f"Lower dp to {strategy.dp * topology.num_usable // strategy.num_gpus} or less.",
    )


def _too_few_slots(
    needed: int, found: int, shape: CellShape, topology: Topology
) -> InfeasibleError:
    kind = topology.levels[topology.domain_level].name
    where = (
        f"one {kind}" if shape.domains == 1 else f"{shape.domains} times {shape.filled} of {kind}"
    )
    cells = (
        f"{needed:,} cells of {shape.gpus} GPUs (lcm of tp * cp and ep * etp) are needed, each in"
        f" {where}; there is room for {found:,}"
    )
    return InfeasibleError(
        f"the strategy's groups do not fit the {kind} domains of {topology.name}",
        binding=(cells,),
        relaxation=f"Lower dp or pp by {100 * (needed - found) / needed:.2g} %, or tp, cp, ep.",
    )
