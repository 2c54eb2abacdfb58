"""Where an accelerator's time goes on each layout, as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.compare.difference import IDLE, gpu_seconds_per_token
from placer.report.comparison.tables import solved
from placer.report.comparison.wording import headline, times
from placer.report.palette import COMPONENTS
from placer.report.svg.bars import Bar, Segment, bars
from placer.report.svg.figure import Drawing, Figure, figure
from placer.report.tabular import Column, Side, Table

if TYPE_CHECKING:
    from placer.compare.comparison import Comparison, Row

IDLE_COLOUR: Final = "#DDDDDD"
MILLION: Final = 1e6
_COLOURS: Final = {c.field: (c.label, c.colour) for c in COMPONENTS} | {
    IDLE: ("left idle", IDLE_COLOUR)
}


def time_figure(comparison: Comparison) -> Figure:
    """One bar per layout: accelerator-microseconds per token by component."""
    spent = [(row, _microseconds(row)) for row, _ in solved(comparison)]
    shown = [name for name in _COLOURS if any(times_us.get(name) for _, times_us in spent)]
    rows = [_bar(comparison, row, times_us) for row, times_us in spent]

    def draw(width: float) -> Drawing:
        return bars(rows, width, axis="accelerator time per token (us)", tell="{:g}".format)

    return figure(
        "layouts",
        draw,
        finding=headline(comparison),
        note="What one token costs in accelerator time, by what the step spends it on; accelerators"
        " left idle count. Shorter is better.",
        table=_table(spent, shown),
        legend=tuple((_COLOURS[name][1], _COLOURS[name][0]) for name in shown),
    )


def _microseconds(row: Row) -> dict[str, float]:
    seconds = gpu_seconds_per_token(row.layout) or {}
    return {name: MILLION * value for name, value in seconds.items()}


def _bar(comparison: Comparison, row: Row, times_us: dict[str, float]) -> Bar:
    whole = sum(times_us.values())
    segments = tuple(
        Segment(
            value=times_us[name],
            colour=colour,
            tip=f"{row.layout.name}, {label}: {times_us[name]:,.1f} us per token",
        )
        for name, (label, colour) in _COLOURS.items()
        if times_us.get(name)
    )
    ratio = times(row)
    told = f"{whole:,.0f} us" + (f", {ratio}" if ratio else "")
    strong = row.layout.name == comparison.reference.name
    return Bar(label=row.layout.name, segments=segments, told=told, strong=strong)


def _table(spent: list[tuple[Row, dict[str, float]]], shown: list[str]) -> Table:
    columns = [Column(header="layout")]
    columns += [Column(header=f"{_COLOURS[name][0]} (us)", side=Side.RIGHT) for name in shown]
    rows = tuple(
        (row.layout.name, *(f"{times_us[name]:,.1f}" for name in shown)) for row, times_us in spent
    )
    return Table(caption="Accelerator time per token", columns=tuple(columns), rows=rows)
