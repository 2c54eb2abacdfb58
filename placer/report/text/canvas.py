"""Text from rich's tables: coloured for a terminal, plain and of 100 columns elsewhere."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType

    from placer.report.tabular import Table as Tabular

WIDTH: Final = 100
BAR_CELLS: Final = 30


def rendered(parts: Iterable[RenderableType], *, colour: bool, width: int = WIDTH) -> str:
    """The parts below each other as lines of at most ``width`` without trailing spaces."""
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colour,
        color_system="truecolor" if colour else None,
        legacy_windows=False,
        highlight=False,
        emoji=False,
        _environ={},
    )
    with console.capture() as capture:
        for part in parts:
            console.print(part, markup=False)
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def section(title: str, *body: RenderableType) -> RenderableType:
    """A titled, indented part of the page, with an empty line before it."""
    return Group(Text(""), Text(title, style="bold"), Padding(Group(*body), (0, 0, 0, 2)))


def lines(sentences: Iterable[str], *, style: str = "") -> RenderableType:
    """One sentence per line, wrapped where it must be."""
    return Group(*(Text(sentence, style=style) for sentence in sentences))


def table(*columns: tuple[str, str]) -> Table:
    """A table without rules; each column is its header and ``left`` or ``right``."""
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for index, (header, side) in enumerate(columns):
        last = index == len(columns) - 1
        grid.add_column(
            header,
            justify="right" if side == "right" else "left",
            no_wrap=not last,
            overflow="fold",
        )
    return grid


def drawn(data: Tabular) -> Table:
    """A table of texts, drawn."""
    grid = table(*((column.header, column.side.value) for column in data.columns))
    for row in data.rows:
        grid.add_row(*row)
    return grid


def bar(fraction: float, colour: str) -> Text:
    """A bar of '#', the whole width at a fraction of 1; something visible for anything above 0."""
    cells = round(min(max(fraction, 0.0), 1.0) * BAR_CELLS)
    return Text("#" * (cells if cells or fraction <= 0.0 else 1), style=colour)


def runs(values: Iterable[str]) -> list[tuple[int, int, str]]:
    """Run-length code: (first index, last index, value) of each run of equal values."""
    coded: list[tuple[int, int, str]] = []
    for index, value in enumerate(values):
        if coded and coded[-1][2] == value:
            coded[-1] = (coded[-1][0], index, value)
        else:
            coded.append((index, index, value))
    return coded


def span(first: int, last: int) -> str:
    """``3``, or ``1-14``."""
    return str(first) if first == last else f"{first}-{last}"
