"""The pictures of a sweep: heat maps over two fields, speed against size, what a tenth more buys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.compare.sweep.effects import grids
from placer.report.svg.bars import Bar, Segment, bars
from placer.report.svg.figure import figure
from placer.report.svg.heat_map import Cell, HeatMap, heat_map
from placer.report.svg.scatter import Axes, Point, scatter
from placer.report.sweep.tables import (
    LEAST_GAIN,
    cell_text,
    degrees,
    front_table,
    gains_table,
    grid_table,
    price_title,
    told_price,
)
from placer.units import format_percent

if TYPE_CHECKING:
    from placer.compare.sweep.effects import Grid
    from placer.compare.sweep.result import Front, Price, Sweep, SweepRow
    from placer.report.svg.figure import Figure

MOST_MAPS: Final = 6
FRONT: Final = "#0072B2"
OTHER: Final = "#999999"
"""Of Okabe and Ito's palette."""


def figures(sweep: Sweep) -> tuple[Figure, ...]:
    """All pictures that this sweep has matter for."""
    maps = [_map(number, grid) for number, grid in enumerate(grids(sweep)[:MOST_MAPS], start=1)]
    fronts = [_front(sweep, front) for front in sweep.fronts()]
    gains = [_gains(sweep)] if sweep.gains else []
    return (*maps, *fronts, *gains)


def _map(number: int, grid: Grid) -> Figure:
    known = [
        (cell, str(row), str(column))
        for row, cells in zip(grid.rows.values, grid.cells, strict=True)
        for column, cell in zip(grid.columns.values, cells, strict=True)
        if cell is not None
    ]
    low, high = min(known), max(known)
    data = HeatMap(
        row_title=grid.rows.key,
        column_title=grid.columns.key,
        row_names=tuple(str(value) for value in grid.rows.values),
        column_names=tuple(str(value) for value in grid.columns.values),
        cells=tuple(
            tuple(
                Cell(
                    value=cell,
                    told=cell_text(cell),
                    tip=f"{row}, {column}: {cell_text(cell)} tokens/s per GPU",
                )
                for column, cell in zip(grid.columns.values, cells, strict=True)
            )
            for row, cells in zip(grid.rows.values, grid.cells, strict=True)
        ),
    )
    return figure(
        f"map-{number}",
        lambda width: heat_map(data, width),
        finding=(
            f"{high[0] / low[0]:.2f}x the tokens per second and GPU between"
            f" {grid.rows.key} {low[1]}, {grid.columns.key} {low[2]} and {high[1]}, {high[2]}"
        ),
        note="Tokens per second and GPU; each cell is the best over all other fields.",
        table=grid_table(grid),
    )


def _front(sweep: Sweep, front: Front) -> Figure:
    price = front.price
    best = {row.index for row in front.rows}
    planned = [row for row in sweep.ranked() if price.of(row) is not None]
    points = [_point(sweep, row, price, named=row.index in best) for row in planned]
    on_front = [_point(sweep, row, price, named=True) for row in front.rows]
    title = price_title(sweep, price)
    axes = Axes(
        x=title,
        y="tokens per second",
        tell_x=lambda value: told_price(price, value),
        tell_y=lambda value: f"{value:,.0f}",
    )
    return figure(
        f"front-{price.value}",
        lambda width: scatter(points, on_front, width, axes),
        finding=f"{len(on_front)} of {len(points)} layouts are the fastest for their {title}",
        note="The line joins layouts that no other equals for as little.",
        table=front_table(sweep, front),
        legend=((FRONT, "fastest for what it takes"), (OTHER, "another layout")),
    )


def _point(sweep: Sweep, row: SweepRow, price: Price, *, named: bool) -> Point:
    assert row.plan is not None
    name = ", ".join(
        str(value)
        for axis, value in zip(sweep.axes, row.point, strict=True)
        if len(axis.values) > 1
    )
    return Point(
        x=price.of(row) or 0.0,
        y=row.plan.tokens_per_s,
        name=name,
        tip=f"{name}: {row.plan.tokens_per_s:,.0f} tokens/s, {degrees(row.plan)}",
        colour=FRONT if named else OTHER,
        named=named,
    )


def _gains(sweep: Sweep) -> Figure:
    rows = [
        Bar(
            label=gain.resource,
            segments=(
                Segment(
                    value=100.0 * gain.gain,
                    colour=FRONT,
                    tip=f"{gain.resource}: {format_percent(gain.gain)} more tokens/s",
                ),
            ),
            told=format_percent(gain.gain) if gain.gain >= LEAST_GAIN else "< 0.1 %",
        )
        for gain in sweep.gains
    ]
    first = sweep.gains[0]
    return figure(
        "sensitivity",
        lambda width: bars(
            rows, width, axis="more tokens per second, %", tell=lambda value: f"{value:g}"
        ),
        finding=f"A tenth more of {first.resource} buys {format_percent(first.gain)}",
        note="The best layout, searched anew with 10 % more of one resource at a time.",
        table=gains_table(sweep),
    )
