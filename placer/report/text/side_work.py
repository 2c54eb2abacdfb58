"""Work beside the step in the report of a plan: where it stands, what the links carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.report.text.canvas import table
from placer.units import format_bandwidth, format_percent, format_time

if TYPE_CHECKING:
    from rich.table import Table

    from placer.plan.side_work import PlacedWork, SideWork

NONE = "-"


def works_table(side_work: SideWork) -> Table:
    """One row per piece of work: site, accelerators, traffic, age of its weights."""
    grid = table(
        ("work", "left"),
        ("kind", "left"),
        ("site", "left"),
        ("GPUs", "right"),
        ("sent to it", "right"),
        ("takes", "right"),
        ("weights behind", "left"),
    )
    for work in side_work.works:
        grid.add_row(
            work.name,
            work.kind,
            work.site,
            f"{work.gpus:,}" if work.gpus else NONE,
            format_bandwidth(work.out_bytes_per_s) if work.out_bytes_per_s else NONE,
            format_time(work.broadcast_s) if work.broadcast_s else NONE,
            _age(work),
        )
    return grid


def loads_table(side_work: SideWork) -> Table:
    """One row per direction of a link that carries anything, on average over the step."""
    grid = table(
        ("link", "left"),
        ("carries", "right"),
        ("training", "right"),
        ("side work", "right"),
        ("used", "right"),
        ("by", "left"),
    )
    for use in side_work.links:
        carried = use.training_bytes_per_s + use.side_bytes_per_s
        if carried > 0:
            grid.add_row(
                f"{use.source} > {use.target}",
                format_bandwidth(use.capacity_bytes_per_s),
                format_bandwidth(use.training_bytes_per_s),
                format_bandwidth(use.side_bytes_per_s),
                format_percent(carried / use.capacity_bytes_per_s),
                ", ".join(use.works),
            )
    return grid


def _age(work: PlacedWork) -> str:
    if work.staleness_steps is None:
        return NONE
    return f"{work.staleness_steps} steps, limit {work.staleness_limit}"
