"""How far the groups of an axis reach, in a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from placer.plan.placement import AxisLevels


def home(axis: AxisLevels) -> str:
    """The innermost level one unit of which holds each group; empty where none does."""
    holding = [level for level, groups in axis.groups_crossing.items() if groups == 0]
    return holding[0] if holding else ""


def reach(axis: AxisLevels) -> str:
    """``inside one nvlink``, ``across pods``, or ``16 of 128 across pods``."""
    holding = home(axis)
    levels = list(axis.groups_crossing)
    crossed = [level for level in levels if axis.groups_crossing[level] > 0]
    if not crossed:
        return f"inside one {holding}"
    widest = crossed[-1]
    leaving = axis.groups_crossing[widest]
    if leaving == axis.groups:
        return f"across {widest}s"
    return f"{leaving:,} of {axis.groups:,} across {widest}s"
