"""Predicted against measured runs as one JSON document, ``placer.validate/v1``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from placer.validate.measured_run import GIB, SkippedRun
from placer.validate.predict import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placer.validate.choice import ChoiceAccuracy
    from placer.validate.oom import JudgedReport
    from placer.validate.validation import Validation

SCHEMA: Final = "placer.validate/v1"


def validation_json(validation: Validation, reports: Sequence[JudgedReport] = ()) -> str:
    """The document; same rows and constants, same bytes."""
    return json.dumps(validation_data(validation, reports), indent=1, allow_nan=False) + "\n"


def validation_data(validation: Validation, reports: Sequence[JudgedReport] = ()) -> dict[str, Any]:
    """The document as plain data: every row in file order, groups, overall figures, choice.

    ``reports`` are published out-of-memory reports, right when they do not fit.
    """
    return {
        "schema": SCHEMA,
        "source": validation.source,
        "rows": [_row(row) for row in validation.rows],
        "groups": [asdict(group) for group in validation.groups],
        "overall": asdict(validation.overall),
        "choice": _choice(validation.choice),
        "out_of_memory": _out_of_memory(reports),
    }


def _row(row: Outcome | SkippedRun) -> dict[str, Any]:
    return _costed(row) if isinstance(row, Outcome) else _skipped(row)


def _costed(outcome: Outcome) -> dict[str, Any]:
    measured = outcome.measured
    peak = measured.peak_memory_bytes
    return {
        "id": measured.name,
        "family": measured.family,
        "accelerator": measured.accelerator,
        "measured_s": measured.measured_s,
        "predicted_s": outcome.estimate.step_time_s,
        "error": outcome.error,
        "peak_mem_gib": None if peak is None else peak / GIB,
        "predicted_mem_gib": outcome.peak_memory_bytes / GIB,
        "memory_limit_gib": outcome.fullest_stage[1] / GIB,
        "fits": outcome.estimate.fits,
        "mfu": outcome.estimate.mfu,
        "breakdown_s": asdict(outcome.estimate.breakdown),
        "skipped": None,
    }


def _skipped(run: SkippedRun) -> dict[str, Any]:
    return {
        "id": run.name,
        "family": run.family,
        "accelerator": run.accelerator,
        "measured_s": run.measured_s,
        "predicted_s": None,
        "error": None,
        "peak_mem_gib": None,
        "predicted_mem_gib": None,
        "memory_limit_gib": None,
        "fits": None,
        "mfu": None,
        "breakdown_s": None,
        "skipped": run.reason,
    }


def _choice(choice: ChoiceAccuracy) -> dict[str, Any]:
    return {
        "pairs": choice.pairs,
        "accuracy": choice.accuracy,
        "mean_regret": choice.mean_regret,
        "max_regret": choice.max_regret,
        "questions": [asdict(regret) for regret in choice.regrets],
    }


def _out_of_memory(reports: Sequence[JudgedReport]) -> dict[str, Any]:
    return {
        "reports": len(reports),
        "judged_not_to_fit": sum(not report.fits for report in reports),
        "rows": [asdict(report) for report in reports],
    }
