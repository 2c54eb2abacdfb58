"""A sweep as data: ``{"schema": "placer.sweep/v1", "rows": [...]}``, rows in the order of the axes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from placer.compare.sweep.axes import Axis
    from placer.compare.sweep.result import Sweep, SweepRow

SWEEP_SCHEMA: Final = "placer.sweep/v1"


def sweep_json(sweep: Sweep) -> str:
    """The sweep as one JSON document, ending in a newline."""
    best = sweep.best
    document = {
        "schema": SWEEP_SCHEMA,
        "model": sweep.model,
        "template": sweep.template,
        "axes": [{"key": axis.key, "values": list(axis.values)} for axis in sweep.axes],
        "assumptions": list(sweep.assumptions),
        "currency": sweep.currency,
        "gap": sweep.gap,
        "placer_version": sweep.placer_version,
        "layouts": len(sweep.rows),
        "questions": sweep.num_questions,
        "open": sweep.num_open,
        "best": None if best is None else best.index,
        "pareto": {
            front.price.value: [row.index for row in front.rows] for front in sweep.fronts()
        },
        "sensitivity": [{"resource": gain.resource, "gain": gain.gain} for gain in sweep.gains],
        "rows": [_row_data(sweep.axes, row) for row in sweep.rows],
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _row_data(axes: tuple[Axis, ...], row: SweepRow) -> dict[str, Any]:
    return {
        "index": row.index,
        "values": {axis.key: value for axis, value in zip(axes, row.point, strict=True)},
        "gpus": row.num_gpus,
        "power_w": None if row.footprint is None else row.footprint.power_w,
        "purchase": None if row.footprint is None else row.footprint.purchase,
        "cost_per_hour": None if row.footprint is None else row.footprint.cost_per_hour,
        "switches": None if row.footprint is None else row.footprint.num_switches,
        "optical_modules": None if row.footprint is None else row.footprint.num_modules,
        "tokens_per_s": row.tokens_per_s,
        "tokens_per_s_per_gpu": row.tokens_per_s_per_gpu,
        "plan": None if row.plan is None else row.plan.model_dump(mode="json"),
        "refusal": row.refusal,
    }
