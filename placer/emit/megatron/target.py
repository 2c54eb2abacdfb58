"""Megatron-LM as a target of ``placer emit``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.emit.environment import allocator_variables
from placer.emit.megatron.arguments import argument_file
from placer.emit.megatron.layout import layout_problems
from placer.emit.megatron.rules import megatron_rules
from placer.emit.network import network_variables
from placer.emit.target import EnvironmentVariable, FrameworkFiles
from placer.errors import InputError, Problem
from placer.spec.run import CudaGraph

if TYPE_CHECKING:
    from collections.abc import Iterator

    from placer.plan.legality import FrameworkRules
    from placer.plan.plan import Plan
    from placer.plan.ranks import RankTable
    from placer.plan.strategy import IntArray

ARGUMENT_FILE: Final = "megatron_args.sh"
_PROGRAM: Final = (
    '"${MEGATRON_LM:?set it to your Megatron-LM checkout}/pretrain_gpt.py"'
    ' "${MEGATRON_ARGS[@]}" "$@"'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Megatron:
    """Argument file for ``pretrain_gpt.py``."""

    name: str = "megatron"

    def rules(self, release: str) -> FrameworkRules:
        """The legality rules of a release."""
        return megatron_rules(release)

    def order(self, plan: Plan, ranks: RankTable) -> IntArray:
        """The plan's own order is Megatron-LM's default, tp-cp-ep-dp-pp."""
        return np.arange(plan.strategy.num_gpus)

    def files(self, plan: Plan, ranks: RankTable, release: str) -> FrameworkFiles:
        """The argument file of a plan.

        Raises
        ------
        InputError
            When Megatron-LM would refuse the pipeline layout.
        """
        check_layout(plan)
        return FrameworkFiles(
            files={ARGUMENT_FILE: argument_file(plan, release)},
            sourced=(ARGUMENT_FILE,),
            program=_PROGRAM,
            environment=megatron_environment(plan),
        )


def check_layout(plan: Plan) -> None:
    """Refuse a pipeline layout Megatron-LM does not accept."""
    found = layout_problems(plan.placement.pipeline_layout, plan.strategy)
    if found:
        raise InputError(
            Problem(
                source="plan",
                field="placement.pipeline_layout",
                expected="a layout Megatron-LM accepts",
                found=text,
                remedy="Plan again with --framework megatron.",
            )
            for text in found
        )


def megatron_environment(plan: Plan) -> tuple[EnvironmentVariable, ...]:
    """What Megatron-LM's processes have to find; only what the plan depends on."""
    variables = [*_hardware_queues(plan), *_allocator(plan)]
    own = tuple(
        EnvironmentVariable(name=name, value=value, reason=reason)
        for name, value, reason in variables
    )
    return own + network_variables(plan)


def _hardware_queues(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """CUDA_DEVICE_MAX_CONNECTIONS, over which TP, CP, FSDP and EP overlap disagree."""
    strategy, name = plan.strategy, "CUDA_DEVICE_MAX_CONNECTIONS"
    if strategy.zero_stage >= 2:
        yield name, "8", "Megatron-FSDP needs more than one hardware queue; 1 stops its start."
    elif plan.run.features.ep_overlap and strategy.ep > 1:
        reason = (
            "Overlap of expert communication needs many hardware queues; tensor and context"
            " parallelism would rather have 1 before Blackwell."
        )
        yield name, "32", reason
    elif strategy.tp > 1 or strategy.cp > 1:
        reason = (
            "Before Blackwell, tensor and context parallelism refuse to start without it: one"
            " hardware queue keeps communication ahead of the computation it overlaps."
        )
        yield name, "1", reason


def _allocator(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """The allocator, and what captured graphs need beside it."""
    variables = allocator_variables(plan)
    yield from ((v.name, v.value, v.reason) for v in variables)
    if variables and plan.run.features.cuda_graph is CudaGraph.PARTIAL:
        reason = "Captured graphs with growing segments read illegal addresses without it."
        yield "NCCL_GRAPH_REGISTER", "0", reason
