"""Steps that do not go as planned: passes that take longer at random, accelerators that are slow.

Replicas meet once per step, so the slowest of them decides. A healthy lane's time is drawn anew for
each sample; the slowest of all R lanes is then the normal distribution's R-fold maximum, for a
lane's time is a sum of many passes. Cells with a slow accelerator are played one by one.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist, fmean, stdev

from placer.plan.strategy import Strategy
from placer.simulate.engine import simulate_step
from placer.simulate.result import Percentile
from placer.simulate.scene import Scene

SHARES = (0.05, 0.25, 0.5, 0.75, 0.95, 0.99)

LEAST_DEVIATION = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Variation:
    """What varies, and how often to look.

    ``jitter`` is the standard deviation of a pass on one accelerator, as a share of its time;
    ``stragglers`` accelerators, drawn anew for each sample, take ``slowdown`` times as long.
    """

    jitter: float = 0.0
    stragglers: int = 0
    slowdown: float = 1.2
    samples: int = 20
    seed: int = 0

    @property
    def varies(self) -> bool:
        """Whether there is anything to sample."""
        return self.jitter > 0.0 or (self.stragglers > 0 and self.slowdown > 1.0)


def sampled_steps(scene: Scene, strategy: Strategy, variation: Variation) -> tuple[float, ...]:
    """Step times of ``variation.samples`` steps, ascending."""
    return _Sampler(scene, strategy, variation).steps()


def percentiles(steps: tuple[float, ...]) -> tuple[Percentile, ...]:
    """Step times at some shares of ascending samples, between which is interpolated."""
    table = []
    for share in SHARES:
        place = share * (len(steps) - 1)
        low = int(place)
        high = min(low + 1, len(steps) - 1)
        step_time_s = steps[low] + (place - low) * (steps[high] - steps[low])
        table.append(Percentile(share=share, step_time_s=step_time_s))
    return tuple(table)


class _Sampler:
    """Plays a scene again and again."""

    def __init__(self, scene: Scene, strategy: Strategy, variation: Variation) -> None:
        self.scene = scene
        self.strategy = strategy
        self.variation = variation
        self.generator = random.Random(variation.seed)  # noqa: S311 (no secret)
        self.known: dict[tuple[tuple[int, float], ...], float] = {}

    def steps(self) -> tuple[float, ...]:
        """Every sample: the slowest healthy lane, or a slower one with stragglers."""
        healthy = self._healthy_s()
        return tuple(sorted(max(base, self._slow_s()) for base in healthy))

    def _healthy_s(self) -> list[float]:
        """The slowest of all lanes without stragglers, for each sample."""
        samples = self.variation.samples
        if self.variation.jitter == 0.0:
            return [self._play({})] * samples
        played = [self._play({}) for _ in range(max(samples, 2))]
        spread = NormalDist(fmean(played), max(stdev(played), LEAST_DEVIATION))
        lanes = self.strategy.cells_per_stage
        return [
            spread.inv_cdf(_inside(self.generator.random() ** (1.0 / lanes)))
            for _ in range(samples)
        ]

    def _slow_s(self) -> float:
        """The slowest of the lanes that stragglers are in."""
        cells, pp = self.strategy.cells_per_stage, self.strategy.pp
        slow: dict[int, dict[int, float]] = {}
        for _ in range(self.variation.stragglers):
            lane, stage = self.generator.randrange(cells), self.generator.randrange(pp)
            slow.setdefault(lane, {})[stage] = self.variation.slowdown
        return max((self._play(stages) for _, stages in sorted(slow.items())), default=0.0)

    def _play(self, slow: dict[int, float]) -> float:
        """A step whose stages ``slow`` take so many times as long; equal ones are played once."""
        key = tuple(sorted(slow.items()))
        if self.variation.jitter > 0.0:
            return simulate_step(self.scene, self._pace(slow)).step_time_s
        if key not in self.known:
            self.known[key] = simulate_step(self.scene, self._pace(slow)).step_time_s
        return self.known[key]

    def _pace(self, slow: dict[int, float]) -> Callable[[int], float]:
        """How many times its time the next pass of a stage takes.

        A cell waits for the slowest of its accelerators at every layer.
        """
        jitter, gpus = self.variation.jitter, self.strategy.cell_gpus
        normal = NormalDist()

        def factor(stage: int) -> float:
            drawn = 0.0
            if jitter > 0.0:
                drawn = jitter * normal.inv_cdf(_inside(self.generator.random() ** (1.0 / gpus)))
            return slow.get(stage, 1.0) * max(1.0 + drawn, 0.0)

        return factor


def _inside(share: float) -> float:
    """A probability strictly between 0 and 1."""
    return min(max(share, 1e-12), 1.0 - 1e-12)
