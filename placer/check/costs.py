"""Whether the figures of a plan agree with each other, and with a second costing."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Final

from placer.plan.plan import PlanStatus
from placer.units import format_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from placer.plan.estimate import Estimate
    from placer.plan.plan import Plan

RELATIVE_TOLERANCE: Final = 1e-9
"""Sums of the same numbers in another order differ by rounding only."""


def _agree(left: float, right: float, scale: float = 0.0) -> bool:
    tolerance = RELATIVE_TOLERANCE * max(abs(scale), abs(left), abs(right))
    return math.isfinite(left) and math.isfinite(right) and abs(left - right) <= tolerance


def memory_problems(plan: Plan) -> Iterator[str]:
    """Every stage fits its accelerator."""
    estimate, stages = plan.estimate, plan.strategy.pp
    counts = (len(estimate.memory), len(estimate.memory_limit_bytes), len(estimate.stage_time_s))
    if counts != (stages, stages, stages):
        yield f"estimate: expected memory, limit and time of {stages} stages, found {counts}"
        return
    for stage, (memory, limit) in enumerate(
        zip(estimate.memory, estimate.memory_limit_bytes, strict=True)
    ):
        over = memory.total_bytes - limit
        if over > RELATIVE_TOLERANCE * limit and plan.status is not PlanStatus.ESTIMATED:
            yield (
                f"estimate: stage {stage} needs {format_size(memory.total_bytes)},"
                f" {format_size(over)} more than its limit of {format_size(limit)}"
            )


def breakdown_problems(plan: Plan) -> Iterator[str]:
    """The components are no less than nothing and sum to the step time; so does the throughput."""
    estimate = plan.estimate
    if not _agree(estimate.breakdown.total_s, estimate.step_time_s):
        yield (
            f"estimate: breakdown_s sums to {estimate.breakdown.total_s} s, step_time_s is"
            f" {estimate.step_time_s} s"
        )
    for component in fields(estimate.breakdown):
        seconds = getattr(estimate.breakdown, component.name)
        if not seconds >= -RELATIVE_TOLERANCE * estimate.step_time_s:
            yield f"estimate: breakdown_s.{component.name} is {seconds} s, below 0"
    tokens = estimate.tokens_per_s * estimate.step_time_s
    if not _agree(tokens, plan.run.tokens_per_step):
        yield (
            f"estimate: tokens_per_s * step_time_s is {tokens}, a step has"
            f" {plan.run.tokens_per_step} tokens"
        )


def proof_problems(plan: Plan) -> Iterator[str]:
    """The bound is below the step time, the gap is theirs, and no alternative is faster."""
    if (plan.bound is None) != (plan.status is PlanStatus.ESTIMATED):
        yield f"bound: a plan of status {plan.status} must not be without, nor an estimate with one"
        return
    if plan.bound is None:
        return
    step, lower = plan.estimate.step_time_s, plan.bound.lower_bound_s
    if lower > step * (1 + RELATIVE_TOLERANCE):
        yield f"bound: lower_bound_s {lower} s is above the step time {step} s"
    if lower > 0 and not _agree(plan.bound.gap, step / lower - 1, scale=1.0):
        yield f"bound: gap is {plan.bound.gap}, step_time_s / lower_bound_s - 1 is {step / lower - 1}"
    if plan.status is PlanStatus.OPTIMAL and plan.bound.gap > plan.provenance.limits.gap + 1e-12:
        yield (
            f"bound: status optimal, but the gap {plan.bound.gap} exceeds"
            f" {plan.provenance.limits.gap}"
        )
    candidates = plan.bound.candidates
    pruned = sum(candidates.pruned.values())
    if pruned + candidates.solved > candidates.considered:
        yield (
            f"bound: {pruned} candidates pruned and {candidates.solved} solved, of"
            f" {candidates.considered} considered"
        )


def recost_problems(stated: Estimate, found: Estimate) -> Iterator[str]:
    """What the plan states is what the cost model says of it."""
    names = ("step_time_s", "tokens_per_s", "tflops_per_gpu", "mfu", "hfu")
    for name in names:
        left, right = getattr(stated, name), getattr(found, name)
        if not _agree(left, right):
            yield f"estimate: {name} is stated as {left}, costed anew it is {right}"
    for component in fields(stated.breakdown):
        left = getattr(stated.breakdown, component.name)
        right = getattr(found.breakdown, component.name)
        if not _agree(left, right, scale=stated.step_time_s):
            yield (
                f"estimate: breakdown_s.{component.name} is stated as {left} s, costed anew it is"
                f" {right} s"
            )
    for stage, (left, right) in enumerate(zip(stated.memory, found.memory, strict=True)):
        if not _agree(left.total_bytes, right.total_bytes):
            yield (
                f"estimate: stage {stage} is stated to need {left.total_bytes} bytes, costed anew"
                f" it needs {right.total_bytes}"
            )
