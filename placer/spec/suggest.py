"""The nearest known name to what somebody typed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MAX_LISTED = 12
MAX_CHARS = 100
MIN_LIKENESS = 0.6
NEARLY_AS_GOOD = 0.1


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Remedy for an unknown name: the nearest ones, else what is known.

    Returns
    -------
    str
        A sentence, empty where nothing is known.
    """
    names = list(dict.fromkeys(known))
    alike = _nearest(name[:MAX_CHARS].lower(), names)
    if alike:
        return f"Did you mean {' or '.join(alike)}?"
    if not names:
        return ""
    shown = ", ".join(names[:MAX_LISTED])
    return f"Known: {shown}{', ...' if len(names) > MAX_LISTED else ''}."


def _nearest(name: str, known: list[str]) -> list[str]:
    """Up to three names most like ``name``, best first, none much worse than the best."""
    likeness = {
        candidate: difflib.SequenceMatcher(None, name, candidate.lower()).ratio()
        for candidate in known
    }
    best = max(likeness.values(), default=0.0)
    cutoff = max(MIN_LIKENESS, best - NEARLY_AS_GOOD)
    near = [candidate for candidate in known if likeness[candidate] >= cutoff]
    return sorted(near, key=lambda candidate: -likeness[candidate])[:3]
