"""``gpus_of_host``: the accelerators of each host in the order of its ranks, where that matters."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from placer.plan.ranks import RankTable

GPU_FILE: Final = "gpus_of_host"


def gpu_lines(ranks: RankTable) -> str:
    """One line per host: its name and its GPUs in local-rank order."""
    order = np.lexsort((ranks.local_rank, ranks.node_rank))
    counts = np.bincount(ranks.node_rank)
    gpus = np.split(ranks.gpu_index[order], np.cumsum(counts)[:-1])
    return "".join(
        f"{name} {','.join(map(str, indices.tolist()))}\n"
        for name, indices in zip(ranks.node_names, gpus, strict=True)
    )


def gpus_of_ranks(files: Mapping[str, str], hosts: Sequence[str]) -> tuple[int, ...]:
    """The accelerator of each rank, given its host: the file's list, else the local rank."""
    listed = {
        host: [int(gpu) for gpu in gpus.split(",")]
        for host, gpus in (line.split() for line in files.get(GPU_FILE, "").splitlines())
    }
    seen: Counter[str] = Counter()
    found = []
    for host in hosts:
        local_rank = seen[host]
        seen[host] += 1
        found.append(listed[host][local_rank] if listed else local_rank)
    return tuple(found)
