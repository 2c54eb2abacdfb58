"""Where cells fit: slots in scale-up domains, counted by pod.

A pod is a unit of the innermost level whose uplink is narrower than its inside (or the whole
cluster); within a pod the search does not distinguish places, between pods it decides. A cell no larger than a domain stays
inside one; a larger one takes ``ceil(cell / domain)`` domains, evenly filled, inside one unit of
the innermost level that can hold it (as ``placer.cost.spans.pack`` has it for regular clusters).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from placer.plan.strategy import IntArray, StrategyBatch
    from placer.topology.tree import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class CellShape:
    """A cell as the hardware sees it: ``gpus`` over ``domains`` domains, ``filled`` in each."""

    gpus: int
    domains: int
    filled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """Places for cells of one shape, in cluster order.

    ``domains`` (K, domains per cell) are the domains each slot uses; ``first_gpu`` (K,) how many of
    the first domain's usable accelerators earlier slots take; ``pod`` (K,).
    """

    domains: IntArray
    first_gpu: IntArray
    pod: IntArray


class Pods:
    """The pods of a cluster and what they hold."""

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.level = max(topology.pod_level(), topology.domain_level)
        _, self._pod_of_domain = np.unique(topology.domain_unit[:, self.level], return_inverse=True)
        self.num_pods = int(self._pod_of_domain.max()) + 1
        self._slots: dict[CellShape, Slots] = {}

    @property
    def largest_gpus(self) -> int:
        """Usable accelerators of the largest pod."""
        usable = np.bincount(self._pod_of_domain, weights=self.topology.domain_usable)
        return int(usable.max())

    def shape(self, batch: StrategyBatch, row: int) -> CellShape:
        """The cell of one strategy: whole tp and etp groups in each domain where that works."""
        gpus, size = int(batch.cell_gpus[row]), self.topology.domain_size
        domains = -(-gpus // size)
        even = -(-gpus // domains)
        block = int(np.lcm(batch.tp[row], batch.etp[row]))
        whole = -(-even // block) * block
        filled = gpus if domains == 1 else (whole if whole <= size else even)
        return CellShape(gpus=gpus, domains=domains, filled=filled)

    def slots(self, shape: CellShape) -> Slots:
        """All places for cells of a shape."""
        if shape not in self._slots:
            inside = shape.domains == 1
            self._slots[shape] = self._within(shape) if inside else self._across(shape)
        return self._slots[shape]

    def capacity(self, shape: CellShape) -> IntArray:
        """Cells of a shape that each pod can host; (P,)."""
        return np.bincount(self.slots(shape).pod, minlength=self.num_pods).astype(np.int64)

    def _within(self, shape: CellShape) -> Slots:
        fitting = self.topology.domain_usable // shape.gpus
        domain = np.repeat(np.arange(len(fitting)), fitting)
        place = np.arange(len(domain)) - np.repeat(np.cumsum(fitting) - fitting, fitting)
        return Slots(
            domains=domain[:, None].astype(np.int64),
            first_gpu=(place * shape.gpus).astype(np.int64),
            pod=self._pod_of_domain[domain].astype(np.int64),
        )

    def _across(self, shape: CellShape) -> Slots:
        topology = self.topology
        whole = np.flatnonzero(topology.domain_usable >= shape.filled)
        level = self._holding_level(shape.domains)
        _, unit = np.unique(topology.domain_unit[whole, level], return_inverse=True)
        groups: list[NDArray[np.int64]] = []
        for index in range(int(unit.max(initial=-1)) + 1):
            members = whole[unit == index]
            usable = len(members) // shape.domains * shape.domains
            groups.append(members[:usable].reshape(-1, shape.domains).astype(np.int64))
        empty = np.zeros((0, shape.domains), dtype=np.int64)
        domains = np.concatenate([empty, *groups])
        return Slots(
            domains=domains,
            first_gpu=np.zeros(len(domains), dtype=np.int64),
            pod=self._pod_of_domain[domains[:, 0]].astype(np.int64),
        )

    def _holding_level(self, num_domains: int) -> int:
        """Innermost level one unit of which nominally holds so many domains, at most the pod's."""
        topology = self.topology
        levels, size = topology.levels, topology.domain_size
        for level in range(topology.domain_level, self.level):
            if levels[level].num_accelerators // size >= num_domains:
                return level
        return self.level
