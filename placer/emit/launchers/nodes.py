"""The table of hosts that several launchers share, and how a host's processes are started.

``nodes`` has a line per host: its number, its name, its ranks and its accelerators, in the order of
the ranks. ``launch.sh`` finds the line of the host it runs on, so it does not matter who starts it
there, or in which order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from placer.emit.launchers.quoting import quoted_environment
from placer.emit.launchers.templates import render
from placer.emit.target import Places, Start
from placer.errors import InputError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from placer.emit.target import FrameworkFiles
    from placer.plan.ranks import RankTable

NODE_FILE: Final = "nodes"
LAUNCH_SCRIPT: Final = "launch.sh"


def start_of(ranks: RankTable, framework: FrameworkFiles, launcher: str) -> Start:
    """How processes are started: torchrun only where a host's ranks follow each other.

    Raises
    ------
    InputError
        When the framework's own starter cannot say the plan's ranks.
    """
    if framework.start is Start.NODE and not ranks.ranks_per_node:
        counts = np.bincount(ranks.node_rank)
        problem = Problem(
            source="plan",
            field="placement",
            expected="as many ranks, one after the other, on every host: the framework's own"
            " starter divides processes evenly over machines",
            found=f"hosts with {counts.min()} to {counts.max()} ranks",
            remedy="Plan with --gpus for whole hosts, or emit for megatron or torchtitan.",
        )
        raise InputError((problem,))
    if framework.start is Start.TORCHRUN and not node_by_node(ranks):
        return Start.RANK
    return framework.start


def node_by_node(ranks: RankTable) -> bool:
    """Whether the ranks of each host follow each other."""
    return bool(np.all(np.diff(ranks.node_rank) >= 0))


def node_lines(ranks: RankTable) -> str:
    """The table of hosts."""
    order = np.lexsort((ranks.local_rank, ranks.node_rank))
    ends = np.cumsum(np.bincount(ranks.node_rank))[:-1]
    rows = zip(
        ranks.node_names,
        np.split(order, ends),
        np.split(ranks.gpu_index[order], ends),
        strict=True,
    )
    return "".join(
        f"{number} {host} {_joined(members.tolist())} {_joined(gpus.tolist())}\n"
        for number, (host, members, gpus) in enumerate(rows)
    )


def node_files(ranks: RankTable, framework: FrameworkFiles, launcher: str) -> dict[str, str]:
    """``nodes`` and ``launch.sh``."""
    start = start_of(ranks, framework, launcher)
    script = render(
        "launch.sh.j2",
        start=start.value,
        num_nodes=len(ranks.node_names),
        num_ranks=len(ranks.gpu),
        in_order=ranks.uses_gpus_in_order,
        environment=quoted_environment(framework),
        sourced=framework.sourced,
        program=framework.program,
    )
    return {NODE_FILE: node_lines(ranks), LAUNCH_SCRIPT: script}


def places_of_nodes(files: Mapping[str, str], num_ranks: int) -> Places:
    """Where each rank runs, read back from ``nodes``."""
    hosts, gpu_index = [""] * num_ranks, [-1] * num_ranks
    for line in files[NODE_FILE].splitlines():
        _, host, ranks, gpus = line.split()
        for rank, gpu in zip(ranks.split(","), gpus.split(","), strict=True):
            hosts[int(rank)], gpu_index[int(rank)] = host, int(gpu)
    return Places(hosts=tuple(hosts), gpu_index=tuple(gpu_index))


def _joined(numbers: list[int]) -> str:
    return ",".join(map(str, numbers))
