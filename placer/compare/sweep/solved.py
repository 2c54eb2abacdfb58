"""What is kept of one solved layout: the plan's figures, or why there is none.

It is data alone, so that it travels between processes and machines and lies in a store as JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from placer.plan.document import BreakdownDocument, StrategyDocument
from placer.plan.serialise import strategy_data

if TYPE_CHECKING:
    from placer.plan.plan import Plan

Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, strict=True)]

_FROZEN = ConfigDict(frozen=True, extra="forbid")


class SolvedPlan(BaseModel):
    """The best plan of a layout in figures; seconds, bytes, tokens per second.

    ``memory_share`` is the fullest stage's peak over its limit.
    """

    model_config = _FROZEN

    status: str
    step_time_s: Amount
    lower_bound_s: Amount
    gap: Amount
    tokens_per_s: Amount
    tflops_per_gpu: Amount
    mfu: Amount
    memory_share: Amount
    gpus_used: Count
    strategy: StrategyDocument
    breakdown_s: BreakdownDocument


class SolvedLayout(BaseModel):
    """The answer for one layout, under the key of its question: a plan, or why there is none.

    ``wall_clock_cut`` says that a wall-clock limit shaped it: another time it may be another.
    """

    model_config = _FROZEN

    key: str
    plan: SolvedPlan | None = None
    refusal: str | None = None
    wall_clock_cut: bool = False

    @model_validator(mode="after")
    def _has_one_part(self) -> Self:
        if (self.plan is None) == (self.refusal is None):
            raise ValueError("expected a plan or a refusal, found both or neither")
        return self


def solved_plan(plan: Plan) -> SolvedPlan:
    """What a sweep keeps of a plan that was searched for."""
    assert plan.bound is not None
    estimate = plan.estimate
    pairs = zip(estimate.memory, estimate.memory_limit_bytes, strict=True)
    return SolvedPlan(
        status=plan.status.value,
        step_time_s=estimate.step_time_s,
        lower_bound_s=plan.bound.lower_bound_s,
        gap=plan.bound.gap,
        tokens_per_s=estimate.tokens_per_s,
        tflops_per_gpu=estimate.tflops_per_gpu,
        mfu=estimate.mfu,
        memory_share=max(memory.total_bytes / limit for memory, limit in pairs),
        gpus_used=plan.placement.gpus_used,
        strategy=StrategyDocument.model_validate(
            {**strategy_data(plan.strategy), "launchable_by": plan.launchable_by}
        ),
        breakdown_s=BreakdownDocument.model_validate(estimate.breakdown, from_attributes=True),
    )
