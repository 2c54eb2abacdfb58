"""What processes of PyTorch find in their environment: its allocator, and NCCL's settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.emit.network import network_variables
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


def torch_variables(plan: Plan) -> tuple[EnvironmentVariable, ...]:
    """All of them."""
    return allocator_variables(plan) + network_variables(plan)
