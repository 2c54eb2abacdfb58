"""Which accelerator generations the stages of a placement stand on; the worst of them counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from placer.cost.stage_costs import FloatArray

if TYPE_CHECKING:
    from placer.plan.strategy import IntArray
    from placer.topology.tree import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """``mask`` (pp, G): whether a stage has accelerators of a generation."""

    mask: NDArray[np.bool_]

    @classmethod
    def of(cls, domains: IntArray, topology: Topology) -> Touched:
        """From the domain of each cell, (pp, R)."""
        generation = topology.domain_generation[domains]
        each = range(len(topology.accelerators))
        return cls(mask=np.stack([(generation == g).any(axis=1) for g in each], axis=1))

    def worst(self, values: FloatArray) -> FloatArray:
        """Largest of ``values`` (G, pp) over the generations of each stage; (pp,)."""
        return np.asarray(np.where(self.mask, values.T, -np.inf).max(axis=1))

    def slowest(self, values: FloatArray) -> IntArray:
        """The generation of each stage where ``values`` (G, pp) are largest, the first of equals."""
        return np.asarray(np.where(self.mask, values.T, -np.inf).argmax(axis=1), dtype=np.int64)

    def least(self, values: FloatArray) -> FloatArray:
        """Smallest of ``values`` (G,) over the generations of each stage; (pp,)."""
        return np.asarray(np.where(self.mask, values, np.inf).min(axis=1))

    def at_hops(self, values: FloatArray) -> FloatArray:
        """Largest of ``values`` (G, pp) at either end of the hop behind each stage; (pp,)."""
        ends = Touched(mask=self.mask | np.roll(self.mask, -1, axis=0))
        return ends.worst(values)
