"""One command-line argument, and sections of them as a shell file."""

from __future__ import annotations

import shlex
from dataclasses import dataclass


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


def section_lines(section: Section) -> list[str]:
    """The lines of a section inside a bash array: comments above, one flag per line, quoted."""
    lines = [f"  {comment(section.title)}"]
    lines += [f"  {comment(note)}" for note in section.notes]
    for argument in section.arguments:
        if argument.reason:
            lines.append(f"  {comment(argument.reason)}")
        lines.append(f"  {shlex.join(argument.words)}")
    return lines
