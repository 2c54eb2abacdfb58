"""Simulate a plan: lay it over its cluster's links, play a step, sum up."""

from __future__ import annotations

from placer.plan.plan import Plan
from placer.simulate.engine import simulate_step
from placer.simulate.result import Percentile, Simulation
from placer.simulate.scene import Scene
from placer.simulate.staging import Staging
from placer.simulate.summary import (
    activation_timelines,
    breakdown_of,
    link_uses,
    stage_passes,
    stage_uses,
)
from placer.simulate.variation import Variation, percentiles, sampled_steps

AS_PLANNED = Variation()


def simulate_plan(plan: Plan, variation: Variation = AS_PLANNED) -> Simulation:
    """One step of the plan, event by event, and samples of steps that vary."""
    staging = Staging(plan)
    scene = staging.scene()
    outcome = simulate_step(scene)
    passes = stage_passes(scene, outcome)
    breakdown, critical = breakdown_of(scene, outcome, passes)
    activations = activation_timelines(scene, outcome)
    return Simulation(
        plan=plan,
        step_time_s=outcome.step_time_s,
        breakdown=breakdown,
        critical_stage=critical,
        num_lanes=scene.num_lanes,
        links=link_uses(staging, scene, outcome, passes),
        stages=stage_uses(scene, outcome, passes, activations),
        activations=activations,
        percentiles=_percentiles(scene, plan, variation),
        outcome=outcome,
        operation_names=tuple(operation.name for operation in staging.operations),
    )


def _percentiles(scene: Scene, plan: Plan, variation: Variation) -> tuple[Percentile, ...]:
    if not variation.varies:
        return ()
    return percentiles(sampled_steps(scene, plan.strategy, variation))
