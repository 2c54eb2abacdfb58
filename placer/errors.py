"""Every error placer raises on purpose.

::

    PlacerError              has an exit code; the command line maps it, nothing else does
    ├── InputError       2   the input is wrong: what was expected, what was found, where, what to do
    ├── InfeasibleError  3   the question is sound and the answer is no: what binds, what would help
    ├── TimeLimitError   4   the time limit came before any plan
    └── InternalError    1   a defect in placer, such as a solver answer that fails its check
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final

MAX_SHOWN: Final = 80


def shorten(text: str) -> str:
    """Cut what somebody else wrote to what a message can show."""
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with an input, and what to do about it.

    ``source`` is a file or an option; ``line`` and ``column`` count from 1 and are None where the
    source has none; ``field`` is a path such as ``levels[1].bandwidth``, empty for the whole file.
    """

    source: str
    line: int | None = None
    column: int | None = None
    field: str = ""
    expected: str
    found: str
    remedy: str = ""

    def __str__(self) -> str:
        """Join the parts: ``x.yaml:12:5: levels[1].bandwidth: expected > 0, got -5. Remedy.``."""
        marks = [str(mark) for mark in (self.line, self.column) if mark is not None]
        where = ":".join([self.source, *marks])
        parts = [where, self.field] if self.field else [where]
        text = ": ".join([*parts, f"expected {self.expected}, got {self.found}"])
        return f"{text}. {self.remedy}" if self.remedy else text


class PlacerError(Exception):
    """The root of the tree; its message is fit for a user's eyes."""

    exit_code: ClassVar[int] = 1


class InputError(PlacerError):
    """The input is wrong; ``problems`` lists everything found, in file order."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class InfeasibleError(PlacerError):
    """The question is sound and no plan fits.

    ``binding`` names the constraints that bind, each with its numbers; ``relaxation`` is the
    smallest change that helps, empty when none was found.
    """

    exit_code = 3

    def __init__(self, message: str, *, binding: Iterable[str] = (), relaxation: str = "") -> None:
        self.message = message
        self.binding = tuple(binding)
        self.relaxation = relaxation
        super().__init__("\n".join(self._lines()))

    def _lines(self) -> list[str]:
        lines = [self.message, *(f"  - {constraint}" for constraint in self.binding)]
        return [*lines, self.relaxation] if self.relaxation else lines


class TimeLimitError(PlacerError):
    """The time limit came before any plan; a longer limit may find one."""

    exit_code = 4


class InternalError(PlacerError):
    """A defect in placer: an answer that failed its own check, an invariant that broke."""

    exit_code = 1
