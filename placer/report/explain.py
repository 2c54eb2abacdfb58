"""Why a plan is as it is: its time, what binds, what the next best lose, what a step would do."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from placer.plan.serialise import strategy_data
from placer.report.binding import findings
from placer.report.loss import signed_percent
from placer.report.neighbours import neighbours
from placer.report.sensitivity import STEP, Sensitivity, sensitivities
from placer.report.tabular import Table, columns
from placer.units import format_percent, format_time

if TYPE_CHECKING:
    from placer.cost.constants import Constants
    from placer.plan.legality import FrameworkRules
    from placer.plan.plan import Plan
    from placer.report.neighbours import Neighbour

_MUCH: Final = 0.01
EXPLAIN_SCHEMA: Final = "placer.explain/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A plan with what binds it, what surrounds it, and what would help."""

    plan: Plan
    findings: tuple[str, ...]
    neighbours: tuple[Neighbour, ...]
    sensitivities: tuple[Sensitivity, ...]


def explain_plan(plan: Plan, rules: FrameworkRules, constants: Constants) -> Explanation:
    """Explain a plan; its neighbours must respect ``rules``."""
    around = neighbours(plan, rules, constants)
    return Explanation(
        plan=plan,
        findings=findings(plan),
        neighbours=around,
        sensitivities=sensitivities(plan, constants, around),
    )


def neighbours_note(explanation: Explanation) -> str:
    """How the neighbours are placed, and what that alone loses where it is much."""
    placed = (
        "Of the same GPUs, loss against the plan. Where degrees change: ranks in order, layers split"
        " evenly, as a framework does by itself."
    )
    chosen_s = explanation.plan.estimate.step_time_s
    same = next((n for n in explanation.neighbours if not n.axis), None)
    if same is None or same.estimate is None:
        return placed
    loss = same.estimate.step_time_s / chosen_s - 1.0
    if loss < _MUCH:
        return placed
    return f"{placed} That alone loses {format_percent(loss)} here: read those rows against it."


def neighbours_table(explanation: Explanation) -> Table:
    """One row per neighbour, in the order of the axes."""
    chosen_s = explanation.plan.estimate.step_time_s
    return Table(
        caption="One step along each axis",
        columns=columns("change", "step>", "loss>", "because"),
        rows=tuple(_neighbour_row(neighbour, chosen_s) for neighbour in explanation.neighbours),
    )


def _neighbour_row(neighbour: Neighbour, chosen_s: float) -> tuple[str, str, str, str]:
    if neighbour.estimate is None:
        return neighbour.change, "-", "-", neighbour.obstacle
    step_s = neighbour.estimate.step_time_s
    loss = signed_percent(step_s / chosen_s - 1.0)
    because = neighbour.obstacle or neighbour.reason
    return neighbour.change, format_time(step_s), loss, because


def explanation_data(explanation: Explanation) -> dict[str, Any]:
    """The explanation as plain data, schema ``placer.explain/v1``."""
    plan = explanation.plan
    return {
        "schema": EXPLAIN_SCHEMA,
        "strategy": strategy_data(plan.strategy),
        "step_time_s": plan.estimate.step_time_s,
        "breakdown_s": asdict(plan.estimate.breakdown),
        "findings": list(explanation.findings),
        "alternatives": [
            {
                "strategy": strategy_data(alternative.strategy),
                "step_time_s": alternative.step_time_s,
                "why_not": alternative.why_not,
                "distinguishable": alternative.distinguishable,
            }
            for alternative in plan.alternatives
        ],
        "neighbours": [_neighbour_data(n, plan) for n in explanation.neighbours],
        "sensitivity": {
            "step": STEP,
            "things": [
                {
                    "thing": one.thing,
                    "loss_with_more": one.better,
                    "loss_with_less": one.worse,
                    "remark": one.remark,
                }
                for one in explanation.sensitivities
            ],
        },
    }


def _neighbour_data(neighbour: Neighbour, plan: Plan) -> dict[str, Any]:
    """One neighbour; times are None where it cannot run."""
    estimate = neighbour.estimate
    step_time_s = None if estimate is None else estimate.step_time_s
    return {
        "axis": neighbour.axis,
        "change": neighbour.change,
        "strategy": strategy_data(neighbour.strategy),
        "step_time_s": step_time_s,
        "loss": None if step_time_s is None else step_time_s / plan.estimate.step_time_s - 1.0,
        "fits": estimate is not None and estimate.fits,
        "obstacle": neighbour.obstacle,
        "reason": neighbour.reason,
    }
