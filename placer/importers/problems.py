"""Everything wrong in a file, collected so that it is reported at once."""

from __future__ import annotations

from placer.errors import InputError, Problem, shorten

MAX_PROBLEMS = 40


class Problems:
    """The problems of one file, in the order they were met; at most forty."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.items: list[Problem] = []

    def add(
        self, line: int | None, field: str, expected: str, found: str, remedy: str = ""
    ) -> None:
        """Note one."""
        if len(self.items) < MAX_PROBLEMS:
            self.items.append(
                Problem(
                    source=self.source,
                    line=line,
                    field=shorten(field),
                    expected=expected,
                    found=shorten(found),
                    remedy=remedy,
                )
            )

    def raise_any(self) -> None:
        """Raise what was noted, in file order.

        Raises
        ------
        InputError
            If anything was.
        """
        if self.items:
            raise InputError(sorted(self.items, key=lambda problem: problem.line or 0))
