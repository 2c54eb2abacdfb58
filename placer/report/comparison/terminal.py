"""A comparison as tables of at most 100 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from placer.report.comparison.sections import notes, sections
from placer.report.comparison.wording import headline, question, ranking
from placer.report.text.canvas import WIDTH, lines, rendered, section, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from placer.compare.comparison import Comparison
    from placer.report.tabular import Table


def render_comparison(comparison: Comparison, *, colour: bool = False, width: int = WIDTH) -> str:
    """The comparison as text."""
    return rendered(_parts(comparison), colour=colour, width=width)


def _parts(comparison: Comparison) -> Iterator[RenderableType]:
    yield Text(headline(comparison), style="bold")
    yield Text(question(comparison))
    yield Text(ranking(comparison))
    for data in sections(comparison):
        yield section(data.caption, _drawn(data))
    yield section("What was assumed", lines(notes(comparison)))


def _drawn(data: Table) -> RenderableType:
    grid = table(*((column.header, column.side.value) for column in data.columns))
    for row in data.rows:
        grid.add_row(*row)
    return grid
