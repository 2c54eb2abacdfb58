"""Tests of shell scripts whose outcome the script itself decides; None for all others."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Final

from placer.importers.shell.expansion import Field

_INTEGER: Final = re.compile(r"-?\d{1,18}")
_VARIABLE: Final = re.compile(r"\$\{\w+\}")
_ORDER: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "-eq": operator.eq,
    "-ne": operator.ne,
    "-lt": operator.lt,
    "-le": operator.le,
    "-gt": operator.gt,
    "-ge": operator.ge,
}
MAX_WORDS: Final = 200


def test_outcome(fields: Sequence[Field]) -> bool | None:
    """Whether ``[ ... ]``, ``[[ ... ]]``, ``test``, ``true`` or ``false`` succeeds."""
    words = list(fields)
    if not words:
        return None
    name = words[0].text
    if name in {"true", ":"}:
        return True
    if name == "false":
        return False
    ends = {"[": "]", "[[": "]]"}
    if name in ends and words[-1].text == ends[name]:
        return _disjunction(words[1:-1], pattern=name == "[[")
    return _disjunction(words[1:], pattern=False) if name == "test" else None


def _disjunction(words: Sequence[Field], *, pattern: bool) -> bool | None:
    """Terms with ``||`` or ``-o`` between them, each of terms with ``&&`` or ``-a``."""
    if len(words) > MAX_WORDS:
        return None
    parts = _split(words, {"||", "-o"})
    outcomes = [_conjunction(part, pattern=pattern) for part in parts]
    return True if True in outcomes else None if None in outcomes else False


def _conjunction(words: Sequence[Field], *, pattern: bool) -> bool | None:
    outcomes = [_primary(part, pattern=pattern) for part in _split(words, {"&&", "-a"})]
    return False if False in outcomes else None if None in outcomes else True


def _split(words: Sequence[Field], operators: set[str]) -> list[list[Field]]:
    parts: list[list[Field]] = [[]]
    for word in words:
        if word.text in operators:
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _primary(words: Sequence[Field], *, pattern: bool) -> bool | None:
    if words and words[0].text == "!":
        outcome = _primary(words[1:], pattern=pattern)
        return None if outcome is None else not outcome
    if len(words) == 1:
        return _is_filled(words[0])
    if len(words) == 2 and words[0].text in {"-n", "-z"}:
        filled = _is_filled(words[1])
        return filled if words[0].text == "-n" or filled is None else not filled
    if len(words) == 3 and words[0].is_known and words[2].is_known:
        return _compared(words[0].text, words[1].text, words[2].text, pattern=pattern)
    return None


def _is_filled(word: Field) -> bool | None:
    """Whether a text is not empty; a variable nobody set is, as ``${NAME:-default}`` takes it."""
    if word.is_known:
        return bool(word.text)
    unset = all(_VARIABLE.fullmatch(name) for name in word.missing)
    return False if unset and word.text == "".join(word.missing) else None


def _compared(left: str, symbol: str, right: str, *, pattern: bool) -> bool | None:
    if symbol in _ORDER:
        if not (_INTEGER.fullmatch(left) and _INTEGER.fullmatch(right)):
            return None
        return _ORDER[symbol](int(left), int(right))
    if symbol in {"=", "==", "!="}:
        same = fnmatchcase(left, right) if pattern else left == right
        return same != (symbol == "!=")
    return None
