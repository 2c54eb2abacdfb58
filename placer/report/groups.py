"""Where the groups of each axis sit: how wide they spread, and which levels they cross."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.plan.coordinates import axis_strides
from placer.report.reach import home
from placer.report.tabular import Table, columns

if TYPE_CHECKING:
    from placer.plan.placement import AxisLevels
    from placer.plan.plan import Plan

EXPERT_AXES: Final = ("ep", "etp", "edp")


def groups_table(plan: Plan) -> Table:
    """One row per axis that has more than one member."""
    degrees = {axis.value: degree for axis, (degree, _) in axis_strides(plan.strategy).items()}
    hidden = _hidden_axes(plan)
    shown = [
        (axis, degrees.get(axis.axis, 1))
        for axis in plan.placement.axis_levels
        if axis.axis not in hidden
    ]
    return Table(
        caption="How the groups of each axis spread over the cluster",
        columns=columns(
            "axis", "degree>", "groups>", "inside one", "widest group", "levels crossed"
        ),
        rows=tuple(
            (
                axis.axis,
                f"{degree:,}",
                f"{axis.groups:,}",
                home(axis),
                spread(axis),
                crossings(axis),
            )
            for axis, degree in shown
            if degree > 1
        ),
    )


def _hidden_axes(plan: Plan) -> tuple[str, ...]:
    """Axes that say nothing new: of experts without experts, of dp x cp without cp."""
    without_experts = () if plan.model.moe is not None else EXPERT_AXES
    return (*without_experts, *(("dp_cp",) if plan.strategy.cp == 1 else ()))


def spread(axis: AxisLevels) -> str:
    """``8 GPU/nvlink``, or ``32 nvlink/leaf 4 leaf/pod``."""
    levels = list(axis.groups_crossing)
    parts = [
        f"{axis.levels[level]} {child}/{level}"
        for child, level in zip(["GPU", *levels], levels, strict=False)
        if axis.levels.get(level, 1) > 1
    ]
    return " ".join(parts) or "1 GPU"


def crossings(axis: AxisLevels) -> str:
    """``nvlink, leaf (16 groups)``: the levels some group does not fit in one unit of."""
    counts = [(level, n) for level, n in axis.groups_crossing.items() if n]
    told = [f"{level}" if n == axis.groups else f"{level} ({n:,} groups)" for level, n in counts]
    return ", ".join(told) or "none"
