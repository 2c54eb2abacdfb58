"""Places for cells on a cluster, irregular or not: which accelerators each place is made of.

A cell no larger than a scale-up domain stays inside one; a larger one takes ``ceil(cell / domain)``
domains of one generation, evenly filled, inside one unit of the innermost level that can hold it
(on a regular cluster this is ``placer.cost.spans.pack``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from placer.topology.tree import GpuState

if TYPE_CHECKING:
    from placer.plan.strategy import IntArray, Strategy
    from placer.topology.tree import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class CellShape:
    """A cell as the hardware sees it: ``gpus`` over ``domains`` domains, ``filled`` in each.

    The last domain of several may hold fewer.
    """

    gpus: int
    domains: int
    filled: int

    @classmethod
    def of(cls, gpus: int, block_gpus: int, domain_gpus: int) -> CellShape:
        """A cell of so many accelerators, whole blocks of them in each domain where that works."""
        domains = -(-gpus // domain_gpus)
        if domains == 1:
            return cls(gpus=gpus, domains=1, filled=gpus)
        even = -(-gpus // domains)
        whole = -(-even // block_gpus) * block_gpus
        return cls(gpus=gpus, domains=domains, filled=whole if whole <= domain_gpus else even)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """Places for cells of one shape, in cluster order.

    ``domains`` (K, domains per cell) are the domains each slot uses; ``first_gpu`` (K,) how many of
    the first domain's usable accelerators earlier slots take.
    """

    domains: IntArray
    first_gpu: IntArray

    def gpus(self, shape: CellShape, topology: Topology) -> IntArray:
        """(K, cell) the accelerators of each place: usable ones of its domains, in order."""
        usable = np.flatnonzero(topology.gpu_state == GpuState.USABLE)
        starts = np.cumsum(topology.domain_usable) - topology.domain_usable
        position = np.arange(shape.gpus)
        part, inside = position // shape.filled, position % shape.filled
        found: IntArray = usable[starts[self.domains][:, part] + self.first_gpu[:, None] + inside]
        return found


def cell_shape(strategy: Strategy, domain_gpus: int) -> CellShape:
    """The cell of a strategy: whole tp and etp groups in each domain where that works."""
    return CellShape.of(strategy.cell_gpus, int(np.lcm(strategy.tp, strategy.etp)), domain_gpus)


def slots_of(topology: Topology, shape: CellShape, widest_level: int) -> Slots:
    """All places for cells of a shape, each inside one unit of ``widest_level``."""
    return (
        _within(topology, shape) if shape.domains == 1 else _across(topology, shape, widest_level)
    )


def slot_gpus(topology: Topology, shape: CellShape) -> IntArray:
    """(K, cell) the accelerators of each place for a cell, in cluster order."""
    return slots_of(topology, shape, len(topology.levels) - 1).gpus(shape, topology)


def _within(topology: Topology, shape: CellShape) -> Slots:
    fitting = topology.domain_usable // shape.gpus
    domain = np.repeat(np.arange(len(fitting)), fitting)
    place = np.arange(len(domain)) - np.repeat(np.cumsum(fitting) - fitting, fitting)
    return Slots(domains=domain[:, None], first_gpu=place * shape.gpus)


def _across(topology: Topology, shape: CellShape, widest_level: int) -> Slots:
    whole = np.flatnonzero(topology.domain_usable >= shape.filled)
    unit = topology.domain_unit[whole, _holding_level(topology, shape.domains, widest_level)]
    kind = np.stack([unit, topology.domain_generation[whole]])
    _, kind_of = np.unique(kind, axis=1, return_inverse=True)
    groups = [np.zeros((0, shape.domains), dtype=np.int64)]
    for index in range(int(kind_of.max(initial=-1)) + 1):
        members = whole[kind_of.ravel() == index]
        used = len(members) // shape.domains * shape.domains
        groups.append(members[:used].reshape(-1, shape.domains))
    domains = np.concatenate(groups)
    return Slots(domains=domains, first_gpu=np.zeros(len(domains), dtype=np.int64))


def _holding_level(topology: Topology, num_domains: int, widest_level: int) -> int:
    """Innermost level one unit of which nominally holds so many domains, at most the widest."""
    for level in range(topology.domain_level, widest_level):
        if topology.levels[level].num_accelerators // topology.domain_size >= num_domains:
            return level
    return widest_level
