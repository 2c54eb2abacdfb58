"""Releases of a framework, by the versions users type after ``@``."""

from __future__ import annotations

from placer.errors import InputError, Problem


def known_release(framework: str, version: str, known: tuple[str, ...]) -> str:
    """The version itself when it is known, the newest known (the last) when it is empty.

    Raises
    ------
    InputError
        For a version that is not known.
    """
    if not version:
        return known[-1]
    if version not in known:
        problem = Problem(
            source="--framework",
            expected=f"{framework} at one of {', '.join(known)}",
            found=f"{framework}@{version}",
            remedy=f"Write {framework} for {known[-1]}.",
        )
        raise InputError((problem,))
    return version
