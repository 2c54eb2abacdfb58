"""The tables of a sweep, the same in the terminal and on the page."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from placer.compare.sweep.effects import effects
from placer.compare.sweep.result import Price
from placer.report.loss import signed_percent
from placer.report.tabular import Table, columns
from placer.units import format_percent, format_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placer.compare.sweep.axes import Axis
    from placer.compare.sweep.effects import Grid
    from placer.compare.sweep.result import Front, Sweep, SweepRow
    from placer.compare.sweep.solved import SolvedPlan

LETTERS: Final = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""What the fields go by, in the order of the axes."""

LEAST_GAIN: Final = 1e-3
"""Below this a gain is within what two searches are proven to."""

_DEGREES: Final = ("tp", "cp", "ep", "etp", "pp", "vpp", "dp")


def axes_table(axes: Sequence[Axis]) -> Table:
    """The letter of each field, and its values."""
    return Table(
        caption="Fields varied",
        columns=columns("", "field", "values"),
        rows=tuple(
            (letter, axis.key, ", ".join(str(value) for value in axis.values))
            for letter, axis in zip(LETTERS, axes, strict=False)
        ),
    )


def layouts_table(caption: str, axes: Sequence[Axis], rows: Sequence[SweepRow]) -> Table:
    """Layouts with a plan, each with its values and figures; ratios are to the best of them."""
    places = [place for place, axis in enumerate(axes) if len(axis.values) > 1]
    best = max((row.tokens_per_s_per_gpu or 0.0 for row in rows), default=1.0)
    headers = ("GPUs>", "tokens/s/GPU>", "to best>", "step>", "MFU>", "plan")
    return Table(
        caption=caption,
        columns=columns(*(f"{LETTERS[place]}>" for place in places), *headers),
        rows=tuple(
            (*(str(row.point[place]) for place in places), *_figures(row, row.plan, best))
            for row in rows
            if row.plan is not None
        ),
    )


def _figures(row: SweepRow, plan: SolvedPlan, best: float) -> tuple[str, ...]:
    speed = row.tokens_per_s_per_gpu or 0.0
    return (
        f"{row.num_gpus:,}",
        f"{speed:,.1f}",
        f"{speed / best:.3f}x",
        format_time(plan.step_time_s),
        format_percent(plan.mfu),
        degrees(plan),
    )


PRICE_TITLES: Final = {
    Price.GPUS: "GPUs",
    Price.POWER: "power, MW",
    Price.MODULES: "optical modules",
    Price.PURCHASE: "purchase, million {}",
    Price.HOUR: "{} per hour",
}
_IN_MILLIONS: Final = (Price.POWER, Price.PURCHASE)


def price_title(sweep: Sweep, price: Price) -> str:
    """What a front weighs speed against, with its unit."""
    return PRICE_TITLES[price].format(sweep.currency)


def told_price(price: Price, value: float) -> str:
    """A price as people write it."""
    return f"{value / 1e6:,.2f}" if price in _IN_MILLIONS else f"{value:,.0f}"


def front_table(sweep: Sweep, front: Front) -> Table:
    """The layouts of a front, cheapest first; ratios are to the fastest of them."""
    places = [place for place, axis in enumerate(sweep.axes) if len(axis.values) > 1]
    most = max((row.tokens_per_s or 0.0 for row in front.rows), default=1.0)
    head = [f"{LETTERS[place]}>" for place in places]
    title = price_title(sweep, front.price)
    return Table(
        caption=f"Fastest for what they take: {title}",
        columns=columns(*head, f"{title}>", "tokens/s>", "to fastest>", "plan"),
        rows=tuple(
            (
                *(str(row.point[place]) for place in places),
                told_price(front.price, front.price.of(row) or 0.0),
                f"{row.plan.tokens_per_s:,.0f}",
                f"{row.plan.tokens_per_s / most:.3f}x",
                degrees(row.plan),
            )
            for row in front.rows
            if row.plan is not None
        ),
    )


def effects_table(sweep: Sweep) -> Table:
    """What each value does against the first of its field, over layouts that differ only there."""
    letters = {axis.key: letter for letter, axis in zip(LETTERS, sweep.axes, strict=False)}
    return Table(
        caption="What each value does, all else equal",
        columns=columns("", "value>", "tokens/s/GPU>", "least>", "most>", "pairs of layouts>"),
        rows=tuple(
            (
                letters[effect.axis.key],
                str(effect.value),
                *(
                    "-" if ratio is None else f"{ratio:.3f}x"
                    for ratio in (effect.mean, effect.least, effect.most)
                ),
                f"{effect.num_pairs:,}",
            )
            for effect in effects(sweep)
        ),
    )


def grid_table(grid: Grid, most_columns: int | None = None) -> Table:
    """Tokens per second and GPU over two fields, the best of all others in each cell."""
    shown = grid.columns.values[:most_columns]
    return Table(
        caption=f"Tokens per second and GPU: {grid.rows.key} down, {grid.columns.key} across",
        columns=columns("", *(f"{value}>" for value in shown)),
        rows=tuple(
            (str(value), *(cell_text(cell) for cell in cells[: len(shown)]))
            for value, cells in zip(grid.rows.values, grid.cells, strict=True)
        ),
    )


def cell_text(cell: float | None) -> str:
    """A cell's figure, ``-`` without a plan."""
    return "-" if cell is None else f"{cell:,.1f}"


def gains_table(sweep: Sweep) -> Table:
    """What a tenth more of each resource buys the best layout."""
    return Table(
        caption="What a tenth more buys the best layout",
        columns=columns("resource", "tokens/s>"),
        rows=tuple(
            (
                gain.resource,
                signed_percent(gain.gain) if gain.gain >= LEAST_GAIN else "< 0.1 %",
            )
            for gain in sweep.gains
        ),
    )


def refusals_table(sweep: Sweep, most: int | None = None) -> Table:
    """Why layouts have no plan, the commonest reasons first."""
    reasons = Counter(row.refusal.splitlines()[0] for row in sweep.rows if row.refusal)
    told = sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    rows = [(f"{count:,}", reason) for reason, count in told[:most]]
    if len(told) > len(rows):
        rows.append(("...", f"{len(told) - len(rows):,} more reasons; --json has all"))
    return Table(
        caption="Without a plan",
        columns=columns("layouts>", "why there is no plan"),
        rows=tuple(rows),
    )


def degrees(plan: SolvedPlan) -> str:
    """Degrees beyond 1: ``tp8 pp16 vpp8 dp128``."""
    found = [(name, getattr(plan.strategy, name)) for name in _DEGREES]
    return " ".join(f"{name}{value}" for name, value in found if value > 1) or "dp1"


def headline(sweep: Sweep) -> str:
    """How many layouts, with and without plans, how sure."""
    planned = sum(row.plan is not None for row in sweep.rows)
    without = len(sweep.rows) - planned - sweep.num_open
    parts = [
        f"{sweep.model} over {len(sweep.rows):,} layouts of {sweep.template}:",
        f"{planned:,} with a plan within {format_percent(sweep.gap)} of the fastest,",
        f"{without:,} without; {sweep.num_questions:,} different questions",
    ]
    left = f"; stopped with {sweep.num_open:,} open: run it again to go on"
    return " ".join(parts) + (left if sweep.num_open else "")
