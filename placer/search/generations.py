"""What bounds know of accelerator generations: how many stages can stand on the faster ones.

Generations are ranked, fastest first. A stage takes the time of the slowest accelerator under it,
so of any set of the fastest generations only so many stages profit as fit wholly on it.
"""

from __future__ import annotations

import math
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


def fewest_gpus(model: CostModel, order: Sequence[int], max_gpus: int, share: float) -> int:
    """Fewest accelerators, the fastest first, that make up a share of the peak of ``max_gpus``."""
    topology = model.topology
    peaks = [peak_flops_per_s(topology.accelerators[g], model.run.precision) for g in order]
    usable = [int(topology.domain_usable[topology.domain_generation == g].sum()) for g in order]
    left = max_gpus
    used = []
    for count in usable:
        used.append(min(count, left))
        left -= used[-1]
    wanted = share * sum(n * peak for n, peak in zip(used, peaks, strict=True))
    fewest = 0
    for n, peak in zip(used, peaks, strict=True):
        needed = min(n, math.ceil(wanted / peak * (1.0 - 1e-12)))
        fewest, wanted = fewest + needed, max(wanted - needed * peak, 0.0)
    return fewest


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """Of N strategies, (N, G - 1): one column per set of the j + 1 fastest generations.

    ``few`` stages at most stand wholly on the set. All on other generations, the model takes
    ``slow_s`` on a micro-batch; moved to the set, its parts save ``spared_s`` (N, G - 1, D + 3) and
    shrink to no less than 1 / ``ratio``. All stages on the set save ``most_spared_s`` at most.
    """

    few: IntArray
    slow_s: FloatArray
    ratio: FloatArray
    spared_s: FloatArray
    most_spared_s: FloatArray

    def take(self, rows: IntArray) -> Mix:
        """Rows picked by index."""
        return Mix(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def mean_stage_s(self, total: FloatArray, hops: FloatArray, pp: IntArray) -> FloatArray:
        """Mean stage time, weighted by speed: the critical stage takes at least so long; (N,).

        ``total`` is the model's time at best, ``hops`` what all stages wait for theirs.
        """
        stages = pp[:, None].astype(np.float64)
        few = np.minimum(self.few, stages)
        mean = (self.slow_s + hops[:, None]) / (stages - few + self.ratio * few)
        return np.asarray(np.maximum(mean.max(axis=1, initial=0.0), (total + hops) / pp))

    def total_s(self, total: FloatArray, critical: FloatArray) -> FloatArray:
        """Least sum of all stage times when none takes longer than ``critical``; (N,).

        Stages on a fast set save what they have time and room for.
        """
        spared = np.minimum((self.ratio - 1.0) * self.few * critical[:, None], self.most_spared_s)
        slower = self.slow_s - spared
        return np.asarray(slower.max(axis=1, initial=-np.inf).clip(min=total))

    def turning_points(self, total: FloatArray) -> tuple[FloatArray, ...]:
        """Critical times at which ``total_s`` stops falling, one (N,) array per set."""
        spared = np.minimum(self.slow_s - total[:, None], self.most_spared_s)
        slope = (self.ratio - 1.0) * self.few
        turns = np.divide(spared, slope, out=np.zeros_like(spared), where=slope > 0.0)
        return tuple(turns.T)


def mix_of(costs: Sequence[UnitCosts], few: IntArray, num_body: int) -> Mix:
    """From the costs on each generation, fastest first, and ``few`` (N, G - 1); any room."""
    best = np.min([c.time_s for c in costs], axis=0)
    slow = [np.min([c.time_s for c in costs[j:]], axis=0) for j in range(1, len(costs))]
    columns = np.stack(slow, axis=1) if slow else np.zeros((len(few), 0, best.shape[1]))
    ratios = np.divide(
        columns, best[:, None, :], out=np.ones_like(columns), where=best[:, None, :] > 0.0
    )
    counts = np.ones(best.shape[1])
    counts[-3] = num_body
    return Mix(
        few=few,
        slow_s=columns @ counts,
        ratio=np.maximum(ratios.max(axis=2, initial=1.0), 1.0),
        spared_s=columns - best[:, None, :],
        most_spared_s=np.full(few.shape, np.inf),
    )


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
