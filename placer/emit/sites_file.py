"""Who runs at which site, for whoever starts or watches a job over several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from placer.spec.hierarchy.hostlist import compress_names

if TYPE_CHECKING:
    from placer.plan.ranks import RankTable
    from placer.plan.strategy import IntArray

SITES_FILE: Final = "sites"
_TOGETHER: Final = """\
# Site, its hosts, its ranks. A scheduler of one site does not reach the others: start launch.sh
# (launcher torchrun) on the hosts of each, or ask for one allocation over all. MASTER_ADDR is the
# first host of the first site and must be reachable from every other.
"""
_APART: Final = """\
# Site, its hosts, its ranks in the whole plan. Every site has a folder of its name with a job of its
# own, whose ranks count from 0: start each where its hosts are.
"""


def sites_file(ranks: RankTable, *, apart: bool = False) -> dict[str, str]:
    """``sites``: a line per site; nothing where there is one. ``apart``: each is a job of its own."""
    if len(ranks.site_names) == 1:
        return {}
    lines = []
    for number, name in enumerate(ranks.site_names):
        mine = np.flatnonzero(ranks.site == number)
        nodes = np.unique(ranks.node_rank[mine]).tolist()
        hosts = ",".join(compress_names([ranks.node_names[node] for node in nodes]))
        lines.append(f"{name} {hosts} {_runs(mine)}\n")
    return {SITES_FILE: (_APART if apart else _TOGETHER) + "".join(lines)}


def _runs(ranks: IntArray) -> str:
    """Ascending ranks as runs: ``0-7,16-23``."""
    breaks = np.flatnonzero(np.diff(ranks) != 1)
    first = np.append(ranks[:1], ranks[breaks + 1])
    last = np.append(ranks[breaks], ranks[-1:])
    pairs = zip(first.tolist(), last.tolist(), strict=True)
    return ",".join(f"{a}" if a == b else f"{a}-{b}" for a, b in pairs)
