"""Solved layouts on disk, one small file each under the key of its question.

A sweep that was cut short goes on where it stopped, and sweeps that overlap share what they solved.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from placer.compare.sweep.solved import SolvedLayout
from placer.errors import InputError, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A folder of answers; made when the first one is kept."""

    folder: Path

    def find(self, key: str) -> SolvedLayout | None:
        """The answer to a question, or None where it was not asked yet or the file does not hold."""
        try:
            text = self._path(key).read_text(encoding="utf-8")
            answer = SolvedLayout.model_validate_json(text)
        except (OSError, ValidationError, ValueError):
            return None
        return answer if answer.key == key else None

    def keep(self, answer: SolvedLayout) -> None:
        """Write an answer beside its place and rename it there.

        Raises
        ------
        InputError
            When the folder cannot be written to.
        """
        path = self._path(answer.key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".placer-", dir=path.parent) as beside:
                written = Path(beside) / path.name
                written.write_text(answer.model_dump_json() + "\n", encoding="utf-8")
                written.replace(path)
        except OSError as error:
            problem = Problem(
                source="--store",
                expected="a folder to write to",
                found=f"{self.folder}: {error.strerror or error}",
                remedy="Choose another folder.",
            )
            raise InputError((problem,)) from error

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"


def sweep_store(folder: Path | None = None) -> Store:
    """The store in a folder; in the user's cache folder (XDG base directory) where None."""
    if folder is not None:
        return Store(folder=folder)
    cache = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(cache) if Path(cache).is_absolute() else Path.home() / ".cache"
    return Store(folder=base / "placer" / "sweep")
