"""Whether all ranks are on accelerators that exist, work, and are where the plan says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from placer.errors import InputError
from placer.plan.crossings import axis_levels
from placer.plan.ranks import gpu_of_rank, units_of_gpus
from placer.spec.hierarchy.hostlist import expand_names
from placer.topology.tree import GpuState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from placer.plan.placement import AxisLevels, CellRun
    from placer.plan.plan import Plan
    from placer.topology.tree import Topology


def cell_problems(plan: Plan) -> Iterator[str]:
    """Each cell of each stage is placed once, on as many accelerators as it needs."""
    try:
        gpu = gpu_of_rank(plan.strategy, plan.placement)
    except InputError as error:
        yield from (str(problem) for problem in error.problems)
        return
    if plan.placement.gpus_used != len(gpu):
        yield f"placement: gpus_used is {plan.placement.gpus_used}, the strategy has {len(gpu)} ranks"


def accelerator_problems(plan: Plan, topology: Topology) -> Iterator[str]:
    """Ranks run on different accelerators, all of them usable; the cluster is counted right."""
    gpu = gpu_of_rank(plan.strategy, plan.placement)
    if int(gpu.max()) >= topology.num_accelerators:
        yield (
            f"placement: accelerator {int(gpu.max())} of a cluster of {topology.num_accelerators}"
        )
        return
    numbers, counts = np.unique(gpu, return_counts=True)
    if counts.max() > 1:
        twice = numbers[counts > 1]
        yield f"placement: {len(twice)} accelerators hold several ranks, such as {int(twice[0])}"
    unusable = numbers[topology.gpu_state[numbers] != GpuState.USABLE]
    if len(unusable):
        state = GpuState(int(topology.gpu_state[unusable[0]])).name.lower()
        yield (
            f"placement: {len(unusable)} accelerators may not be used, such as {int(unusable[0])},"
            f" which is {state}"
        )
    yield from _count_problems(plan, topology)
    for number, run in enumerate(plan.placement.cells):
        yield from _name_problems(f"placement: cells[{number}]", run, topology)


def _count_problems(plan: Plan, topology: Topology) -> Iterator[str]:
    placement = plan.placement
    counted = {
        "gpus_available": (placement.gpus_available, topology.num_usable),
        "gpus_unusable": (placement.gpus_unusable, topology.num_unusable),
        "spares": (placement.spares, topology.num_spares),
    }
    for name, (stated, found) in counted.items():
        if stated != found:
            yield f"placement: {name} is stated as {stated}, the cluster has {found}"


def _name_problems(where: str, run: CellRun, topology: Topology) -> Iterator[str]:
    """The hosts a run of cells names are those of its accelerators."""
    gpu = np.concatenate([np.arange(first, first + count) for first, count in run.gpu_ids])
    hosts = set(topology.host_names(np.unique(topology.host_of(gpu)).tolist()))
    stated = {name for text in run.hosts for name in expand_names(text)}
    if stated != hosts:
        example = min(stated ^ hosts)
        yield f"{where}: names {len(stated)} hosts, stands on {len(hosts)}; {example} is in one only"


def level_problems(plan: Plan, topology: Topology) -> Iterator[str]:
    """The groups of every axis spread over the levels as stated, counted rank by rank."""
    gpu = gpu_of_rank(plan.strategy, plan.placement)
    names = [level.name for level in topology.levels]
    counted = axis_levels(plan.strategy, names, units_of_gpus(topology, gpu))
    stated = {axis.axis: axis for axis in plan.placement.axis_levels}
    for found in counted:
        if found.axis not in stated:
            yield f"axis_levels: {found.axis} is missing"
        else:
            yield from _spread_problems(stated.pop(found.axis), found)
    for axis in sorted(stated):
        yield f"axis_levels: no axis is called {axis}"


def _spread_problems(stated: AxisLevels, found: AxisLevels) -> Iterator[str]:
    if stated.groups != found.groups:
        yield f"axis_levels: {found.axis} is stated to have {stated.groups} groups, has {found.groups}"
    covered = {name: count for name, count in stated.levels.items() if count > 1}
    if covered != found.levels:
        yield f"axis_levels: {found.axis} is stated to cover {covered}, covers {found.levels}"
    if stated.groups_crossing != found.groups_crossing:
        yield (
            f"axis_levels: {found.axis} groups are stated to cross {stated.groups_crossing}, they"
            f" cross {found.groups_crossing}"
        )
