"""The estimate of a plan beside its simulation, and what may be asked of many such pairs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from placer.plan.plan import Plan
from placer.simulate.simulation import simulate_plan

UNEVEN = 1.2
"""Longest chunk of a stage over its mean one, in layers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A plan, and how much longer its estimate says a step takes than its simulation."""

    plan: Plan
    error: float

    @property
    def is_sharded(self) -> bool:
        return self.plan.strategy.zero_stage == 3

    @property
    def is_uneven(self) -> bool:
        chunks = self.plan.placement.pipeline_layout.chunks
        return any(
            max(sizes) > UNEVEN * sum(sizes) / len(sizes)
            for stage in range(self.plan.strategy.pp)
            for sizes in [[c.num_layers for c in chunks if c.stage == stage]]
        )

    def __str__(self) -> str:
        names = f"{self.plan.model.name} on {self.plan.cluster.name}"
        return f"{self.error:+.1%} {names}: {self.plan.strategy}"


def compared(plans: Iterable[Plan]) -> list[Compared]:
    """Each plan with its error."""
    return [
        Compared(plan=plan, error=plan.estimate.step_time_s / simulate_plan(plan).step_time_s - 1.0)
        for plan in plans
    ]


def check(found: list[Compared], *, mean: float, worst: float) -> None:
    """Mean and worst error; the message lists who is beyond the worst."""
    sizes = [abs(one.error) for one in found]
    beyond = [str(one) for one in found if abs(one.error) > worst]
    assert not beyond, "\n".join(beyond)
    assert sum(sizes) / len(sizes) <= mean


def usual(found: list[Compared]) -> list[Compared]:
    """Plans without a known gap between the two accounts."""
    return [one for one in found if not one.is_sharded and not one.is_uneven]
