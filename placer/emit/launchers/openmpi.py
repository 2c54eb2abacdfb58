"""Open MPI: a rankfile, and a script that starts its own copies through mpirun.

``rank 0=host slot=0`` says the host of every rank (mpirun(1), "Rankfiles"; ``--map-by
rankfile:file=`` from 5.0 on, ``-rf`` before).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from placer.emit.launchers.gpus_of_host import GPU_FILE, gpu_lines, gpus_of_ranks
from placer.emit.launchers.nodes import start_of
from placer.emit.launchers.quoting import quoted_environment
from placer.emit.launchers.templates import render
from placer.emit.target import Places, Start

if TYPE_CHECKING:
    from collections.abc import Mapping

    from placer.emit.target import FrameworkFiles
    from placer.plan.plan import Plan
    from placer.plan.ranks import RankTable

RANK_FILE: Final = "rankfile"
SCRIPT: Final = "mpirun.sh"
_LINE: Final = re.compile(r"rank (\d+)=(\S+) slot=\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenMpi:
    """``rankfile``, ``mpirun.sh``, and ``gpus_of_host`` where not all GPUs of a host run in order."""

    name: str = "openmpi"

    def files(self, plan: Plan, ranks: RankTable, framework: FrameworkFiles) -> dict[str, str]:
        """A process per rank; per host where the framework starts a host's processes itself."""
        start = start_of(ranks, framework, self.name)
        per_host = start is Start.NODE
        hosts = ranks.node_names if per_host else ranks.host_of_rank
        slots = [0] * len(hosts) if per_host else ranks.local_rank.tolist()
        lines = [
            f"rank {number}={host} slot={slot}\n"
            for number, (host, slot) in enumerate(zip(hosts, slots, strict=True))
        ]
        files = {RANK_FILE: "".join(lines)}
        if not ranks.uses_gpus_in_order:
            files[GPU_FILE] = gpu_lines(ranks)
        files[SCRIPT] = render(
            "mpirun.sh.j2",
            per_host=per_host,
            num_processes=len(hosts),
            first_host=ranks.node_names[0],
            gpu_file="" if ranks.uses_gpus_in_order else GPU_FILE,
            environment=quoted_environment(framework),
            sourced=framework.sourced,
            program=framework.program,
        )
        return files

    def places(self, files: Mapping[str, str], num_ranks: int) -> Places:
        """Where the rankfile puts each rank."""
        found = {int(m[1]): m[2] for m in _LINE.finditer(files[RANK_FILE])}
        each = num_ranks // len(found)
        hosts = tuple(found[rank // each] for rank in range(num_ranks))
        return Places(hosts=hosts, gpu_index=gpus_of_ranks(files, hosts))
