"""What each value of an axis does, told from layouts that differ in nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from placer.compare.sweep.axes import Axis, Point, Value
    from placer.compare.sweep.result import Sweep


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One value against the first of its axis, in tokens per second and GPU.

    ``mean`` is the geometric mean over ``num_pairs`` pairs of layouts that differ only here, both
    with a plan; ``least`` and ``most`` its extremes. All are None where there is no such pair.
    """

    axis: Axis
    value: Value
    num_pairs: int
    mean: float | None
    least: float | None
    most: float | None


def effects(sweep: Sweep) -> tuple[Effect, ...]:
    """The effect of each value of each axis that has several, in their order."""
    speed = {row.point: row.tokens_per_s_per_gpu for row in sweep.rows}
    return tuple(
        _effect(speed, axis, place, value)
        for place, axis in enumerate(sweep.axes)
        if len(axis.values) > 1
        for value in axis.values
    )


def _effect(speed: dict[Point, float | None], axis: Axis, place: int, value: Value) -> Effect:
    ratios = []
    for point, here in speed.items():
        base = speed.get((*point[:place], axis.values[0], *point[place + 1 :]))
        if point[place] == value and here is not None and base is not None:
            ratios.append(here / base)
    if not ratios:
        return Effect(axis=axis, value=value, num_pairs=0, mean=None, least=None, most=None)
    mean = math.exp(math.fsum(math.log(ratio) for ratio in ratios) / len(ratios))
    return Effect(
        axis=axis,
        value=value,
        num_pairs=len(ratios),
        mean=mean,
        least=min(ratios),
        most=max(ratios),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Tokens per second and GPU over two axes, the best of all other values in each cell.

    ``cells[i][j]`` is at value i of ``rows`` and j of ``columns``; None without a plan.
    """

    rows: Axis
    columns: Axis
    cells: tuple[tuple[float | None, ...], ...]


def grids(sweep: Sweep) -> tuple[Grid, ...]:
    """A grid for each two axes that have plans at several values, in their order."""
    planned = [row.point for row in sweep.rows if row.plan is not None]
    varied = [
        place for place in range(len(sweep.axes)) if len({point[place] for point in planned}) > 1
    ]
    return tuple(
        _grid(sweep, first, second)
        for index, first in enumerate(varied)
        for second in varied[index + 1 :]
    )


def _grid(sweep: Sweep, first: int, second: int) -> Grid:
    best: dict[tuple[Value, Value], float] = {}
    for row in sweep.rows:
        if row.tokens_per_s_per_gpu is not None:
            at = (row.point[first], row.point[second])
            best[at] = max(best.get(at, 0.0), row.tokens_per_s_per_gpu)
    rows, columns = sweep.axes[first], sweep.axes[second]
    cells = tuple(tuple(best.get((r, c)) for c in columns.values) for r in rows.values)
    return Grid(rows=rows, columns=columns, cells=cells)
