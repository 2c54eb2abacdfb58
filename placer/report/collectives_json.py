"""Predicted against measured collectives as one JSON document."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from placer.validate.collectives import group_errors, misses

if TYPE_CHECKING:
    from placer.validate.collectives import CollectiveCheck, CollectiveRow

SCHEMA: Final = "placer.validate.collectives/v1"


def collectives_json(check: CollectiveCheck) -> str:
    """The document; same rows and constants, same bytes."""
    return json.dumps(collectives_data(check), indent=1, allow_nan=False) + "\n"


def collectives_data(check: CollectiveCheck) -> dict[str, Any]:
    """The document as plain data: every row, groups, misses, what was left out and why."""
    return {
        "schema": SCHEMA,
        "rows": [_row(row) for row in check.rows],
        "groups": [asdict(group) for group in group_errors(check.rows)],
        "misses": [asdict(miss) for miss in misses(check.rows)],
        "skipped": [asdict(row) for row in check.skipped],
    }


def _row(row: CollectiveRow) -> dict[str, Any]:
    return asdict(row) | {"regime": row.regime.value, "error": row.error}
