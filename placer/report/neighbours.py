"""What one step along each axis would do: the plan's neighbours, each costed in rank order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from placer.cost.model import CostModel
from placer.errors import InfeasibleError
from placer.plan.contiguous import contiguous_placement
from placer.plan.layout import even_layout
from placer.plan.legality import violations
from placer.plan.plan import PlanStatus
from placer.plan.site_shares import shared_out
from placer.plan.strategy import Recompute, RecomputeGranularity, Schedule
from placer.report.binding import fullest_stage
from placer.report.loss import loss_between, why_not
from placer.topology.build import build_topology
from placer.units import format_percent, format_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from placer.cost.constants import Constants
    from placer.plan.estimate import Estimate
    from placer.plan.legality import FrameworkRules
    from placer.plan.plan import Plan
    from placer.plan.strategy import Strategy

AXES: Final = ("tp", "cp", "ep", "etp", "pp", "vpp", "micro_batch_size")
_GRID: Final = ("tp", "cp", "ep", "etp", "pp", "vpp", "dp")
_EXPERT_AXES: Final = ("ep", "etp")


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A strategy one step away.

    ``axis`` and ``change`` say which ("tp", "tp 4"); ``estimate`` is None where ``obstacle`` says
    why it cannot run; otherwise ``obstacle`` is empty or says why it does not fit. ``reason`` names
    the component that loses (or gains) most.
    """

    axis: str
    change: str
    strategy: Strategy
    estimate: Estimate | None
    obstacle: str
    reason: str


def neighbours(plan: Plan, rules: FrameworkRules, constants: Constants) -> tuple[Neighbour, ...]:
    """One step down and up along every axis; first, where searched, the plan's own degrees.

    GPUs stay as they are: replicas and micro-batches follow. Where no degree changes, everything
    stays in its place; else all is placed in rank order with layers split evenly, as a framework
    does by itself.
    """
    judge = _Judge(plan, rules, constants)
    searched = plan.status is not PlanStatus.ESTIMATED
    own = [("", "the same in rank order", plan.strategy)] if searched else []
    return tuple(judge.judged(*step) for step in [*own, *_steps(plan)])


class _Judge:
    """Costs neighbours of one plan."""

    def __init__(self, plan: Plan, rules: FrameworkRules, constants: Constants) -> None:
        self._plan = plan
        self._rules = rules
        self._topology = build_topology(plan.cluster)
        self._cost_model = CostModel(
            model=plan.model, topology=self._topology, run=plan.run, constants=constants
        )

    def judged(self, axis: str, change: str, other: Strategy) -> Neighbour:
        """One neighbour, costed where it can run."""
        other = self._shared_out(other)
        broken = violations(self._rules, self._plan.model, self._plan.run, other)
        estimate, obstacle = None, ""
        if broken:
            obstacle = f"not allowed: {broken[0].arithmetic}"
        else:
            estimate, obstacle = self._costed(other, in_place=bool(axis))
        reason = "" if estimate is None else self._reason(other, estimate)
        return Neighbour(
            axis=axis,
            change=change,
            strategy=other,
            estimate=estimate,
            obstacle=obstacle,
            reason=reason,
        )

    def _shared_out(self, other: Strategy) -> Strategy:
        """A strategy of other degrees over the sites of the plan; as it is where they lack room."""
        own = self._plan.strategy
        if not own.cross_site.shares or (other.dp, other.pp) == (own.dp, own.pp):
            return other
        try:
            whole = replace(other, dp_shard=other.dp, dp_replicate=1)
            return shared_out(whole, replace(own.cross_site, shares=()), self._topology)
        except InfeasibleError:
            return other

    def _costed(self, other: Strategy, *, in_place: bool) -> tuple[Estimate | None, str]:
        if in_place and _same_grid(self._plan.strategy, other):
            estimate = self._cost_model.estimate(other, self._plan.placement)
            return estimate, "" if estimate.fits else _overflow(estimate)
        try:
            layout = even_layout(self._plan.model, other.pp, other.vpp)
            placement = contiguous_placement(other, layout, self._topology)
        except ValueError as error:
            return None, f"not possible: {error}"
        except InfeasibleError as error:
            return None, f"not possible: {error.message}"
        estimate = self._cost_model.estimate(other, placement)
        return estimate, "" if estimate.fits else _overflow(estimate)

    def _reason(self, other: Strategy, estimate: Estimate) -> str:
        chosen = self._plan.estimate
        loss = loss_between(chosen.breakdown, estimate.breakdown)
        sentence = why_not(self._plan.strategy, chosen.step_time_s, other, loss)
        return sentence.partition(": ")[2]


def _overflow(estimate: Estimate) -> str:
    stage, share = fullest_stage(estimate)
    needed = format_size(estimate.memory[stage].total_bytes)
    return f"does not fit: {needed} on stage {stage}, {format_percent(share)} of a GPU"


def _same_grid(one: Strategy, other: Strategy) -> bool:
    """Whether both have their ranks, and their layers, in the same places."""
    return all(getattr(one, axis) == getattr(other, axis) for axis in _GRID)


def _steps(plan: Plan) -> Iterator[tuple[str, str, Strategy]]:
    """Axis, what changes, and the strategy, for each step that the model has a use for."""
    strategy = plan.strategy
    for axis in AXES:
        if axis in _EXPERT_AXES and plan.model.moe is None:
            continue
        value: int = getattr(strategy, axis)
        for stepped in (_below(value), 2 * value):
            if stepped != value:
                degree: dict[str, Any] = {axis: stepped}
                yield axis, f"{axis} {stepped}", _refilled(plan, replace(strategy, **degree))
    for granularity in RecomputeGranularity:
        if granularity is not strategy.recompute.granularity:
            changed = replace(strategy, recompute=_recompute(granularity))
            yield "recompute", f"recompute {granularity.value}", changed


def _below(value: int) -> int:
    """The largest proper divisor; 1 stays 1."""
    divisors = (d for d in range(2, value + 1) if value % d == 0)
    return value // next(divisors, 1)


def _recompute(granularity: RecomputeGranularity) -> Recompute:
    if granularity is RecomputeGranularity.FULL:
        return Recompute(granularity=granularity, method="uniform", num_layers=1)
    if granularity is RecomputeGranularity.SELECTIVE:
        return Recompute(granularity=granularity, modules=("core_attn",))
    return Recompute()


def _refilled(plan: Plan, changed: Strategy) -> Strategy:
    """The strategy on as many GPUs as the plan has, its batch split accordingly."""
    dp = max(1, plan.strategy.num_gpus // (changed.tp * changed.cp * changed.pp))
    whole_shard = plan.strategy.dp_replicate == 1 or dp % plan.strategy.dp_replicate != 0
    replicate = 1 if whole_shard else plan.strategy.dp_replicate
    together = dp * changed.micro_batch_size
    usual = changed.schedule in (Schedule.ONE_F_ONE_B, Schedule.INTERLEAVED)
    interleaved = Schedule.INTERLEAVED if changed.vpp > 1 else Schedule.ONE_F_ONE_B
    return replace(
        changed,
        dp=dp,
        dp_shard=dp // replicate,
        dp_replicate=replicate,
        num_microbatches=max(1, plan.run.global_batch_size // together),
        sequence_parallel=changed.tp > 1,
        schedule=interleaved if usual else changed.schedule,
    )
