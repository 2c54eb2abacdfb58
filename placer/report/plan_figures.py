"""What a plan's report is made from, and all its pictures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from placer.report.figures.alternatives import alternatives_figure
from placer.report.figures.breakdown import breakdown_figure
from placer.report.figures.memory import memory_figure
from placer.report.figures.pipeline import pipeline_figure
from placer.report.figures.placement import placement_figure
from placer.report.figures.sensitivity import sensitivity_figure
from placer.report.figures.traffic import traffic_figure

if TYPE_CHECKING:
    from placer.report.explain import Explanation
    from placer.report.svg.figure import Figure
    from placer.simulate.result import Simulation


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything known about a plan: its explanation, and a step played."""

    explanation: Explanation
    simulation: Simulation


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFigures:
    """The pictures of a plan, in the order a reader asks; ``alternatives`` is empty without any."""

    time: Figure
    memory: Figure
    placement: Figure
    pipeline: Figure
    traffic: Figure
    alternatives: tuple[Figure, ...]
    sensitivity: Figure

    @property
    def every(self) -> tuple[Figure, ...]:
        """All of them."""
        return (
            self.time,
            self.memory,
            self.placement,
            self.pipeline,
            self.traffic,
            *self.alternatives,
            self.sensitivity,
        )


def draw_plan(found: Findings) -> PlanFigures:
    """Draw all pictures."""
    plan = found.explanation.plan
    return PlanFigures(
        time=breakdown_figure(plan.estimate),
        memory=memory_figure(plan),
        placement=placement_figure(plan),
        pipeline=pipeline_figure(found.simulation),
        traffic=traffic_figure(found.simulation),
        alternatives=(alternatives_figure(plan),) if plan.alternatives else (),
        sensitivity=sensitivity_figure(found.explanation.sensitivities),
    )
