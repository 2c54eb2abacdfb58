"""What a comparison of cluster layouts answers: one object that every rendering reads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from placer.compare.difference import Difference
    from placer.plan.plan import Plan
    from placer.spec.run import RunSpec


class RankBy(StrEnum):
    """What makes a layout the better one."""

    GPU = "gpu"
    TOKENS = "tokens"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One cluster, and the best plan of the model on it.

    ``num_gpus`` counts the accelerators offered to the job: the usable ones, or as many as the user
    allowed. ``plan`` is None exactly where ``reason`` says why there is none.
    """

    name: str
    num_gpus: int
    plan: Plan | None
    reason: str = ""

    @property
    def tokens_per_s(self) -> float | None:
        """Tokens trained per second."""
        return None if self.plan is None else self.plan.estimate.tokens_per_s

    @property
    def tokens_per_s_per_gpu(self) -> float | None:
        """The same over the accelerators offered: those the plan leaves idle count."""
        return None if self.plan is None else self.plan.estimate.tokens_per_s / self.num_gpus

    def figure(self, rank_by: RankBy) -> float | None:
        """What the layout is ranked by, larger is better; None without a plan."""
        return self.tokens_per_s if rank_by is RankBy.TOKENS else self.tokens_per_s_per_gpu


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A layout in its rank; ``ratio`` is its figure over the reference's.

    ``difference`` says where an accelerator's time goes that the reference spends otherwise. Both
    are None where one of the two layouts has no plan.
    """

    layout: Layout
    ratio: float | None
    difference: Difference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One model and one run on several layouts, best first, those without a plan last.

    ``assumptions`` are what the user left open and placer chose, the same for all layouts.
    """

    model: str
    run: RunSpec
    rank_by: RankBy
    reference: str
    assumptions: tuple[str, ...]
    rows: tuple[Row, ...]
