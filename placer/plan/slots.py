"""Places for cells on a cluster, irregular or not: which accelerators each place is made of.

A cell no larger than a scale-up domain stays inside one; a larger one takes ``ceil(cell / domain)``
domains, evenly filled, inside one unit of the innermost level that can hold it (on a regular
cluster this is ``placer.cost.spans.pack``).
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


def cell_shape(strategy: Strategy, domain_gpus: int) -> CellShape:
    """The cell of a strategy: whole tp and etp groups in each domain where that works."""
    gpus = strategy.cell_gpus
    domains = -(-gpus // domain_gpus)
    if domains == 1:
        return CellShape(gpus=gpus, domains=1, filled=gpus)
    even = -(-gpus // domains)
    block = int(np.lcm(strategy.tp, strategy.etp))
    whole = -(-even // block) * block
    return CellShape(gpus=gpus, domains=domains, filled=whole if whole <= domain_gpus else even)


def slot_gpus(topology: Topology, shape: CellShape) -> IntArray:
    """(K, cell) the accelerators of each place for a cell, in cluster order."""
    usable = np.flatnonzero(topology.gpu_state == GpuState.USABLE)
    starts = np.cumsum(topology.domain_usable) - topology.domain_usable
    domains, skipped = _within(topology, shape) if shape.domains == 1 else _across(topology, shape)
    position = np.arange(shape.gpus)
    part, inside = position // shape.filled, position % shape.filled
    gpus: IntArray = usable[starts[domains][:, part] + skipped[:, None] + inside]
    return gpus


def _within(topology: Topology, shape: CellShape) -> tuple[IntArray, IntArray]:
    """(K, 1) domain of each place, and (K,) accelerators earlier places take there."""
    fitting = topology.domain_usable // shape.gpus
    domain = np.repeat(np.arange(len(fitting)), fitting)
    place = np.arange(len(domain)) - np.repeat(np.cumsum(fitting) - fitting, fitting)
    return domain[:, None], place * shape.gpus


def _across(topology: Topology, shape: CellShape) -> tuple[IntArray, IntArray]:
    """(K, domains per cell) the domains of each place, all from their first accelerator on."""
    whole = np.flatnonzero(topology.domain_usable >= shape.filled)
    unit = topology.domain_unit[whole, _holding_level(topology, shape.domains)]
    groups = [np.zeros((0, shape.domains), dtype=np.int64)]
    for index in np.unique(unit).tolist():
        members = whole[unit == index]
        used = len(members) // shape.domains * shape.domains
        groups.append(members[:used].reshape(-1, shape.domains))
    domains = np.concatenate(groups)
    return domains, np.zeros(len(domains), dtype=np.int64)


def _holding_level(topology: Topology, num_domains: int) -> int:
    """Innermost level one unit of which nominally holds so many domains."""
    outermost = len(topology.levels) - 1
    for level in range(topology.domain_level, outermost):
        if topology.levels[level].num_accelerators // topology.domain_size >= num_domains:
            return level
    return outermost
