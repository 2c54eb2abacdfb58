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
    from placer.search.across.site_search import SiteSearch
    from placer.search.result import FoundPlan

SLOWER_AT_SIGHT: Final = "slower: too few accelerators"
SLOWER_BY_BOUND: Final = "slower by its bound"
OTHER_SETS: Final = "all other sets of sites, by their accelerators and the widest link"
NOTHING_FITS: Final = "nothing fits"
OUT_OF_TIME: Final = "the time limit came first"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one arrangement; no plan of it is faster than ``lower_bound_s``.

    ``search`` is what found them, where it can go on for the next best.
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
    search: SiteSearch | None = None

    @property
    def step_s(self) -> float:
        """Step time of its best plan; infinite without one."""
        return self.plans[0].estimate.step_time_s if self.plans else np.inf
