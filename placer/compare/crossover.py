"""What should cross the links between sites, by their bandwidth and length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from placer.plan.strategy import CrossSiteMode
    from placer.spec.run import RunSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Technique:
    """The best plan of one arrangement of the sites.

    ``exposed_s`` is what a step waits between sites on average. ``loss_change`` and
    ``equivalent_tokens_per_s`` are the published exchange rate's: 0 and the tokens themselves where
    every step is synchronous. ``notes`` say where nothing was measured for the exchange rate.
    """

    mode: CrossSiteMode
    sites: tuple[str, ...]
    is_synchronous: bool
    step_time_s: float
    tokens_per_s: float
    exposed_s: float
    loss_change: float
    equivalent_tokens_per_s: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossoverCell:
    """One bandwidth and length of all links, with the best plan of each arrangement that has one.

    ``gap`` is how close the fastest synchronous plan is proven; ``reason`` says why there is no
    plan, empty where there is one.
    """

    bandwidth_bytes_per_s: float
    distance_m: float
    techniques: tuple[Technique, ...]
    gap: float
    reason: str = ""

    @property
    def alone(self) -> Technique | None:
        """The best plan that leaves the links alone, at one site."""
        return _best(t for t in self.techniques if len(t.sites) == 1)

    @property
    def synchronous(self) -> Technique | None:
        """The fastest whose steps mean the same as on one site."""
        return _best(t for t in self.techniques if t.is_synchronous)

    @property
    def equivalent(self) -> Technique | None:
        """The fastest of all, DiLoCo counted by computation of equal loss."""
        known = self.techniques
        return max(known, key=lambda t: t.equivalent_tokens_per_s) if known else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossover:
    """The whole study; ``cells`` by bandwidth, then distance, both ascending."""

    model: str
    cluster: str
    num_gpus: int
    run: RunSpec
    inner_steps: int
    bandwidths: tuple[float, ...]
    distances: tuple[float, ...]
    cells: tuple[CrossoverCell, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the exchange rate rests on beside measurements, each once."""
        told = (n for cell in self.cells for t in cell.techniques for n in t.notes)
        return tuple(dict.fromkeys(told))

    def cell(self, bandwidth: int, distance: int) -> CrossoverCell:
        """One cell by the numbers of its bandwidth and distance."""
        return self.cells[bandwidth * len(self.distances) + distance]


def _best(techniques: Iterable[Technique]) -> Technique | None:
    return max(techniques, key=lambda t: t.tokens_per_s, default=None)
