"""A comparison as Markdown tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.report.comparison.sections import notes, sections
from placer.report.comparison.wording import headline, question, ranking
from placer.report.tabular import Side

if TYPE_CHECKING:
    from collections.abc import Iterable

    from placer.compare.comparison import Comparison
    from placer.report.tabular import Table


def comparison_markdown(comparison: Comparison) -> str:
    """Every table of the terminal page."""
    blocks = [f"# {headline(comparison)}", f"{question(comparison)}; {ranking(comparison)}."]
    for data in sections(comparison):
        blocks += [f"## {data.caption}", _table(data)]
    blocks += ["## What was assumed", "\n".join(f"* {_safe(note)}" for note in notes(comparison))]
    return "\n\n".join(blocks) + "\n"


def _table(data: Table) -> str:
    header = [column.header for column in data.columns]
    rule = ["---:" if column.side is Side.RIGHT else "---" for column in data.columns]
    return "\n".join([_line(header), _line(rule), *(_line(row) for row in data.rows)])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(_safe(cell) for cell in cells)} |"


def _safe(text: str) -> str:
    """One line; what would end a cell early or start markup is escaped."""
    for mark in ("\\", "|", "*", "<", "`"):
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())
