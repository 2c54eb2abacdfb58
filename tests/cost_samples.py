"""Small clusters and estimates that tests of the cost model vary."""

from __future__ import annotations

from placer.cost.constants import load_constants
from placer.cost.model import CostModel
from placer.plan.contiguous import contiguous_placement
from placer.plan.estimate import Estimate
from placer.plan.layout import even_layout
from placer.plan.placement import Placement
from placer.plan.strategy import Strategy
from placer.spec.cluster import ClusterSpec
from placer.spec.model import ModelSpec
from placer.spec.run import Features, RunSpec
from placer.topology.build import build_topology
from placer.topology.tree import Topology

GPUS = 64


def small_topology(
    *, domain: int = 8, nic_gbit_per_s: float = 400.0, link_gbyte_per_s: float = 450.0
) -> Topology:
    """64 H100 in switched domains on one flat fabric."""
    spec = ClusterSpec.model_validate(
        {
            "name": "small",
            "accelerator": "h100_sxm",
            "scale_up": {"size": domain, "bandwidth": f"{link_gbyte_per_s:.6f} GB/s"},
            "scale_out": {
                "link": "infiniband",
                "nic": f"{nic_gbit_per_s:.6f} Gbit/s",
                "levels": [
                    {"name": "fabric", "size": f"{GPUS // domain} nvlink", "latency": "4 us"}
                ],
            },
        }
    )
    return build_topology(spec)


def cost_model(
    model: ModelSpec,
    *,
    topology: Topology | None = None,
    seq_len: int = 4096,
    features: Features | None = None,
) -> CostModel:
    """The model of one question: 64 sequences a step, bf16."""
    run = RunSpec(global_batch_size=64, seq_len=seq_len, features=features or Features())
    return CostModel(
        model=model, topology=topology or small_topology(), run=run, constants=load_constants()
    )


def placed(model: ModelSpec, strategy: Strategy, topology: Topology) -> Placement:
    """Ranks in order on accelerators in order, layers split evenly."""
    layout = even_layout(model, strategy.pp, strategy.vpp)
    return contiguous_placement(strategy, layout, topology)


def estimate_of(
    model: ModelSpec,
    strategy: Strategy,
    *,
    topology: Topology | None = None,
    seq_len: int = 4096,
    features: Features | None = None,
) -> Estimate:
    """The estimate of ``strategy`` on its contiguous placement."""
    costs = cost_model(model, topology=topology, seq_len=seq_len, features=features)
    return costs.estimate(strategy, placed(model, strategy, costs.topology))
