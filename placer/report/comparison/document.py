"""A comparison as one JSON document, ``placer.compare/v1``."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from placer.plan.serialise import plan_to_data

if TYPE_CHECKING:
    from placer.compare.comparison import Comparison, Row
    from placer.compare.fabric.inventory import Inventory

SCHEMA: Final = "placer.compare/v1"


def comparison_json(comparison: Comparison) -> str:
    """The document; same question, same bytes."""
    return json.dumps(comparison_data(comparison), indent=1, allow_nan=False) + "\n"


def comparison_data(comparison: Comparison) -> dict[str, Any]:
    """The document as plain data: rows best first, each with its whole plan."""
    return {
        "schema": SCHEMA,
        "placer_version": comparison.placer_version,
        "model": comparison.model,
        "run": comparison.run.model_dump(mode="json"),
        "ranked_by": comparison.rank_by.value,
        "reference": comparison.reference.name,
        "equal": comparison.budget or None,
        "currency": comparison.currency,
        "assumptions": list(comparison.assumptions),
        "rows": [_row(row, comparison.currency) for row in comparison.rows],
    }


def _row(row: Row, currency: str) -> dict[str, Any]:
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
        "usd_per_million_tokens": layout.cost_per_million_tokens if currency == "USD" else None,
        "cost_per_million_tokens": layout.cost_per_million_tokens,
        "joules_per_token": layout.joules_per_token,
        "power_w": layout.power_w,
        "parts": None if layout.inventory is None else _parts(layout.inventory),
        "purchase": None if layout.cost is None else layout.cost.purchase,
        "modules_in_800g": None if layout.cost is None else layout.cost.modules_in_800g,
        "cost_lacks": [] if layout.cost is None else list(layout.cost.missing),
        "training": None if layout.training is None else asdict(layout.training),
        "plan": None if plan is None else plan_to_data(plan),
    }


def _parts(counted: Inventory) -> dict[str, Any]:
    """Counts and power of a whole cluster's parts."""
    return {
        "gpus": counted.num_gpus,
        "hosts": counted.num_hosts,
        "switches": counted.num_switches,
        "links": counted.num_links,
        "modules": counted.num_modules,
        "power_w": asdict(counted.power) | {"total_w": counted.power.total_w},
        "tiers": [
            {
                "level": switches.level,
                "tier": switches.tier,
                "switches": switches.count,
                "ports": switches.switch.ports,
                "links": links.count,
                "rate_bytes_per_s": links.rate_bytes_per_s,
                "medium": links.medium.value,
                "modules": links.num_modules,
            }
            for switches, links in zip(counted.switches, counted.links, strict=True)
        ],
    }
