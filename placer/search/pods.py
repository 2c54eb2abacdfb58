"""Where cells fit: places in scale-up domains, counted by pod and accelerator generation.

A pod is a unit of the innermost level whose uplink is narrower than its inside (or the whole
cluster); within a pod the search does not distinguish places, between pods it decides. A *part* is
what a pod has of one generation; in most clusters a pod is one part.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from placer.plan.slots import CellShape, Slots, slots_of

if TYPE_CHECKING:
    from placer.plan.strategy import IntArray, StrategyBatch
    from placer.topology.tree import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSlots:
    """Places for cells of one shape, part after part; ``part`` (K,) ascending."""

    slots: Slots
    part: IntArray


class Pods:
    """The pods of a cluster, their parts, and what they hold.

    Parts are numbered pod after pod; ``part_pod`` (R,) and ``part_generation`` (R,) describe them.
    """

    def __init__(self, topology: Topology) -> None:
        self.topology = topology
        self.level = max(topology.pod_level(), topology.domain_level)
        _, pod = np.unique(topology.domain_unit[:, self.level], return_inverse=True)
        kinds = np.stack([pod, topology.domain_generation])
        parts, part_of_domain = np.unique(kinds, axis=1, return_inverse=True)
        self.part_pod, self.part_generation = parts[0].astype(np.int64), parts[1].astype(np.int64)
        self._part_of_domain = part_of_domain.ravel().astype(np.int64)
        self.num_pods = int(self.part_pod.max()) + 1
        self._slots: dict[CellShape, PartSlots] = {}

    @property
    def num_parts(self) -> int:
        """Parts of all pods."""
        return len(self.part_pod)

    @property
    def largest_gpus(self) -> int:
        """Usable accelerators of the largest pod."""
        pod = self.part_pod[self._part_of_domain]
        return int(np.bincount(pod, weights=self.topology.domain_usable).max())

    def shape(self, batch: StrategyBatch, row: int) -> CellShape:
        """The cell of one strategy: whole tp and etp groups in each domain where that works."""
        block = int(np.lcm(batch.tp[row], batch.etp[row]))
        return CellShape.of(int(batch.cell_gpus[row]), block, self.topology.domain_size)

    def slots(self, shape: CellShape) -> PartSlots:
        """All places for cells of a shape."""
        if shape not in self._slots:
            found = slots_of(self.topology, shape, self.level)
            part = self._part_of_domain[found.domains[:, 0]]
            order = np.argsort(part, kind="stable")
            slots = Slots(domains=found.domains[order], first_gpu=found.first_gpu[order])
            self._slots[shape] = PartSlots(slots=slots, part=part[order])
        return self._slots[shape]

    def capacity(self, shape: CellShape) -> IntArray:
        """Cells of a shape that each part can host; (R,)."""
        return np.bincount(self.slots(shape).part, minlength=self.num_parts).astype(np.int64)

    def by_pod(self, cells: IntArray) -> IntArray:
        """Sum figures per part, (R, ...), over the parts of each pod; (P, ...)."""
        return np.asarray(np.add.reduceat(cells, self.first_part, axis=0), dtype=np.int64)

    @property
    def first_part(self) -> IntArray:
        """(P,) the first part of each pod."""
        return np.searchsorted(self.part_pod, np.arange(self.num_pods))
