"""Write where the user said."""

from __future__ import annotations

from pathlib import Path

from placer.errors import InputError, Problem


def write_file(path: Path, text: str, option: str) -> None:
    """Write ``text``, whole or not at all.

    Raises
    ------
    InputError
        When the file cannot be written; ``option`` is what named it.
    """
    from placer.plan.saving import write_whole

    try:
        write_whole(path, text)
    except OSError as error:
        remedy = "Choose another path; its folder must exist."
        raise _unwritable(option, "a file that can be written", path, error, remedy) from error


def make_folder(path: Path, option: str) -> None:
    """Make a folder, where it is not there yet.

    Raises
    ------
    InputError
        When it cannot be made; ``option`` is what named it.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        remedy = "Choose another path."
        raise _unwritable(option, "a folder that can be made", path, error, remedy) from error


def _unwritable(option: str, expected: str, path: Path, error: OSError, remedy: str) -> InputError:
    found = f"{path}: {error.strerror or error}"
    return InputError([Problem(source=option, expected=expected, found=found, remedy=remedy)])
