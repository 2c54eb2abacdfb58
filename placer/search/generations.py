"""What bounds know of accelerator generations: how many stages can stand on the faster ones.

Generations are ranked, fastest first. A stage takes the time of the slowest accelerator under it,
so of any set of the fastest generations only so many stages profit as fit wholly on it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from placer.cost.rates import peak_flops_per_s

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from placer.cost.model import CostModel
    from placer.plan.strategy import IntArray
    from placer.search.unit_costs import UnitCosts

    FloatArray = NDArray[np.float64]


def fastest_first(model: CostModel) -> tuple[int, ...]:
    """The cluster's generations by peak rate, then by memory."""
    accelerators = model.topology.accelerators
    peak = [peak_flops_per_s(a, model.run.precision) for a in accelerators]
    ranked = sorted(range(len(peak)), key=lambda g: (-peak[g], -model.memory_limit_bytes(g), g))
    return tuple(ranked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Of N strategies, (N, G - 1): one column per set of the j + 1 fastest generations.

    ``few`` stages at most stand wholly on the set; on any other generation everything takes at
    least ``ratio`` times as long as at best.
    """

    few: IntArray
    ratio: FloatArray

    def take(self, rows: IntArray) -> Mix:
        """Rows picked by index."""
        return Mix(few=self.few[rows], ratio=self.ratio[rows])

    def effective_stages(self, pp: IntArray) -> FloatArray:
        """Stages of the best speed that do as much in a given time as all together; (N,)."""
        stages = pp[:, None].astype(np.float64)
        few = np.minimum(self.few, stages)
        worth = few + (stages - few) / self.ratio
        return np.asarray(worth.min(axis=1, initial=np.inf, where=True).clip(max=pp))

    def total_s(self, total: FloatArray, critical: FloatArray) -> FloatArray:
        """Least sum of all stage times when none takes longer than ``critical``; (N,).

        The stages on a fast set take ``few * critical`` of the work at most, the rest is slower.
        """
        fast = self.few * critical[:, None]
        slower = self.ratio * total[:, None] - (self.ratio - 1.0) * fast
        return np.asarray(slower.max(axis=1, initial=-np.inf).clip(min=total))

    def turning_points(self, total: FloatArray) -> tuple[FloatArray, ...]:
        """Critical times at which ``total_s`` stops falling, one (N,) array per set."""
        few = np.maximum(self.few, 1)
        return tuple(total / few[:, j] for j in range(few.shape[1]))


def mix_of(costs: Sequence[UnitCosts], few: IntArray) -> Mix:
    """From the costs on each generation, fastest first, and ``few`` (N, G - 1)."""
    best = np.min([c.time_s for c in costs], axis=0)
    ratio = np.ones(few.shape)
    for j in range(few.shape[1]):
        slower = np.min([c.time_s for c in costs[j + 1 :]], axis=0)
        times = np.divide(slower, best, out=np.full_like(best, np.inf), where=best > 0.0)
        ratio[:, j] = np.maximum(times.min(axis=1), 1.0)
    return Mix(few=few, ratio=ratio)


def stage_kinds(
    costs: Sequence[UnitCosts], limits_bytes: Sequence[float]
) -> tuple[tuple[int, ...], ...]:
    """Sets of generations that a stage may stand on, as ranks: each a run of neighbours in rank.

    A generation that costs no more in any way than one of the set joins it for nothing, so that
    where generations only get better there is one kind per slowest generation.
    """
    ranks = range(len(costs))
    free = {
        slow: [fast for fast in ranks if _no_worse(costs, limits_bytes, fast, slow)]
        for slow in ranks
    }
    runs = [range(first, last + 1) for first in ranks for last in range(first, len(ranks))]
    closed = {tuple(sorted({*run, *(f for slow in run for f in free[slow])})) for run in runs}
    return tuple(sorted(closed, key=lambda kind: (kind[-1], len(kind), kind)))


def _no_worse(
    costs: Sequence[UnitCosts], limits_bytes: Sequence[float], fast: int, slow: int
) -> bool:
    pairs = (
        (getattr(costs[fast], f.name), getattr(costs[slow], f.name)) for f in fields(costs[fast])
    )
    cheaper = all(bool((mine <= theirs).all()) for mine, theirs in pairs)
    return cheaper and limits_bytes[fast] >= limits_bytes[slow]
