"""How far the groups of every axis spread, counted from the ranks themselves.

Nothing is derived from how the placement was made: each group's members are looked up, and the
units of the cluster they stand in are counted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from placer.plan.coordinates import Axis, axis_strides, first_members
from placer.plan.placement import AxisLevels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placer.plan.strategy import IntArray, Strategy


def axis_levels(
    strategy: Strategy, level_names: Sequence[str], units: Sequence[IntArray]
) -> tuple[AxisLevels, ...]:
    """Spread of the groups of every axis.

    Parameters
    ----------
    strategy
        Its coordinates say which ranks form a group.
    level_names
        L names, inner to outer.
    units
        L arrays (N,): the unit of each level that each rank stands in, numbered over the cluster.
    """
    return tuple(_spread(strategy, axis, level_names, units) for axis in Axis)


def _spread(
    strategy: Strategy, axis: Axis, level_names: Sequence[str], units: Sequence[IntArray]
) -> AxisLevels:
    """Units the widest group covers in one unit of each level, and groups in more than one unit.

    Ranks that stand for a whole inner unit of their group are kept, level by level, so that the
    work shrinks outwards.
    """
    degree, _ = axis_strides(strategy)[axis]
    num_groups = strategy.num_gpus // degree
    levels: dict[str, int] = {}
    crossing = dict.fromkeys(level_names, 0)
    if degree > 1:
        group = first_members(strategy, axis)
        members = np.arange(strategy.num_gpus)
        for name, unit in zip(level_names, units, strict=True):
            pairs = group[members] * (int(unit.max()) + 1) + unit[members]
            _, first, covered = np.unique(pairs, return_index=True, return_counts=True)
            members = members[first]
            if covered.max() > 1:
                levels[name] = int(covered.max())
            crossing[name] = _in_several(group[members])
    return AxisLevels(axis=axis.value, levels=levels, groups=num_groups, groups_crossing=crossing)


def _in_several(group: IntArray) -> int:
    """Groups that appear more than once."""
    _, counts = np.unique(group, return_counts=True)
    return int(np.count_nonzero(counts > 1))
