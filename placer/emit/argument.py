"""One command-line argument, and sections of them as a shell file."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from textwrap import wrap
from typing import Final

COLUMNS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """A flag with its values, and why it is there when that is not plain."""

    words: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Arguments of one concern."""

    title: str
    arguments: tuple[Argument, ...]
    notes: tuple[str, ...] = ()


def flag(*words: str | float, reason: str = "") -> Argument:
    """An argument from its words, numbers written in full."""
    return Argument(words=tuple(str(word) for word in words), reason=reason)


def comment(text: str) -> str:
    """A shell comment of one line, whatever the text holds."""
    return f"# {''.join(c if c.isprintable() else '?' for c in text)}".rstrip()


def comment_lines(text: str, indent: str = "") -> list[str]:
    """A shell comment on as many lines as it takes."""
    return [f"{indent}{comment(line)}" for line in wrap(text, COLUMNS - len(indent) - len("# "))]


def section_lines(section: Section) -> list[str]:
    """The lines of a section inside a bash array: comments above, one flag per line, quoted."""
    lines = [f"  {comment(section.title)}"]
    for note in section.notes:
        lines += comment_lines(note, "  ")
    for argument in section.arguments:
        lines += comment_lines(argument.reason, "  ")
        lines.append(f"  {shlex.join(argument.words)}")
    return lines
