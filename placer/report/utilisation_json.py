"""Bandwidth between sites for a share of time spent computing, as one JSON document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from placer.cost.across.utilisation import BYTES_PER_GBIT

if TYPE_CHECKING:
    from placer.cost.across.utilisation import BandwidthTable

SCHEMA: Final = "placer.validate.utilisation/v1"


def utilisation_json(table: BandwidthTable) -> str:
    """The document, ending in a newline."""
    return json.dumps(utilisation_data(table), indent=1, allow_nan=False) + "\n"


def utilisation_data(table: BandwidthTable) -> dict[str, Any]:
    """Every cell with its error, and the runs whose bandwidth nobody published."""
    cells = [
        {
            "model": cell.model.name,
            "inner_steps": cell.row.inner_steps,
            "utilisation": cell.utilisation,
            "published_gbps": cell.published_gbps,
            "predicted_gbps": cell.predicted_gbps,
            "error": cell.error,
        }
        for cell in table.cells()
    ]
    runs = [
        {
            "name": run.name,
            "utilisation": run.utilisation,
            "implied_gbps": run.implied_bytes_per_s / BYTES_PER_GBIT,
            "told": run.told,
            "source": run.source,
        }
        for run in table.measured
    ]
    return {"schema": SCHEMA, "source": table.simulated.source, "cells": cells, "runs": runs}
