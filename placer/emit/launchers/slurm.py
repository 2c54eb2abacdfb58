"""Slurm: a host file with the order of the ranks, and a batch script that keeps to it.

``srun --distribution=arbitrary`` starts task k on the host in line k of ``SLURM_HOSTFILE``
(https://slurm.schedmd.com/srun.html). Where every host holds the same number of consecutive ranks,
a task is a host and runs ``torchrun`` with static rendezvous; otherwise a task is a rank.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.emit.launchers.templates import render
from placer.spec.hierarchy.hostlist import compress_names

if TYPE_CHECKING:
    from placer.emit.target import FrameworkFiles
    from placer.plan.plan import Plan
    from placer.plan.ranks import RankTable

HOST_FILE: Final = "hostfile"
GPU_FILE: Final = "gpus_of_host"
SCRIPT: Final = "job.sbatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slurm:
    """Host file and batch script."""

    name: str = "slurm"

    def files(self, plan: Plan, ranks: RankTable, framework: FrameworkFiles) -> dict[str, str]:
        """``hostfile``, ``job.sbatch``, and ``gpus_of_host`` where not all GPUs of a host run."""
        hosts = ranks.node_names if ranks.ranks_per_node else ranks.host_of_rank
        files = {HOST_FILE: "".join(f"{host}\n" for host in hosts)}
        if not ranks.uses_gpus_in_order:
            files[GPU_FILE] = _gpus_of_host(ranks)
        files[SCRIPT] = _script(plan, ranks, framework, num_tasks=len(hosts))
        return files


def _gpus_of_host(ranks: RankTable) -> str:
    """One line per host: its name and its GPUs in local-rank order."""
    order = np.lexsort((ranks.local_rank, ranks.node_rank))
    counts = np.bincount(ranks.node_rank)
    gpus = np.split(ranks.gpu_index[order], np.cumsum(counts)[:-1])
    return "".join(
        f"{name} {','.join(map(str, indices.tolist()))}\n"
        for name, indices in zip(ranks.node_names, gpus, strict=True)
    )


def _script(plan: Plan, ranks: RankTable, framework: FrameworkFiles, *, num_tasks: int) -> str:
    """The batch script: exactly the hosts of the plan, alone, in the plan's order."""
    quoted = [replace(v, value=shlex.quote(v.value)) for v in framework.environment]
    return render(
        "job.sbatch.j2",
        job_name=_plain(f"{plan.model.name}-{plan.cluster.name}"),
        num_nodes=len(ranks.node_names),
        num_tasks=num_tasks,
        node_list=",".join(compress_names(ranks.node_names)),
        gpus_per_node=ranks.gpus_per_host,
        ranks_per_node=ranks.ranks_per_node,
        gpu_file="" if ranks.uses_gpus_in_order else GPU_FILE,
        environment=quoted,
        sourced=framework.sourced,
        program=framework.program,
    )


def _plain(text: str) -> str:
    """Letters, digits, dots and dashes only: nothing can break out of an option line."""
    return "".join(c if c.isascii() and (c.isalnum() or c in ".-_") else "-" for c in text)
