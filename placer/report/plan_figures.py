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
    """Everything known about a plan: its explanation, and a step played.

    ``simulation`` is None for a plan whose sites exchange every so many steps: no single step of it
    can be played.
    """

    explanation: Explanation
    simulation: Simulation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanFigures:
    """The pictures of a plan, in the order a reader asks.

    ``pipeline`` and ``traffic`` are empty where no step was played, ``alternatives`` where there
    are none.
    """

    time: Figure
    memory: Figure
    placement: Figure
    pipeline: tuple[Figure, ...]
    traffic: tuple[Figure, ...]
    alternatives: tuple[Figure, ...]
    sensitivity: Figure

    @property
    def every(self) -> tuple[Figure, ...]:
        """All of them."""
        return (
            self.time,
            self.memory,
            self.placement,
            *self.pipeline,
            *self.traffic,
            *self.alternatives,
            self.sensitivity,
        )


def draw_plan(found: Findings) -> PlanFigures:
    """Draw all pictures."""
    plan = found.explanation.plan
    played = (found.simulation,) if found.simulation is not None else ()
    return PlanFigures(
        time=breakdown_figure(plan.estimate),
        memory=memory_figure(plan),
        placement=placement_figure(plan),
        pipeline=tuple(pipeline_figure(step) for step in played),
        traffic=tuple(traffic_figure(step) for step in played),
        alternatives=(alternatives_figure(plan),) if plan.alternatives else (),
        sensitivity=sensitivity_figure(found.explanation.sensitivities),
    )
