"""Slurm: a host file with the order of the ranks, and a batch script that keeps to it.

``srun --distribution=arbitrary`` starts task k on the host in line k of ``SLURM_HOSTFILE``
(https://slurm.schedmd.com/srun.html). Where every host holds the same number of consecutive ranks,
a task is a host and runs ``torchrun`` with static rendezvous; otherwise a task is a rank.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from placer.emit.launchers.gpus_of_host import GPU_FILE, gpu_lines, gpus_of_ranks
from placer.emit.launchers.nodes import start_of
from placer.emit.launchers.quoting import job_name, quoted_environment
from placer.emit.launchers.templates import render
from placer.emit.target import Places, Start
from placer.spec.hierarchy.hostlist import compress_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from placer.emit.target import FrameworkFiles
    from placer.plan.plan import Plan
    from placer.plan.ranks import RankTable

HOST_FILE: Final = "hostfile"
SCRIPT: Final = "job.sbatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slurm:
    """Host file and batch script."""

    name: str = "slurm"

    def files(self, plan: Plan, ranks: RankTable, framework: FrameworkFiles) -> dict[str, str]:
        """``hostfile``, ``job.sbatch``, and ``gpus_of_host`` where not all GPUs of a host run."""
        start = start_of(ranks, framework, self.name)
        if start is Start.TORCHRUN and not ranks.ranks_per_node:
            start = Start.RANK
        hosts = ranks.host_of_rank if start is Start.RANK else ranks.node_names
        files = {HOST_FILE: "".join(f"{host}\n" for host in hosts)}
        if not ranks.uses_gpus_in_order:
            files[GPU_FILE] = gpu_lines(ranks)
        files[SCRIPT] = _script(plan, ranks, framework, start=start, num_tasks=len(hosts))
        return files

    def places(self, files: Mapping[str, str], num_ranks: int) -> Places:
        """Where the host file puts each rank: a line per rank or per host."""
        lines = files[HOST_FILE].split()
        each = num_ranks // len(lines)
        hosts = tuple(lines[rank // each] for rank in range(num_ranks))
        return Places(hosts=hosts, gpu_index=gpus_of_ranks(files, hosts))


def _script(
    plan: Plan, ranks: RankTable, framework: FrameworkFiles, *, start: Start, num_tasks: int
) -> str:
    """The batch script: exactly the hosts of the plan, alone, in the plan's order."""
    return render(
        "job.sbatch.j2",
        job_name=job_name(plan),
        num_nodes=len(ranks.node_names),
        num_tasks=num_tasks,
        node_list=",".join(compress_names(ranks.node_names)),
        segment=ranks.hosts_per_domain,
        gpus_per_node=ranks.gpus_per_host,
        start=start.value,
        ranks_per_node=ranks.ranks_per_node,
        gpu_file="" if ranks.uses_gpus_in_order else GPU_FILE,
        environment=quoted_environment(framework),
        sourced=framework.sourced,
        program=framework.program,
    )
