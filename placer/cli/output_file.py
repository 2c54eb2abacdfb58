"""Write a file the user named."""

from __future__ import annotations

from pathlib import Path

from placer.errors import InputError, Problem


def write_file(path: Path, text: str, option: str) -> None:
    """Write ``text``.

    Raises
    ------
    InputError
        When the file cannot be written; ``option`` is what named it.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        problem = Problem(
            source=option,
            expected="a file that can be written",
            found=f"{path}: {error.strerror or error}",
            remedy="Choose another path; its folder must exist.",
        )
        raise InputError([problem]) from error
