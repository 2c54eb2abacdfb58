"""Predicted against measured runs, as Markdown tables for a README."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.report.tabular import Side
from placer.report.validation_tables import (
    group_table,
    overall_table,
    skipped_table,
    worst_table,
)
from placer.report.validation_text import choice_lines, headline
from placer.validate.grouping import GroupedBy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from placer.report.tabular import Table
    from placer.validate.validation import Validation


def validation_markdown(validation: Validation) -> str:
    """Every table of the terminal page."""
    groups = (group_table(validation, by) for by in GroupedBy)
    choice = "\n".join(f"* {line}" for line in choice_lines(validation.choice))
    blocks = [
        f"# {headline(validation)}",
        _table(overall_table(validation)),
        *(block for table in groups for block in _titled(table)),
        "## Choice",
        choice,
        *_titled(worst_table(validation)),
        *_titled(skipped_table(validation)),
    ]
    return "\n\n".join(blocks) + "\n"


def _titled(table: Table) -> tuple[str, ...]:
    """The table under its caption; nothing where it is empty."""
    return (f"## {table.caption}", _table(table)) if table.rows else ()


def _table(table: Table) -> str:
    header = [column.header for column in table.columns]
    rule = ["---:" if column.side is Side.RIGHT else "---" for column in table.columns]
    return "\n".join(_line(cells) for cells in (header, rule, *table.rows))


def _line(cells: Iterable[str]) -> str:
    """One row; what would end a cell early is escaped."""
    safe = (cell.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ") for cell in cells)
    return f"| {' | '.join(safe)} |"
