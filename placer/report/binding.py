"""What keeps a plan from being faster: one sentence with numbers for each thing that binds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.plan.strategy import RecomputeGranularity
from placer.report.palette import COMPONENTS
from placer.report.reach import reach
from placer.units import format_percent, format_size, format_time

if TYPE_CHECKING:
    from collections.abc import Callable

    from placer.plan.estimate import Estimate
    from placer.plan.plan import Plan

TIGHT_MEMORY: Final = 0.93
"""From this share on, no coarser recomputation, batch or split could be afforded."""
_WORTH_NAMING: Final = 0.01
_MOST_COMPONENTS: Final = 3


def findings(plan: Plan) -> tuple[str, ...]:
    """What binds, the largest share of the step first, memory last."""
    estimate = plan.estimate
    shares = [
        (component.seconds(estimate.breakdown) / estimate.step_time_s, component)
        for component in COMPONENTS
        if component.field != "compute"
    ]
    named = sorted((pair for pair in shares if pair[0] >= _WORTH_NAMING), key=lambda pair: -pair[0])
    told = [
        f"{component.phrase}: {format_percent(share)} of the step"
        f"{_REASONS.get(component.field, _no_reason)(plan)}"
        for share, component in named[:_MOST_COMPONENTS]
    ]
    uneven = imbalance(estimate)
    if uneven >= _WORTH_NAMING:
        told.append(_imbalance_sentence(estimate, uneven))
    sentences = [f"{text[0].upper()}{text[1:]}." for text in told]
    return (*sentences, memory_sentence(plan))


def imbalance(estimate: Estimate) -> float:
    """How much longer the slowest stage takes than the mean one, as a fraction of the mean."""
    mean = sum(estimate.stage_time_s) / len(estimate.stage_time_s)
    return max(estimate.stage_time_s) / mean - 1.0


def _imbalance_sentence(estimate: Estimate, uneven: float) -> str:
    slowest = max(estimate.stage_time_s)
    stage = estimate.stage_time_s.index(slowest)
    return (
        f"uneven stages: stage {stage} takes {format_time(slowest)} per micro-batch,"
        f" {format_percent(uneven)} more than the mean stage"
    )


def fullest_stage(estimate: Estimate) -> tuple[int, float]:
    """The first of the stages that fill their GPUs most, and the share it fills."""
    pairs = zip(estimate.memory, estimate.memory_limit_bytes, strict=True)
    shares = [memory.total_bytes / limit for memory, limit in pairs]
    stage = max(range(len(shares)), key=lambda s: (round(shares[s], 6), -s))
    return stage, shares[stage]


def memory_sentence(plan: Plan) -> str:
    """Whether memory binds, at which stage, and what fills it."""
    estimate = plan.estimate
    stage, share = fullest_stage(estimate)
    used = (
        f"stage {stage} fills {format_percent(share)} of"
        f" {format_size(estimate.memory_limit_bytes[stage])},"
        f" {format_size(estimate.memory[stage].activations_bytes)} of it activations"
    )
    if share > 1.0:
        return f"Memory does not suffice: {used}."
    if share >= TIGHT_MEMORY:
        return f"Memory binds: {used}."
    if plan.strategy.recompute.granularity is not RecomputeGranularity.NONE:
        return f"Memory binds: recomputation is what makes it fit; {used}."
    return f"Memory does not bind: {used}."


def _no_reason(_: Plan) -> str:
    return ""


def _bubble_reason(plan: Plan) -> str:
    strategy = plan.strategy
    chunks = f" x {strategy.vpp} chunks" if strategy.vpp > 1 else ""
    return f", pp {strategy.pp} with {strategy.num_microbatches} micro-batches{chunks}"


def _axis_reason(axis: str) -> Callable[[Plan], str]:
    """Where the widest group of an axis reaches."""

    def reason(plan: Plan) -> str:
        stated = {entry.axis: entry for entry in plan.placement.axis_levels}
        return f", {reach(stated[axis])}" if axis in stated else ""

    return reason


def _recompute_reason(plan: Plan) -> str:
    full = plan.strategy.recompute.granularity is RecomputeGranularity.FULL
    return ", every layer runs forward twice" if full else ", to save activations"


_REASONS: Final[dict[str, Callable[[Plan], str]]] = {
    "tp": _axis_reason("tp"),
    "cp": _axis_reason("cp"),
    "ep": _axis_reason("ep"),
    "dp": _axis_reason("dp_cp"),
    "bubble": _bubble_reason,
    "recompute": _recompute_reason,
}
