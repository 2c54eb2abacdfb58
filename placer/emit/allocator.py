"""PyTorch's allocator, which the plan's memory limits were reckoned with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.emit.target import EnvironmentVariable
from placer.spec.run import Allocator

if TYPE_CHECKING:
    from placer.plan.plan import Plan


def allocator_variables(plan: Plan) -> tuple[EnvironmentVariable, ...]:
    """The variable that makes segments grow, where the plan counts on it."""
    if plan.run.features.allocator is not Allocator.EXPANDABLE:
        return ()
    return (
        EnvironmentVariable(
            name="PYTORCH_CUDA_ALLOC_CONF",
            value="expandable_segments:True",
            reason="The plan's memory limits leave no room for the fragments of fixed segments.",
        ),
    )
