"""Many host names in few words, as Slurm reads them: ``dgx[001-016,019]``."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_LAST_NUMBER: Final = re.compile(r"(.*?)(\d{1,9})(\D*)")


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
        for (prefix, suffix, width), members in groupby(
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
    for _, run in groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0]):
        members = [number for _, number in run]
        first, last = f"{members[0]:0{width}d}", f"{members[-1]:0{width}d}"
        ranges.append(first if len(members) == 1 else f"{first}-{last}")
    inside = ",".join(ranges)
    return f"{prefix}{inside}{suffix}" if len(numbers) == 1 else f"{prefix}[{inside}]{suffix}"
