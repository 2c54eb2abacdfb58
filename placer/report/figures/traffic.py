"""What crosses each kind of link in a step, against what it could carry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.report.svg.bars import Bar, Segment, bars
from placer.report.svg.figure import Drawing, Figure, figure
from placer.report.tabular import Table, columns
from placer.units import format_bandwidth, format_percent, format_size

if TYPE_CHECKING:
    from placer.simulate.result import LinkUse, Simulation

MEAN: Final = "#0072B2"
BUSIEST: Final = "#56B4E9"


def traffic_figure(simulation: Simulation) -> Figure:
    """One bar per kind of link: its mean use over the step, then what the busiest has more."""
    used = [link for link in simulation.links if link.links]
    rows = [_bar(link) for link in used]

    def draw(width: float) -> Drawing:
        return bars(rows, width, axis="use of the nominal rate (%)", tell="{:g}".format)

    return figure(
        "traffic",
        draw,
        finding=_finding(used),
        note="Bytes carried over what the nominal rate could carry in a whole step (the line), each"
        " direction for itself. Traffic comes in bursts: a link may be full while it is needed and"
        " idle else.",
        table=_table(used, simulation.step_time_s),
        legend=((MEAN, "mean of the links that carry anything"), (BUSIEST, "busiest link")),
    )


def _finding(used: list[LinkUse]) -> str:
    if not used:
        return "No link carries anything"
    top = max(used, key=lambda link: (link.peak_utilisation, link.kind))
    return f"The busiest link, a {top.kind}, carries {format_percent(top.peak_utilisation)} of what it could"


def _bar(link: LinkUse) -> Bar:
    mean, peak = 100.0 * link.mean_utilisation, 100.0 * link.peak_utilisation
    told = (
        f"{format_percent(link.mean_utilisation)}, busiest {format_percent(link.peak_utilisation)}"
    )
    tip = f"{link.links:,} x {link.kind}: {told}; {format_size(link.carried_bytes)} in all"
    return Bar(
        label=link.kind,
        segments=(
            Segment(value=mean, colour=MEAN, tip=tip),
            Segment(value=max(peak - mean, 0.0), colour=BUSIEST, tip=tip),
        ),
        told=told,
        limit=100.0,
    )


def _table(used: list[LinkUse], step_time_s: float) -> Table:
    rows = []
    for link in used:
        each = link.carried_bytes / link.links / step_time_s
        rows.append(
            (
                link.kind,
                f"{link.links:,}",
                format_size(link.carried_bytes),
                format_bandwidth(each),
                format_bandwidth(each / link.mean_utilisation) if link.mean_utilisation else "-",
                format_percent(link.mean_utilisation),
                format_percent(link.peak_utilisation),
            )
        )
    return Table(
        caption="Traffic of a step by kind of link",
        columns=columns(
            "link", "links>", "carried>", "mean rate>", "capacity>", "mean use>", "busiest>"
        ),
        rows=tuple(rows),
    )
