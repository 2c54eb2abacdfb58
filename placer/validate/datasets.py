"""The tables of published runs that travel with placer, and the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from placer.errors import InputError, Problem, shorten
from placer.spec.suggest import did_you_mean

DATA: Final = Path(__file__).resolve().parent.parent / "data"
DATASETS: Final = {
    "measured_runs": DATA / "measured_runs.csv",
    "measured_small_models": DATA / "measured_small_models.csv",
}
"""By name; measured_runs.md beside them says where each row comes from."""

DEFAULT: Final = "measured_runs"


def find_table(reference: str) -> Path:
    """The file of a table that travels with placer, or the file the user named.

    Raises
    ------
    InputError
        When it is neither.
    """
    if reference in DATASETS:
        return DATASETS[reference]
    looks_like_name = "." not in reference and "/" not in reference
    if looks_like_name and not Path(reference).exists():
        problem = Problem(
            source="RUNS",
            expected="a CSV file, or a table that travels with placer",
            found=shorten(repr(reference)),
            remedy=did_you_mean(reference, DATASETS),
        )
        raise InputError([problem])
    return Path(reference)
