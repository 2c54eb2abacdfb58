"""Lists of host names as schedulers write them: ``tux[0-3,12],dev7``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from placer.spec.hierarchy.hostlist import compress_names, expand_names

MAX_LIST: Final = 1 << 18
MAX_EXPRESSION: Final = 900


def expand_list(text: str) -> tuple[str, ...]:
    """Write out a comma-separated list of hostlist expressions, in its order.

    Raises
    ------
    ValueError
        For an expression ``expand_names`` refuses, or more than 2^18 names.
    """
    names: list[str] = []
    for expression in split_list(text):
        for part in _short(expression):
            names += expand_names(part)
        if len(names) > MAX_LIST:
            raise ValueError(f"expected at most {MAX_LIST} names, found more")
    return tuple(names)


def split_list(text: str) -> Iterator[str]:
    """The expressions between the commas that stand outside brackets."""
    start = depth = 0
    for position, char in enumerate(text):
        depth += (char == "[") - (char == "]")
        if char == "," and depth == 0:
            yield text[start:position].strip()
            start = position + 1
    yield text[start:].strip()


def _short(expression: str) -> Iterator[str]:
    """An expression too long to expand at once, cut at the commas of its only bracket."""
    if len(expression) <= MAX_EXPRESSION or expression.count("[") != 1:
        yield expression
        return
    prefix, _, rest = expression.partition("[")
    inside, _, suffix = rest.partition("]")
    yield from (f"{prefix}[{piece}]{suffix}" for piece in _pieces(inside))


def _pieces(inside: str) -> Iterator[str]:
    """Numbers and ranges between brackets, as many at a time as one expression may have."""
    piece = ""
    for item in inside.split(","):
        if piece and len(piece) + len(item) >= MAX_EXPRESSION // 2:
            yield piece
            piece = ""
        piece = f"{piece},{item}" if piece else item
    yield piece


def compress_list(names: Iterable[str]) -> tuple[str, ...]:
    """Names as sorted hostlist expressions, none longer than a cluster file takes."""
    return tuple(part for expression in compress_names(names) for part in _short(expression))
