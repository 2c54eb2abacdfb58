"""A simulation as one JSON document."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from placer.simulate.result import Simulation

SIMULATION_SCHEMA: Final = "placer.simulation/v1"


def simulation_json(simulation: Simulation) -> str:
    """Seconds and bytes; ``difference`` is the simulation less the estimate, by component."""
    document = {
        "schema": SIMULATION_SCHEMA,
        "step_time_s": simulation.step_time_s,
        "estimate_s": simulation.plan.estimate.step_time_s,
        "relative_difference": simulation.relative_difference,
        "breakdown_s": asdict(simulation.breakdown),
        "difference": asdict(simulation.difference),
        "critical_stage": simulation.critical_stage,
        "lanes": simulation.num_lanes,
        "links": [asdict(link) for link in simulation.links],
        "stages": [asdict(stage) for stage in simulation.stages],
        "percentiles": [asdict(percentile) for percentile in simulation.percentiles],
    }
    return json.dumps(document, indent=1, allow_nan=False) + "\n"
