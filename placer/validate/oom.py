"""How runs published as out of memory are judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from placer.cost.constants import Constants
from placer.validate.datasets import DATA
from placer.validate.measured_run import described_run_of
from placer.validate.predict import estimate_of, fullest_stage
from placer.validate.table import read_rows

OOM_REPORTS: Final = DATA / "oom_reports.csv"
"""Columns of measured_runs.csv, no time; oom_reports.md beside it says where each comes from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedReport:
    """One report: what the fullest stage is estimated to need, and what it may hold."""

    name: str
    source: str
    needs_bytes: float
    limit_bytes: float
    fits: bool


def judge_oom_reports(constants: Constants) -> tuple[JudgedReport, ...]:
    """Every report that travels with placer, in file order; right is ``fits`` False.

    Raises
    ------
    InputError, RowError
        When the file is malformed.
    """
    judged = []
    for row in read_rows(OOM_REPORTS):
        run = described_run_of(row)
        estimate = estimate_of(run, constants)
        needs, limit = fullest_stage(estimate)
        judged.append(
            JudgedReport(
                name=run.name,
                source=row.text("source"),
                needs_bytes=needs,
                limit_bytes=limit,
                fits=estimate.fits,
            )
        )
    return tuple(judged)
