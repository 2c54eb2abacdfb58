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
    """``groups inside one nvlink``, ``groups across pods``, or ``16 of 128 groups across pods``."""
    crossed = [level for level, groups in axis.groups_crossing.items() if groups]
    if not crossed:
        return f"groups inside one {home(axis)}"
    leaving = axis.groups_crossing[crossed[-1]]
    part = "" if leaving == axis.groups else f"{leaving:,} of {axis.groups:,} "
    return f"{part}groups across {crossed[-1]}s"
