"""Write a plan or any other text to a file, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from placer.errors import InputError, Problem
from placer.plan.serialise import plan_to_json

if TYPE_CHECKING:
    from placer.plan.plan import Plan


def save_plan(plan: Plan, path: str | os.PathLike[str]) -> None:
    """Write ``plan.json``: beside its place first, then renamed, so that no reader sees half of it.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    target = Path(path)
    text = plan_to_json(plan)
    try:
        write_whole(target, text)
    except OSError as error:
        problem = Problem(
            source=str(target),
            expected="a file to write to",
            found=error.strerror or str(error),
            remedy="Choose another file with -o.",
        )
        raise InputError((problem,)) from error


def write_whole(target: Path, text: str) -> None:
    """Write to a temporary file in the same folder and rename it; into a device or pipe directly.

    Raises
    ------
    OSError
        When the file cannot be written; what stood there before still does.
    """
    if target.exists() and not target.is_file():
        target.write_text(text, encoding="utf-8")
        return
    target = target.resolve()  # a link stays one
    with tempfile.TemporaryDirectory(prefix=".placer-", dir=target.parent) as folder:
        beside = Path(folder) / target.name
        beside.write_text(text, encoding="utf-8")
        beside.replace(target)
