"""What a sweep answers: every layout with its figures, and what stands out among them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from placer.compare.sweep.pareto import pareto_front

if TYPE_CHECKING:
    from placer.compare.sweep.axes import Axis, Point
    from placer.compare.sweep.solved import SolvedPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """What a layout takes beyond accelerators; None where power or prices are not known.

    Power is at work; ``purchase`` of all parts and ``cost_per_hour`` are in the prices' currency.
    """

    power_w: float | None
    purchase: float | None
    cost_per_hour: float | None
    num_switches: int
    num_modules: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRow:
    """One layout: its values along the axes, and its plan or why there is none.

    ``index`` counts layouts in the order of the axes; ``num_gpus`` are those offered to the job (0
    where the layout is no valid cluster). ``footprint`` is None where it cannot be built.
    ``plan`` and ``refusal`` are both None where the sweep was stopped before the layout's turn.
    """

    index: int
    point: Point
    num_gpus: int
    footprint: Footprint | None
    plan: SolvedPlan | None
    refusal: str | None

    @property
    def tokens_per_s(self) -> float | None:
        """Tokens trained per second; None without a plan."""
        return None if self.plan is None else self.plan.tokens_per_s

    @property
    def tokens_per_s_per_gpu(self) -> float | None:
        """The same over the accelerators offered: idle ones count."""
        return None if self.plan is None else self.plan.tokens_per_s / self.num_gpus


class Price(StrEnum):
    """What speed is weighed against."""

    GPUS = "gpus"
    POWER = "power_w"
    MODULES = "optical_modules"
    PURCHASE = "purchase"
    HOUR = "cost_per_hour"

    def of(self, row: SweepRow) -> float | None:
        """A layout's own; None where it is not known or there is no plan."""
        if row.plan is None or row.footprint is None:
            return None
        return {
            Price.GPUS: float(row.num_gpus),
            Price.POWER: row.footprint.power_w,
            Price.MODULES: float(row.footprint.num_modules),
            Price.PURCHASE: row.footprint.purchase,
            Price.HOUR: row.footprint.cost_per_hour,
        }[self]


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """The layouts that no other equals or beats for the same price, cheapest first."""

    price: Price
    rows: tuple[SweepRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What a tenth more of one resource buys: tokens per second over those without, minus 1."""

    resource: str
    gain: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """All layouts of one template, in the order of the axes.

    ``num_questions`` counts different questions; layouts that pose the same one share its answer.
    ``best`` is the row with the most tokens per second and GPU; ``gains`` are its own.
    """

    model: str
    template: str
    axes: tuple[Axis, ...]
    assumptions: tuple[str, ...]
    currency: str
    gap: float
    rows: tuple[SweepRow, ...]
    num_questions: int
    placer_version: str
    gains: tuple[Gain, ...] = ()

    @property
    def num_open(self) -> int:
        """Layouts the sweep did not come to."""
        return sum(row.plan is None and row.refusal is None for row in self.rows)

    @property
    def best(self) -> SweepRow | None:
        """The row with the most tokens per second and GPU, the first of equals."""
        found = [row for row in self.rows if row.plan is not None]
        return max(found, key=lambda row: row.tokens_per_s_per_gpu or 0.0, default=None)

    def ranked(self) -> tuple[SweepRow, ...]:
        """Rows with a plan, most tokens per second and GPU first, equals in their order."""
        found = [row for row in self.rows if row.plan is not None]
        return tuple(sorted(found, key=lambda row: -(row.tokens_per_s_per_gpu or 0.0)))

    def fronts(self) -> tuple[Front, ...]:
        """Speed against each price, where the layouts differ in it."""
        gains = [row.tokens_per_s for row in self.rows]
        found = []
        for price in Price:
            prices = [price.of(row) for row in self.rows]
            if len({value for value in prices if value is not None}) > 1:
                chosen = tuple(self.rows[index] for index in pareto_front(gains, prices))
                found.append(Front(price=price, rows=chosen))
        return tuple(found)
