"""A crossover study as data, ``placer.crossover/v1``: bytes per second, metres, seconds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from placer.compare.crossover import Crossover, CrossoverCell, Technique

CROSSOVER_SCHEMA: Final = "placer.crossover/v1"


def crossover_json(crossover: Crossover) -> str:
    """The study as one JSON document, ending in a newline."""
    document = {
        "schema": CROSSOVER_SCHEMA,
        "model": crossover.model,
        "cluster": crossover.cluster,
        "gpus": crossover.num_gpus,
        "run": crossover.run.model_dump(mode="json"),
        "inner_steps": crossover.inner_steps,
        "cells": [_cell(cell) for cell in crossover.cells],
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"


def _cell(cell: CrossoverCell) -> dict[str, Any]:
    winner, equivalent = cell.synchronous, cell.equivalent
    return {
        "bandwidth_bytes_per_s": cell.bandwidth_bytes_per_s,
        "distance_m": cell.distance_m,
        "synchronous_winner": winner.mode.value if winner else None,
        "equivalent_winner": equivalent.mode.value if equivalent else None,
        "gap": cell.gap,
        "reason": cell.reason or None,
        "techniques": [_technique(technique) for technique in cell.techniques],
    }


def _technique(technique: Technique) -> dict[str, Any]:
    return {
        "mode": technique.mode.value,
        "sites": list(technique.sites),
        "step_time_s": technique.step_time_s,
        "tokens_per_s": technique.tokens_per_s,
        "exposed_s": technique.exposed_s,
        "loss_change": technique.loss_change,
        "equivalent_tokens_per_s": technique.equivalent_tokens_per_s,
        "notes": list(technique.notes),
    }
