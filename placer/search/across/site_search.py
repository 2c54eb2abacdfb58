"""The search for one arrangement: strategies of the merged sites, each put on the real ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from placer.search.best_first import Search, Solved
from placer.search.result import SearchStatus
from placer.search.space import SpaceLimits

if TYPE_CHECKING:
    from collections.abc import Callable

    from placer.plan.legality import FrameworkRules
    from placer.plan.strategy import StrategyBatch
    from placer.search.across.realise import Realiser
    from placer.search.candidates import Costing
    from placer.search.inner import Candidate
    from placer.search.options import SearchOptions
    from placer.search.result import ProgressListener

NOT_DIVISIBLE = "sites_cannot_hold_it"


class SiteSearch(Search):
    """A search over strategies whose bounds know the merged sites, and whose answers the real ones.

    ``arranged_s`` turns a step of the merged sites into one with what is between them: never less
    for more, so that bounds stay bounds. Strategies that cannot get below ``cut_s`` are left.
    """

    def __init__(
        self,
        costing: Costing,
        *,
        rules: FrameworkRules,
        options: SearchOptions,
        listener: ProgressListener | None,
        realise: Realiser,
        arranged_s: Callable[[float], float],
        cut_s: float,
        num_sites: int,
        min_remaining: int = 0,
    ) -> None:
        self._num_sites = num_sites
        self._min_remaining = min_remaining
        self._realise = realise
        self._arranged_s = arranged_s
        self._cut_s = cut_s
        self._cut_at_s = np.inf
        super().__init__(costing, rules=rules, options=options, listener=listener)

    @property
    def lower_bound_s(self) -> float:
        """No plan of the arrangement is faster."""
        return min(super().lower_bound_s, self._cut_at_s)

    def extend(self, top: int) -> None:
        """Look for the next best plans too, up to ``top`` in all."""
        self._options = replace(self._options, top=top)
        if self.status is SearchStatus.PROVEN:
            self.run()

    def _waits_s(self, batch: StrategyBatch) -> np.ndarray:
        return self._realise.waits_s(batch)

    def _has_network(self) -> bool:
        """Between the merged sites themselves nothing costs anything."""
        return self._costing.pods.num_parts > self._num_sites

    def _limits(self) -> SpaceLimits:
        return replace(
            super()._limits(),
            num_sites=self._costing.num_sites,
            min_remaining=self._min_remaining,
        )

    def _pools_generations(self) -> bool:
        """The pooled problem knows nothing of what sites wait for."""
        return False

    def _next_bound_s(self) -> float:
        bound = super()._next_bound_s()
        if not np.isfinite(bound):
            return bound
        arranged = self._arranged_s(bound)
        if arranged < self._cut_s:
            return arranged
        self._cut_at_s = min(self._cut_at_s, arranged)
        return np.inf

    def _try(self, candidate: Candidate, *, prove_it: bool) -> None:
        """Put a candidate on the sites; what cannot be divided over them is pruned."""
        del prove_it
        placed = self._realise(candidate)
        if placed is None or not placed.estimate.fits:
            self.pruned[NOT_DIVISIBLE] += 1
            return
        self.num_tried += 1
        bound = min(self._arranged_s(self._realise.least_s(candidate)), placed.estimate.step_time_s)
        self.solved.append(Solved(candidate=candidate, placed=placed, bound_s=bound, proven=True))
