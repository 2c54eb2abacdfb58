"""The tables of a comparison, before any rendering draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.report.comparison.wording import each, times, why
from placer.report.strategy_text import strategy_line
from placer.report.tabular import Column, Side, Table
from placer.units import format_count, format_percent, format_power, format_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placer.compare.comparison import Comparison, Layout, Row
    from placer.compare.economics.training import Training
    from placer.plan.plan import Plan

UNKNOWN = "unknown"
J_PER_MWH = 3.6e9


def layouts_table(comparison: Comparison) -> Table:
    """Every layout with a plan, in its rank."""
    rows = [
        (
            str(place),
            row.layout.name,
            f"{row.layout.num_gpus:,}",
            format_percent(plan.placement.gpus_used / row.layout.num_gpus),
            format_time(plan.estimate.step_time_s),
            format_count(plan.estimate.tokens_per_s),
            f"{row.layout.tokens_per_s_per_gpu:,.1f}",
            format_percent(plan.estimate.mfu),
            times(row),
        )
        for place, (row, plan) in enumerate(solved(comparison), start=1)
    ]
    return _table(
        "Layouts in their rank",
        ("", "r"),
        ("layout", "l"),
        ("GPUs", "r"),
        ("used", "r"),
        ("step", "r"),
        ("tokens/s", "r"),
        ("per GPU", "r"),
        ("MFU", "r"),
        ("ratio", "r"),
        rows=rows,
    )


def differences_table(comparison: Comparison) -> Table:
    """Where each layout's time differs from the reference's."""
    rows = [(row.layout.name, why(comparison, row)) for row, _ in solved(comparison)]
    against = f"against {comparison.reference.name}"
    return _table("Where the difference lies", ("layout", "l"), (against, "l"), rows=rows)


def plans_table(comparison: Comparison) -> Table:
    """The plan of each layout, and how close to the best possible it is proven."""
    rows = [
        (
            row.layout.name,
            "" if plan.bound is None else f"{100 * plan.bound.gap:.2f} %",
            strategy_line(plan.strategy, has_experts=plan.model.moe is not None),
        )
        for row, plan in solved(comparison)
    ]
    return _table("Plans", ("layout", "l"), ("gap", "r"), ("plan", "l"), rows=rows)


def parts_table(comparison: Comparison) -> Table:
    """What each layout is built of, draws and costs."""
    rows = [_parts(comparison, row.layout) for row, _ in solved(comparison)]
    return _table(
        "Parts, power and cost",
        ("layout", "l"),
        ("switches", "r"),
        ("modules", "r"),
        ("power", "r"),
        ("per GPU", "r"),
        ("J/token", "r"),
        (f"{comparison.currency}/hour", "r"),
        (f"{comparison.currency}/M tokens", "r"),
        rows=rows,
    )


def training_table(comparison: Comparison) -> Table:
    """A whole run on each layout, failures included."""
    trained = [(row.layout.name, row.layout.training) for row, _ in solved(comparison)]
    rows = [_training(name, run) for name, run in trained if run is not None]
    return _table(
        "The whole run, failures included",
        ("layout", "l"),
        ("days", "r"),
        (comparison.currency, "r"),
        ("MWh", "r"),
        ("goodput", "r"),
        ("stops/day", "r"),
        ("saved every", "r"),
        ("spares (held)", "r"),
        rows=rows,
    )


def reasons_table(comparison: Comparison) -> Table:
    """Why a layout has no plan."""
    rows = [
        (row.layout.name, row.layout.reason) for row in comparison.rows if row.layout.plan is None
    ]
    return _table("Without a plan", ("layout", "l"), ("why", "l"), rows=rows)


def solved(comparison: Comparison) -> list[tuple[Row, Plan]]:
    """Rows that have a plan, in their rank."""
    return [(row, row.layout.plan) for row in comparison.rows if row.layout.plan is not None]


def lacking(comparison: Comparison) -> tuple[str, ...]:
    """One sentence where costs are unknown: what the price file lacks."""
    bills = [row.layout.cost for row, _ in solved(comparison) if row.layout.cost is not None]
    missing = dict.fromkeys(name for bill in bills for name in bill.missing)
    if not missing:
        return ()
    shown = list(missing)[:6]
    rest = f" and {len(missing) - len(shown)} more" if len(missing) > len(shown) else ""
    return (f"Costs lack {', '.join(shown)}{rest}: give --prices FILE.",)


def _parts(comparison: Comparison, layout: Layout) -> tuple[str, ...]:
    counted = layout.inventory
    power_each = each(layout.power_w, layout)
    per_million = layout.cost_per_million_tokens
    return (
        layout.name,
        UNKNOWN if counted is None else f"{counted.num_switches * layout.share:,.0f}",
        UNKNOWN if counted is None else f"{counted.num_modules * layout.share:,.0f}",
        UNKNOWN if layout.power_w is None else format_power(layout.power_w),
        UNKNOWN if power_each is None else format_power(power_each),
        UNKNOWN if layout.joules_per_token is None else f"{layout.joules_per_token:.2f}",
        UNKNOWN if layout.cost_per_hour is None else f"{layout.cost_per_hour:,.0f}",
        UNKNOWN if per_million is None else f"{per_million:.3f}",
    )


def _training(name: str, run: Training) -> tuple[str, ...]:
    goodput = run.goodput
    return (
        name,
        f"{run.days:,.1f}",
        UNKNOWN if run.cost is None else format_count(run.cost),
        UNKNOWN if run.energy_j is None else f"{run.energy_j / J_PER_MWH:,.0f}",
        format_percent(goodput.share),
        f"{goodput.failures_per_day:.2f}",
        f"{goodput.checkpoint_interval_s / 60:.1f} min",
        f"{goodput.spares_needed:,} ({goodput.spares_held:,})",
    )


def _table(caption: str, *columns: tuple[str, str], rows: Sequence[tuple[str, ...]]) -> Table:
    sides = {"l": Side.LEFT, "r": Side.RIGHT}
    return Table(
        caption=caption,
        columns=tuple(Column(header=header, side=sides[side]) for header, side in columns),
        rows=tuple(rows),
    )
