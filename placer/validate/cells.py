"""One row of a table of measured runs: its cells, read with a reason when they cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from placer.errors import shorten

MAX_COUNT: Final = 1 << 40
_TRUE: Final = frozenset({"true", "yes", "1", "on"})
_FALSE: Final = frozenset({"false", "no", "0", "off"})


class RowError(ValueError):
    """A row that cannot be costed; the message is the reason its report gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One measured run as its file writes it; an absent column reads as an empty cell."""

    line: int
    cells: Mapping[str, str]

    def text(self, name: str) -> str:
        """The cell, stripped; empty where the source does not say."""
        return self.cells.get(name, "").strip()

    def has(self, name: str) -> bool:
        """Whether the cell says anything."""
        return bool(self.text(name))

    def count(self, name: str, default: int | None = None, *, least: int = 1) -> int:
        """A whole number >= ``least``; ``2.0`` is one, as spreadsheets write it.

        Raises
        ------
        RowError
            When the cell holds something else, or nothing and there is no default.
        """
        text = self.text(name)
        if not text and default is not None:
            return default
        expected = f"{name}: expected a whole number >= {least}"
        if not text:
            raise RowError(f"{expected}, got nothing")
        value = _number(text)
        if value is None or value != int(value) or not least <= value <= MAX_COUNT:
            raise RowError(f"{expected}, got {shorten(repr(text))}")
        return int(value)

    def positive(self, name: str) -> float | None:
        """A finite number > 0; None where the cell is empty.

        Raises
        ------
        RowError
            When the cell holds something else.
        """
        text = self.text(name)
        if not text:
            return None
        value = _number(text)
        if value is None or value <= 0.0:
            raise RowError(f"{name}: expected a number > 0, got {shorten(repr(text))}")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """True or False.

        Raises
        ------
        RowError
            When the cell holds something else.
        """
        text = self.text(name).lower()
        if not text:
            return default
        if text not in _TRUE | _FALSE:
            raise RowError(f"{name}: expected True or False, got {shorten(repr(text))}")
        return text in _TRUE


def _number(text: str) -> float | None:
    """The number a cell holds; None for text, NaN and infinities."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if -1e18 < value < 1e18 else None
