"""What became of one arrangement."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.search.result import SearchStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from placer.plan.strategy import CrossSite
    from placer.search.across.arrangements import Arrangement
    from placer.search.result import FoundPlan

SLOWER_BY_WORK: Final = "slower: more work than its accelerators can do in that time"
SLOWER_BY_BOUND: Final = "slower by its bound"
NOTHING_FITS: Final = "nothing fits"
OUT_OF_TIME: Final = "the time limit came first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one arrangement; no plan of it is faster than ``lower_bound_s``.

    ``plans`` are the best and the next best, empty where it was left (``reason``: slower, or what
    it lacks) or nothing fits.
    """

    arrangement: Arrangement
    arranged: CrossSite
    plans: tuple[FoundPlan, ...]
    lower_bound_s: float
    reason: str
    status: SearchStatus = SearchStatus.PROVEN
    considered: int = 0
    pruned: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    solved: int = 0
    work: float = 0.0
    wall_clock_cut: bool = False

    @property
    def step_s(self) -> float:
        """Step time of its best plan; infinite without one."""
        return self.plans[0].estimate.step_time_s if self.plans else np.inf
