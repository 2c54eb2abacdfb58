"""Work beside the step: where it stands and what it does to the links, as tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.report.tabular import Table, columns
from placer.units import format_bandwidth, format_percent, format_time

if TYPE_CHECKING:
    from placer.plan.side_work import PlacedWork, SideWork

NONE = "-"


def works_title(side_work: SideWork) -> str:
    """Whose work it is, and which site training keeps whole."""
    return f"Beside the step ({side_work.job}; training's home is {side_work.home})"


def works_table(side_work: SideWork) -> Table:
    """One row per piece of work: site, accelerators, traffic, age of its weights."""
    return Table(
        caption="Work beside the step",
        columns=columns("work", "kind", "site", "GPUs>", "sent to it>", "takes>", "weights behind"),
        rows=tuple(
            (
                work.name,
                work.kind,
                work.site,
                f"{work.gpus:,}" if work.gpus else NONE,
                format_bandwidth(work.out_bytes_per_s) if work.out_bytes_per_s else NONE,
                format_time(work.broadcast_s) if work.broadcast_s else NONE,
                _age(work),
            )
            for work in side_work.works
        ),
    )


def loads_table(side_work: SideWork) -> Table:
    """One row per direction of a link that carries anything, on average over the step."""
    used = [u for u in side_work.links if u.training_bytes_per_s + u.side_bytes_per_s > 0]
    return Table(
        caption="What links carry on average",
        columns=columns("link", "carries>", "training>", "side work>", "used>", "by"),
        rows=tuple(
            (
                f"{use.source} > {use.target}",
                format_bandwidth(use.capacity_bytes_per_s),
                format_bandwidth(use.training_bytes_per_s),
                format_bandwidth(use.side_bytes_per_s),
                format_percent(
                    (use.training_bytes_per_s + use.side_bytes_per_s) / use.capacity_bytes_per_s
                ),
                ", ".join(use.works),
            )
            for use in used
        ),
    )


def _age(work: PlacedWork) -> str:
    if work.staleness_steps is None:
        return NONE
    return f"{work.staleness_steps} steps, limit {work.staleness_limit}"
