"""What a comparison of cluster layouts answers: one object that every rendering reads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from placer.compare.difference import Difference
    from placer.compare.economics.cost import CostBill
    from placer.compare.economics.training import Training
    from placer.compare.fabric.inventory import Inventory
    from placer.plan.plan import Plan
    from placer.spec.run import RunSpec

HOUR_S = 3600.0
MILLION = 1e6


class RankBy(StrEnum):
    """What makes a layout the better one: tokens per second and GPU, per second, for the money, per joule."""

    GPU = "gpu"
    TOKENS = "tokens"
    DOLLAR = "dollar"
    JOULE = "joule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One cluster, and the best plan of the model on it.

    ``num_gpus`` counts the accelerators offered to the job: the usable ones, or as many as the user
    or the budget allowed. ``share`` is their part of the usable ones: so much of the cluster's power
    and price is the job's. ``plan`` is None exactly where ``reason`` says why there is none;
    ``inventory`` where its parts could not be counted, and then ``cost`` too. ``training`` is there
    where the user asked for a whole run and there is a plan.
    """

    name: str
    num_gpus: int
    share: float
    plan: Plan | None
    reason: str = ""
    inventory: Inventory | None = None
    cost: CostBill | None = None
    training: Training | None = None

    @property
    def tokens_per_s(self) -> float | None:
        """Tokens trained per second."""
        return None if self.plan is None else self.plan.estimate.tokens_per_s

    @property
    def tokens_per_s_per_gpu(self) -> float | None:
        """The same over the accelerators offered: those the plan leaves idle count."""
        return None if self.plan is None else self.plan.estimate.tokens_per_s / self.num_gpus

    @property
    def power_w(self) -> float | None:
        """What the job's part of the site draws; None where not all is published."""
        whole_w = None if self.inventory is None else self.inventory.power.total_w
        return None if whole_w is None else whole_w * self.share

    @property
    def cost_per_hour(self) -> float | None:
        """What an hour of the job's part costs; None where a price is missing."""
        hour = None if self.cost is None else self.cost.per_hour
        return None if hour is None else hour * self.share

    @property
    def joules_per_token(self) -> float | None:
        """Energy of the site per token."""
        return _over(self.power_w, self.tokens_per_s)

    @property
    def cost_per_million_tokens(self) -> float | None:
        """Money per million tokens."""
        per_s = _over(self.cost_per_hour, HOUR_S)
        per_token = _over(per_s, self.tokens_per_s)
        return None if per_token is None else per_token * MILLION

    def figure(self, rank_by: RankBy) -> float | None:
        """What the layout is ranked by, larger is better; None where it is not known."""
        if rank_by is RankBy.GPU:
            return self.tokens_per_s_per_gpu
        if rank_by is RankBy.TOKENS:
            return self.tokens_per_s
        if rank_by is RankBy.JOULE:
            return _over(1.0, self.joules_per_token)
        return _over(MILLION, self.cost_per_million_tokens)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A layout in its rank; ``ratio`` is its figure over the reference's.

    ``difference`` says where an accelerator's time goes that the reference spends otherwise. Both
    are None where one of the two layouts lacks what is compared.
    """

    layout: Layout
    ratio: float | None
    difference: Difference | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One model and one run on several layouts, best first, those without a plan last.

    ``budget`` says what all layouts were given the same of, empty where each is taken as it is.
    ``assumptions`` are what the user left open and placer chose, the same for all layouts.
    """

    model: str
    run: RunSpec
    rank_by: RankBy
    reference: Layout
    budget: str
    currency: str
    assumptions: tuple[str, ...]
    rows: tuple[Row, ...]
    placer_version: str


def _over(value: float | None, divisor: float | None) -> float | None:
    return None if value is None or not divisor else value / divisor
