"""How often another plan would beat the chosen one, given how well the constants are known.

The step time of every plan is costed again with each group of constants moved by its standard
deviation; between those points the logarithm of the step time is taken as linear. The same draws
move all plans, so what slows both alike does not tell them apart. A draw of its own per plan stands
for what no constant explains: software that suits one configuration better than another.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from placer.cost.assembly import Seating, seated_step_s
from placer.cost.spans import AxisSpans, spans_of
from placer.plan.placement import Placement
from placer.plan.strategy import Strategy, StrategyBatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placer.cost.constants import Constants
    from placer.cost.model import CostModel
    from placer.cost.stage_costs import FloatArray, StageCosts
    from placer.cost.uncertainty import ConstantGroup, Uncertainty

SAMPLES: Final = 2000
SEED: Final = 20250607
MOST_SHARE: Final = 0.98


class Contender(NamedTuple):
    """A plan and its estimated step time."""

    strategy: Strategy
    placement: Placement
    step_s: float


def chances_faster(
    cost_model: CostModel,
    chosen: Contender,
    others: Sequence[Contender],
    uncertainty: Uncertainty,
) -> FloatArray:
    """(K,) share of draws in which each of the K other plans beats the chosen one."""
    if not others:
        return np.zeros(0)
    plans = _Plans.of(cost_model, (chosen, *others))
    base = plans.log_steps_s(cost_model.constants)
    moved = [plans.log_steps_s(_moved(cost_model.constants, g)) for g in uncertainty.groups]
    slopes = np.array(moved).reshape(-1, len(base)) - base
    estimated = np.log([chosen.step_s, *(other.step_s for other in others)])
    draws = np.random.default_rng(SEED)
    shared = draws.standard_normal((SAMPLES, len(slopes))) @ slopes
    own = uncertainty.between_configurations * draws.standard_normal((SAMPLES, len(base)))
    steps = estimated + shared + own
    return np.asarray((steps[:, 1:] < steps[:, :1]).mean(axis=0))


def _moved(constants: Constants, group: ConstantGroup) -> Constants:
    """The table with a group one standard deviation up; shares of a whole stay below one."""
    factor = float(np.exp(group.sigma))
    names = [c.name for c in constants.entries if group.holds(c.name)]
    values = {name: constants.value(name) for name in names}
    raised = {name: value * factor for name, value in values.items()}
    if group.share:
        raised = {n: min(v, max(MOST_SHARE, values[n])) for n, v in raised.items()}
    return constants.replace(raised, source=f"moved: {group.name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plans:
    """Plans to cost together: one row each."""

    cost_model: CostModel
    strategies: tuple[Strategy, ...]
    batch: StrategyBatch
    spans: AxisSpans
    seatings: tuple[Seating, ...]

    @classmethod
    def of(cls, cost_model: CostModel, contenders: Sequence[Contender]) -> _Plans:
        topology, model = cost_model.topology, cost_model.model
        names = tuple(level.name for level in topology.levels)
        spans = [spans_of(one.placement, names) for one in contenders]
        return cls(
            cost_model=cost_model,
            strategies=tuple(one.strategy for one in contenders),
            batch=StrategyBatch.of(tuple(one.strategy for one in contenders)),
            spans=AxisSpans(
                **{
                    f.name: np.concatenate([getattr(one, f.name) for one in spans])
                    for f in fields(AxisSpans)
                }
            ),
            seatings=tuple(
                Seating.of(model, topology, one.strategy, one.placement, cost_model.item_names)
                for one in contenders
            ),
        )

    def log_steps_s(self, constants: Constants) -> FloatArray:
        """(K,) logarithms of the step times under these constants."""
        model = replace(self.cost_model, constants=constants)
        modules = [model.modules(strategy) for strategy in self.strategies]
        costs: dict[frozenset[str], tuple[StageCosts, ...]] = {}
        for chosen in modules:
            if chosen not in costs:
                costs[chosen] = tuple(
                    model.coefficients(self.batch, self.spans, generation, chosen)
                    for generation in range(len(model.topology.accelerators))
                )
        steps = [
            seated_step_s(strategy, tuple(cost.row(i) for cost in costs[modules[i]]), seating)
            for i, (strategy, seating) in enumerate(
                zip(self.strategies, self.seatings, strict=True)
            )
        ]
        return np.asarray(np.log(np.array(steps)))
