"""A comparison as one JSON document, ``placer.compare/v1``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from placer.plan.serialise import plan_to_data

if TYPE_CHECKING:
    from placer.compare.comparison import Comparison, Row

SCHEMA: Final = "placer.compare/v1"


def comparison_json(comparison: Comparison) -> str:
    """The document; same question, same bytes."""
    return json.dumps(comparison_data(comparison), indent=1, allow_nan=False) + "\n"


def comparison_data(comparison: Comparison) -> dict[str, Any]:
    """The document as plain data: rows best first, each with its whole plan."""
    return {
        "schema": SCHEMA,
        "model": comparison.model,
        "run": comparison.run.model_dump(mode="json"),
        "ranked_by": comparison.rank_by.value,
        "reference": comparison.reference,
        "assumptions": list(comparison.assumptions),
        "rows": [_row(row) for row in comparison.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    layout, plan = row.layout, row.layout.plan
    estimate = None if plan is None else plan.estimate
    return {
        "cluster": layout.name,
        "gpus": layout.num_gpus,
        "gpus_used": None if plan is None else plan.placement.gpus_used,
        "step_time_s": None if estimate is None else estimate.step_time_s,
        "tokens_per_s": layout.tokens_per_s,
        "tokens_per_s_per_gpu": layout.tokens_per_s_per_gpu,
        "mfu": None if estimate is None else estimate.mfu,
        "ratio": row.ratio,
        "difference": None if row.difference is None else asdict(row.difference),
        "reason": layout.reason or None,
        "usd_per_million_tokens": None,
        "joules_per_token": None,
        "plan": None if plan is None else plan_to_data(plan),
    }
