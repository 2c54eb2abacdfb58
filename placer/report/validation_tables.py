"""Predicted against measured as tables of texts, for Markdown and HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.report.tabular import Table, columns
from placer.report.validation_text import WORST, dominant, figures_of, percent, reasons
from placer.units import format_time

if TYPE_CHECKING:
    from placer.validate.grouping import GroupedBy
    from placer.validate.validation import Validation


def overall_table(validation: Validation) -> Table:
    """Every overall figure with its meaning."""
    return Table(
        caption="Over all runs",
        columns=columns("figure", "value>", "meaning"),
        rows=tuple(figures_of(validation.overall)),
    )


def group_table(validation: Validation, by: GroupedBy) -> Table:
    """One row per group of a kind."""
    return Table(
        caption=f"By {by.value}",
        columns=columns("group", "rows>", "MAPE>", "bias>", "median>"),
        rows=tuple(
            (
                group.name,
                str(group.rows),
                percent(group.mape),
                percent(group.bias, signed=True),
                percent(group.median_ape),
            )
            for group in validation.groups
            if group.by is by
        ),
    )


def worst_table(validation: Validation) -> Table:
    """The rows with the largest errors."""
    return Table(
        caption=f"Worst {WORST} rows",
        columns=columns("run", "error>", "predicted>", "measured>", "predicted step is mostly"),
        rows=tuple(
            (
                outcome.measured.name,
                percent(outcome.error, signed=True),
                format_time(outcome.estimate.step_time_s),
                format_time(outcome.measured.measured_s),
                dominant(outcome),
            )
            for outcome in validation.worst(WORST)
        ),
    )


def skipped_table(validation: Validation) -> Table:
    """Why rows could not be costed."""
    return Table(
        caption="Skipped",
        columns=columns("rows>", "reason", "first such row"),
        rows=tuple((str(count), why, first) for count, why, first in reasons(validation)),
    )
