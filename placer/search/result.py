"""What a search answers, and what it says while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from placer.plan.estimate import Estimate
    from placer.plan.placement import Placement
    from placer.plan.strategy import Strategy


class SearchStatus(StrEnum):
    """How a search ended.

    ``proven``: no plan is faster by more than the gap; ``limit``: a limit came first;
    ``interrupted``: the user stopped it. The gap in the result holds in each case.
    """

    PROVEN = "proven"
    LIMIT = "limit"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPlan:
    """One strategy on accelerators with its cost."""

    strategy: Strategy
    placement: Placement
    estimate: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchResult:
    """The best plan, the next best of other shapes, and the proof.

    ``lower_bound_s`` no plan of the space is faster than; ``gap`` is best / bound - 1.
    ``considered`` counts strategies, ``pruned`` those dropped by reason, ``solved`` those placed;
    together the last two make up the first. ``deterministic_work`` is the solver's own measure.
    ``wall_clock_cut`` says that a wall-clock limit shaped the answer.
    """

    best: FoundPlan
    alternatives: tuple[FoundPlan, ...]
    status: SearchStatus
    lower_bound_s: float
    gap: float
    considered: int
    pruned: Mapping[str, int]
    solved: int
    deterministic_work: float
    wall_clock_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a search stands; ``incumbent_s`` and ``gap`` are infinite before the first plan."""

    incumbent_s: float
    lower_bound_s: float
    gap: float
    elapsed_s: float
    candidates: int
    solved: int


class ProgressListener(Protocol):
    """What wants to hear of progress, at most about ten times a second."""

    def __call__(self, progress: Progress, /) -> None:
        """Take note of the progress."""
