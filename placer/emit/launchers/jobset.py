"""Kubernetes: a JobSet of one pod per host, each of which finds its ranks by its node's name.

An Indexed Job numbers pods as the scheduler likes; so the pod asks for its node's name and looks
that up in ``nodes``, and the job may run on the plan's nodes only. For clusters where Kueue chooses
the nodes, its topology annotations keep what belongs together together (Kueue, "Topology aware
scheduling"; labels as NVIDIA topograph sets them).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from placer.emit.launchers.nodes import LAUNCH_SCRIPT, NODE_FILE, node_files, places_of_nodes
from placer.emit.launchers.quoting import dns_label, job_name
from placer.emit.launchers.templates import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from placer.emit.target import FrameworkFiles, Places
    from placer.plan.plan import Plan
    from placer.plan.ranks import RankTable

JOBSET_FILE: Final = "jobset.yaml"
DOMAIN_LABEL: Final = "accelerator.topograph.run/domain"
LEAF_LABEL: Final = "fabric.topograph.run/tier-0"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSet:
    """``jobset.yaml``, ``nodes`` and the script every pod runs."""

    name: str = "jobset"

    def files(self, plan: Plan, ranks: RankTable, framework: FrameworkFiles) -> dict[str, str]:
        """The manifest, the table of hosts and the script."""
        mounted = sorted([*framework.files, NODE_FILE, LAUNCH_SCRIPT])
        manifest = render(
            "jobset.yaml.j2",
            job=dns_label(job_name(plan)),
            num_nodes=len(ranks.node_names),
            hosts=ranks.node_names,
            gpus_per_host=ranks.gpus_per_host,
            mounted=mounted,
            annotations=_topology(plan, ranks),
        )
        return {JOBSET_FILE: manifest, **node_files(ranks, framework, self.name)}

    def places(self, files: Mapping[str, str], num_ranks: int) -> Places:
        """Where the table of hosts puts each rank."""
        return places_of_nodes(files, num_ranks)


def _topology(plan: Plan, ranks: RankTable) -> dict[str, str]:
    """Kueue's annotations: whole cells in one domain, the rest as close as it goes."""
    prefix = "kueue.x-k8s.io/podset"
    annotations = {f"{prefix}-preferred-topology": LEAF_LABEL}
    hosts_of_cell, rest = divmod(plan.strategy.cell_gpus, ranks.gpus_per_host)
    whole = not rest and hosts_of_cell > 1 and len(ranks.node_names) % hosts_of_cell == 0
    if not whole or not ranks.ranks_per_node:
        return annotations
    within = plan.strategy.cell_gpus <= _domain_gpus(ranks)
    return annotations | {
        f"{prefix}-slice-required-topology": DOMAIN_LABEL if within else LEAF_LABEL,
        f"{prefix}-slice-size": str(hosts_of_cell),
    }


def _domain_gpus(ranks: RankTable) -> int:
    """Most ranks in one scale-up domain."""
    import numpy as np

    return int(np.bincount(ranks.domain).max())
