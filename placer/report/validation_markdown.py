"""Predicted against measured runs, as Markdown tables for a README."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.report.validation_text import (
    WORST,
    choice_lines,
    dominant,
    figures_of,
    headline,
    percent,
    reasons,
)
from placer.units import format_time
from placer.validate.grouping import GroupedBy

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from placer.validate.validation import Validation


def validation_markdown(validation: Validation) -> str:
    """Every table of the terminal page."""
    blocks = [
        f"# {headline(validation)}",
        _table(("figure", "value", "meaning"), "lrl", figures_of(validation.overall)),
    ]
    for by in GroupedBy:
        rows = [
            (
                g.name,
                str(g.rows),
                percent(g.mape),
                percent(g.bias, signed=True),
                percent(g.median_ape),
            )
            for g in validation.groups
            if g.by is by
        ]
        if rows:
            header = ("group", "rows", "MAPE", "bias", "median")
            blocks += [f"## By {by.value}", _table(header, "lrrrr", rows)]
    blocks += ["## Choice", "\n".join(f"* {line}" for line in choice_lines(validation.choice))]
    blocks += _worst(validation)
    skipped = [(str(count), why, first) for count, why, first in reasons(validation)]
    if skipped:
        blocks += ["## Skipped", _table(("rows", "reason", "first such row"), "rll", skipped)]
    return "\n\n".join(blocks) + "\n"


def _worst(validation: Validation) -> list[str]:
    rows = [
        (
            outcome.measured.name,
            percent(outcome.error, signed=True),
            format_time(outcome.estimate.step_time_s),
            format_time(outcome.measured.measured_s),
            dominant(outcome),
        )
        for outcome in validation.worst(WORST)
    ]
    header = ("run", "error", "predicted", "measured", "predicted step is mostly")
    return [f"## Worst {WORST} rows", _table(header, "lrrrl", rows)] if rows else []


def _table(header: Sequence[str], sides: str, rows: Iterable[Sequence[str]]) -> str:
    rule = ["---:" if side == "r" else "---" for side in sides]
    return "\n".join(_line(cells) for cells in (header, rule, *rows))


def _line(cells: Iterable[str]) -> str:
    """One row; what would end a cell early is escaped."""
    safe = (cell.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ") for cell in cells)
    return f"| {' | '.join(safe)} |"
