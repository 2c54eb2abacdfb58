"""Predicted against measured collectives, for a terminal of 100 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.report.loss import signed_percent
from placer.report.text.canvas import rendered, section, table
from placer.units import format_percent, format_size, format_time
from placer.validate.collectives import Regime, group_errors, misses

if TYPE_CHECKING:
    from rich.table import Table

    from placer.validate.collectives import CollectiveCheck, GroupError

WORST: Final = 10


def render_collectives(check: CollectiveCheck, *, colour: bool) -> str:
    """The whole page: error by message size, by machine, the misses, what was left out."""
    groups = group_errors(check.rows)
    regimes = {regime.value for regime in Regime}
    total = len(check.rows) + len(check.skipped)
    parts = [
        section(
            f"Predicted against measured: {len(check.rows)} of {total} collectives",
            _groups_table("message", [g for g in groups if g.name in regimes]),
        ),
        section(
            "By machine", _groups_table("machine", [g for g in groups if g.name not in regimes])
        ),
        section(
            "Missed by more than 20 %: 64 MiB and more, expert exchanges", _misses_table(check)
        ),
        section(f"Worst {WORST} rows", _worst_table(check)),
        section("Left out", _skipped_table(check)),
    ]
    return rendered(parts, colour=colour)


def _groups_table(header: str, groups: list[GroupError]) -> Table:
    grid = table(
        ("rows", "right"),
        ("MAPE", "right"),
        ("bias", "right"),
        ("worst", "right"),
        (header, "left"),
    )
    for group in groups:
        grid.add_row(
            str(group.num_rows),
            format_percent(group.mape),
            signed_percent(group.bias),
            signed_percent(group.worst),
            group.name,
        )
    return grid


def _misses_table(check: CollectiveCheck) -> Table:
    grid = table(("rows", "right"), ("worst", "right"), ("machine", "left"))
    for miss in misses(check.rows):
        why = miss.reason or "not understood"
        grid.add_row(str(miss.num_rows), signed_percent(miss.worst), f"{miss.system}\n  {why}")
    return grid


def _worst_table(check: CollectiveCheck) -> Table:
    grid = table(
        ("error", "right"),
        ("predicted", "right"),
        ("measured", "right"),
        ("size", "right"),
        ("ranks", "right"),
        ("collective", "left"),
    )
    for row in sorted(check.rows, key=lambda row: -abs(row.error))[:WORST]:
        grid.add_row(
            signed_percent(row.error),
            format_time(row.predicted_s),
            format_time(row.measured_s),
            format_size(row.size_bytes),
            str(row.ranks),
            f"{row.collective}, {row.system}",
        )
    return grid


def _skipped_table(check: CollectiveCheck) -> Table:
    counts: dict[str, int] = {}
    for row in check.skipped:
        counts[row.reason] = counts.get(row.reason, 0) + 1
    grid = table(("rows", "right"), ("reason", "left"))
    for reason, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
        grid.add_row(str(count), reason)
    return grid
