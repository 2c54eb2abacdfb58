"""A table before it is drawn: what HTML, and the text alternative of a picture, are made from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_SENTENCE: Final = 30


class Side(StrEnum):
    """Where the cells of a column stand: words left, figures right."""

    LEFT = "left"
    RIGHT = "right"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column's header, which names the unit, and its side."""

    header: str
    side: Side = Side.LEFT


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows of texts under their columns; every row has as many cells as there are columns.

    ``caption`` says what the table lists, for who reads it without seeing what is around it.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def is_wordy(self) -> bool:
        """Whether some cell is a sentence; a narrow page then sets the cells below each other."""
        return any(len(cell) > _SENTENCE for row in self.rows for cell in row)


def columns(*headers: str) -> tuple[Column, ...]:
    """Columns by header; one that ends in ``>`` is set right: ``columns("axis", "time>")``."""
    return tuple(
        Column(
            header=header.removesuffix(">"), side=Side.RIGHT if header[-1:] == ">" else Side.LEFT
        )
        for header in headers
    )
