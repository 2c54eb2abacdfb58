"""The pieces a shell script is made of, as far as they matter to what a command line says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from placer.errors import InputError, Problem, shorten

MAX_DEPTH: Final = 32
"""Nesting of expansions, blocks and here-documents."""


class PartKind(StrEnum):
    """What one part of a word is.

    ``text``: itself; ``parameter``: ``$NAME`` or ``${NAME:-word}``; ``array``: ``${NAME[@]}``;
    ``length``: ``${#NAME[@]}``; ``arithmetic``: ``$((...))``; ``unknown``: what only running the
    script would tell, such as ``$(command)``.
    """

    TEXT = "text"
    PARAMETER = "parameter"
    ARRAY = "array"
    LENGTH = "length"
    ARITHMETIC = "arithmetic"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Part of a word: ``text`` is the text, the name, or the expression.

    ``operator`` is what stands between name and ``default`` (``:-``, ``:+``, ...). What is
    ``quoted`` is not split at blanks.
    """

    kind: PartKind
    text: str
    quoted: bool
    operator: str = ""
    default: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word before expansion; ``elements`` are those of ``NAME=( ... )``, else None."""

    parts: tuple[Part, ...]
    line: int
    elements: tuple[Word, ...] | None = None

    @property
    def literal(self) -> str:
        """The word's text where it is plain, empty otherwise."""
        plain = all(part.kind is PartKind.TEXT and not part.quoted for part in self.parts)
        return "".join(part.text for part in self.parts) if plain else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """What stands between words and commands, line ends among them."""

    text: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Here:
    """The body of a here-document, a script of its own to whoever reads it."""

    text: str
    line: int


Token = Word | Operator | Here


@dataclass(frozen=True, slots=True, kw_only=True)
class Simple:
    """A command: its words, assignments in front among them, redirections taken off."""

    words: tuple[Word, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Commands joined by ``&&`` and ``||``; the first has no operator before it."""

    terms: tuple[tuple[str, Node], ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """What runs when a condition holds; the condition of ``else`` is empty."""

    condition: tuple[Node, ...]
    body: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class If:
    """Branches, tried in order."""

    branches: tuple[Branch, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A word, and bodies with the patterns they are for."""

    subject: Word
    branches: tuple[tuple[tuple[Word, ...], tuple[Node, ...]], ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """A loop; ``variable`` has another value each time, empty where commands end the loop."""

    variable: str
    body: tuple[Node, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function's definition."""

    name: str
    body: tuple[Node, ...]
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Commands between braces or parentheses, or one after ``!``."""

    body: tuple[Node, ...]
    line: int
    negated: bool = False


Node = Simple | Chain | If | Case | Loop | Function | Group | Here


def refusal(source: str, line: int, expected: str, found: str, remedy: str = "") -> InputError:
    """A script that cannot be read, with the place."""
    problem = Problem(
        source=source, line=line, expected=expected, found=shorten(found), remedy=remedy
    )
    return InputError([problem])
