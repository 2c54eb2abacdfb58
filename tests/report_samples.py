"""Figures and tables that report tests put on pages."""

from __future__ import annotations

from placer.report.svg.bars import Bar, Segment, bars
from placer.report.svg.figure import Figure, figure
from placer.report.tabular import Table, columns

NASTY = "</title><script>alert('x')</script>&\"<img src=http://evil.example/a.png>"
"""A name that would break out of a page that does not escape it."""

TABLE = Table(
    caption="Seconds by component",
    columns=columns("component", "time (s)>"),
    rows=(("compute", "5.20"), (NASTY, "0.48")),
)


def bar_figure(label: str = "compute") -> Figure:
    """Two bars, of which the first has the label."""
    rows = (
        Bar(
            label=label, segments=(Segment(value=5.2, colour="#0072B2", tip=label),), told="5.20 s"
        ),
        Bar(label="limit", segments=(), told="", limit=6.0),
    )
    return figure(
        "bars",
        lambda width: bars(rows, width, axis="time (s)", tell="{:g}".format),
        finding=f"{label} takes longest",
        note="Seconds of one step.",
        table=TABLE,
        legend=(("#0072B2", label),),
    )
