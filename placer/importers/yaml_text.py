"""YAML written by hand: one value per line, quoted where it must be, comments in front."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

WIDTH: Final = 98
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*( [A-Za-z0-9._/-]+)*|[1-9][0-9]* [A-Za-z/]+")
_WORDS: Final = frozenset({"null", "true", "false", "nan", "inf", "infinity"})


def comment(text: str) -> str:
    """A comment of one line, whatever the text holds."""
    return f"# {''.join(char if char.isprintable() else '?' for char in text)}".rstrip()


def wrapped(text: str) -> Iterator[str]:
    """A sentence in lines of at most ``WIDTH`` characters."""
    line = ""
    for word in text.split():
        if line and len(line) + len(word) >= WIDTH:
            yield line
            line = ""
        line = f"{line} {word}" if line else word
    yield line


def flow(value: Any) -> str:
    """A value on one line, quoted where it must be."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value:g}" if isinstance(value, float) else str(value)
    return scalar(str(value))


def scalar(text: str) -> str:
    """A text, in double quotes unless every YAML reader takes it for text as it stands."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if plain else json.dumps(text)
