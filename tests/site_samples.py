"""Small clusters of several sites that tests vary."""

from __future__ import annotations

from typing import Any

from placer.cost.constants import load_constants
from placer.cost.model import CostModel
from placer.spec.cluster import ClusterSpec
from placer.spec.model import ModelSpec
from placer.spec.run import RunSpec
from placer.topology.build import build_topology


def sites_cluster(*hosts: int, gbit_per_s: float = 100.0, **changes: Any) -> ClusterSpec:
    """Sites a, b, ... of so many 8-GPU hosts; each linked to the first by the same link."""
    names = "abcdefgh"[: len(hosts)]
    fields: dict[str, Any] = {
        "name": "sites",
        "accelerator": "h100_sxm",
        "scale_up": {"size": 8},
        "scale_out": {
            "link": "infiniband",
            "nic": "400 Gbit/s",
            "levels": [{"name": "leaf", "latency": "3 us"}],
        },
        "sites": [
            {"name": name, "size": f"{count} hosts"}
            for name, count in zip(names, hosts, strict=True)
        ],
        "links": [
            {"between": ["a", other], "bandwidth": f"{gbit_per_s} Gbit/s", "rtt": "10 ms"}
            for other in names[1:]
        ],
    }
    return ClusterSpec.model_validate({**fields, **changes})


def sites_cost_model(cluster: ClusterSpec, model: ModelSpec, batch: int = 64) -> CostModel:
    """The cost model of a small question on it."""
    return CostModel(
        model=model,
        topology=build_topology(cluster),
        run=RunSpec(global_batch_size=batch, seq_len=2048),
        constants=load_constants(),
    )
