"""How far the cost model is off: every run by its step time, every group by its mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.report.svg.bars import Bar, Segment, bars
from placer.report.svg.figure import Drawing, Figure, figure
from placer.report.svg.scatter import Axes, Point, scatter
from placer.report.validation_tables import group_table, worst_table
from placer.report.validation_text import percent
from placer.units import format_time
from placer.validate.grouping import GroupedBy

if TYPE_CHECKING:
    from placer.validate.predict import Outcome
    from placer.validate.validation import Validation

NEAR: Final = "#0072B2"
FAR: Final = "#D55E00"
"""Of Okabe and Ito's palette: within, and beyond, ``TOLERANCE``."""

TOLERANCE: Final = 0.10
_NAMED: Final = 3


def errors_figure(validation: Validation) -> Figure:
    """Every costed run: its measured step time, and by how much the prediction misses it."""
    named = {outcome.measured.name for outcome in validation.worst(_NAMED)}
    points = [_point(outcome, named) for outcome in validation.costed]
    axes = Axes(
        x="measured step time (s)",
        y="prediction too long (+) or too short (-), %",
        tell_x="{:g}".format,
        tell_y=lambda share: f"{100 * share:+.0f}" if share else "0",
        log_x=True,
    )
    within = sum(abs(outcome.error) <= TOLERANCE for outcome in validation.costed)

    def draw(width: float) -> Drawing:
        return scatter(points, (), width, axes)

    return figure(
        "errors",
        draw,
        finding=f"{within} of {len(points)} measured runs are predicted within 10 %",
        note="A point is a run; point at one for its name.",
        table=worst_table(validation),
        legend=((NEAR, "within 10 %"), (FAR, "further off")),
    )


def groups_figure(validation: Validation) -> Figure:
    """The mean error of each family on each accelerator."""
    groups = [g for g in validation.groups if g.by is GroupedBy.FAMILY_ACCELERATOR]
    rows = [
        Bar(
            label=group.name,
            segments=(
                Segment(
                    value=100.0 * group.mape,
                    colour=NEAR if group.mape <= TOLERANCE else FAR,
                    tip=f"{group.name}: {percent(group.mape)}, bias"
                    f" {percent(group.bias, signed=True)}",
                ),
            ),
            told=f"{percent(group.mape)}, {group.rows} run{'s' if group.rows > 1 else ''}",
        )
        for group in groups
    ]
    worst = max(groups, key=lambda g: (g.mape, g.name))

    def draw(width: float) -> Drawing:
        return bars(rows, width, axis="mean absolute error (%)", tell="{:g}".format)

    return figure(
        "groups",
        draw,
        finding=f"The worst group, {worst.name}, is off by {percent(worst.mape)} on average",
        note="Mean of |predicted - measured| / measured step time over the runs of a group.",
        table=group_table(validation, GroupedBy.FAMILY_ACCELERATOR),
        legend=((NEAR, "within 10 %"), (FAR, "further off")),
    )


def _point(outcome: Outcome, named: set[str]) -> Point:
    measured = outcome.measured
    times = (
        f"measured {format_time(measured.measured_s)}, predicted"
        f" {format_time(outcome.estimate.step_time_s)}"
    )
    return Point(
        x=measured.measured_s,
        y=outcome.error,
        name=measured.name,
        tip=f"{measured.name}: {times} ({percent(outcome.error, signed=True)})",
        colour=NEAR if abs(outcome.error) <= TOLERANCE else FAR,
        named=measured.name in named,
    )
