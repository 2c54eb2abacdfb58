"""Ray: a placement group of one bundle per host, in the order of the hosts' ranks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.emit.launchers.nodes import node_files, places_of_nodes
from placer.emit.launchers.templates import render
from placer.emit.target import Places

if TYPE_CHECKING:
    from collections.abc import Mapping

    from placer.emit.target import FrameworkFiles
    from placer.plan.plan import Plan
    from placer.plan.ranks import RankTable

BUNDLE_FILE: Final = "ray_bundles.json"
SCRIPT: Final = "ray_launch.py"
HOST_SHARE: Final = 0.001
"""How much of a host's own resource a bundle asks for; Ray drops resources of value 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ray:
    """``ray_bundles.json``, ``ray_launch.py``, ``nodes`` and the script every bundle runs."""

    name: str = "ray"

    def files(self, plan: Plan, ranks: RankTable, framework: FrameworkFiles) -> dict[str, str]:
        """Bundle i is host i of ``nodes``, found by the resource that carries its name."""
        counts = np.bincount(ranks.node_rank).tolist()
        rows = [
            json.dumps({"GPU": count, f"host:{host}": HOST_SHARE})
            for host, count in zip(ranks.node_names, counts, strict=True)
        ]
        bundles = ",\n    ".join(rows)
        return {
            BUNDLE_FILE: f'{{\n  "strategy": "SPREAD",\n  "bundles": [\n    {bundles}\n  ]\n}}\n',
            SCRIPT: render("ray_launch.py.j2"),
            **node_files(ranks, framework, self.name),
        }

    def places(self, files: Mapping[str, str], num_ranks: int) -> Places:
        """Where the bundles' hosts, looked up in the table of hosts, put each rank."""
        places = places_of_nodes(files, num_ranks)
        bundles = json.loads(files[BUNDLE_FILE])["bundles"]
        named = {key[5:] for bundle in bundles for key in bundle if key.startswith("host:")}
        hosts = tuple(host if host in named else "" for host in places.hosts)
        return Places(hosts=hosts, gpu_index=places.gpu_index)
