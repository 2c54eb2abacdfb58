"""Names of many machines in one word, as Slurm writes them: ``rack[01-03]-n[0-17]``."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

MAX_NAMES = 1 << 17
HOST_NAME = re.compile(r"(?!(?i:nan|inf|infinity)\Z)[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?")
"""What may stand unquoted in host files, scripts and DNS, and is read as no number."""

_GROUP = re.compile(r"\[([^\[\]]*)\]")
_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")
_LAST_NUMBER = re.compile(r"(.*?)(\d{1,9})(\D*)")


def expand_names(text: str) -> tuple[str, ...]:
    """Write out a hostlist expression: ``n[1-3,7]`` is ``n1 n2 n3 n7``.

    Leading zeros are kept (``n[08-10]`` is ``n08 n09 n10``); several brackets multiply, the last
    running fastest.

    Raises
    ------
    ValueError
        When a bracket does not hold numbers and ascending ranges, or more than 2^17 names come out.
    """
    if not text or len(text) > 1000:
        raise ValueError(f"expected a name of 1 to 1000 characters, found {len(text)}")
    parts = _GROUP.split(text)
    if any(char in "[]" for literal in parts[::2] for char in literal):
        raise ValueError(f"expected brackets in pairs, found {text!r}. Write n[1-3,7]")
    choices = [
        [part] if position % 2 == 0 else _expand_group(part, text)
        for position, part in enumerate(parts)
    ]
    total = 1
    for choice in choices:
        total *= len(choice)
    if total > MAX_NAMES:
        raise ValueError(f"expected at most {MAX_NAMES} names, found {total} in {text!r}")
    return tuple("".join(name) for name in itertools.product(*choices))


def _expand_group(group: str, text: str) -> list[str]:
    """Write out what stands between brackets: ``08-10,12`` is 08 09 10 12."""
    names: list[str] = []
    for item in group.split(","):
        match = _RANGE.fullmatch(item.strip())
        if match is None:
            raise ValueError(
                f"expected numbers and ranges between brackets, found {item.strip()!r} in {text!r}."
                " Write n[1-3,7]"
            )
        first, last = match[1], match[2] or match[1]
        if int(last) - int(first) >= MAX_NAMES:
            raise ValueError(f"expected at most {MAX_NAMES} names, found more in {text!r}")
        if int(last) < int(first):
            raise ValueError(f"expected an ascending range, found {item.strip()!r} in {text!r}")
        names += [f"{number:0{len(first)}d}" for number in range(int(first), int(last) + 1)]
    return names


def compress_names(names: Iterable[str]) -> tuple[str, ...]:
    """Names sorted, those that differ in their last number (of equal width or none) joined.

    ``n8 n9 n10`` is ``n[8-10]``, ``n08 n09`` is ``n[08-09]``; names without a number stay as they
    are.
    """
    plain: set[str] = set()
    numbered: set[tuple[str, str, int, int]] = set()
    for name in names:
        match = _LAST_NUMBER.fullmatch(name)
        if match is None:
            plain.add(name)
            continue
        prefix, digits, suffix = match.groups()
        width = len(digits) if digits.startswith("0") and len(digits) > 1 else 0
        numbered.add((prefix, suffix, width, int(digits)))
    joined = [
        _joined(prefix, suffix, width, [number for *_, number in members])
        for (prefix, suffix, width), members in itertools.groupby(
            sorted(_unpadded(numbered)), key=lambda entry: entry[:3]
        )
    ]
    return tuple(sorted(plain) + joined)


def _unpadded(numbered: set[tuple[str, str, int, int]]) -> Iterable[tuple[str, str, int, int]]:
    """Let ``n10`` follow ``n09``: a number without leading zero joins the padded ones of its width."""
    padded = {(prefix, suffix, width) for prefix, suffix, width, _ in numbered if width}
    for prefix, suffix, width, number in numbered:
        digits = len(str(number))
        joins = not width and (prefix, suffix, digits) in padded
        yield prefix, suffix, digits if joins else width, number


def _joined(prefix: str, suffix: str, width: int, numbers: list[int]) -> str:
    """One expression for ascending numbers between a prefix and a suffix."""
    ranges: list[str] = []
    for _, run in itertools.groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        members = [number for _, number in run]
        first, last = f"{members[0]:0{width}d}", f"{members[-1]:0{width}d}"
        ranges.append(first if len(members) == 1 else f"{first}-{last}")
    inside = ",".join(ranges)
    return f"{prefix}{inside}{suffix}" if len(numbers) == 1 else f"{prefix}[{inside}]{suffix}"
