"""Random plans for comparing the estimate with the simulation: models, clusters, degrees."""

from __future__ import annotations

import random
from collections.abc import Iterator

from placer import api
from placer.errors import PlacerError
from placer.plan.plan import Plan
from placer.plan.strategy import RecomputeGranularity
from placer.spec.cluster import ClusterSpec
from placer.spec.run import CudaGraph, Features, MoeDispatcher

MODELS = (
    "llama-3.1-8b",
    "llama-3.1-70b",
    "llama-3.1-405b",
    "gpt3-175b",
    "nemotron-4-340b",
    "mixtral-8x7b",
    "mixtral-8x22b",
    "qwen3-30b-a3b",
    "qwen3-235b-a22b",
    "deepseek-v3",
)
EVEN_CLUSTERS = ("dgx-h100-superpod-1k", "b200-nvl8-576", "dgx-a100-superpod-1k", "gb200-nvl72")


def narrow_cluster(oversubscription: float, hosts_per_pod: int = 16) -> ClusterSpec:
    """512 H100 in pods whose uplinks are narrower than what is inside."""
    return ClusterSpec.model_validate(
        {
            "name": f"narrow-{oversubscription:g}",
            "accelerator": "h100_sxm",
            "scale_out": {
                "link": "infiniband",
                "nic": "400 Gbit/s",
                "rails": 8,
                "levels": [
                    {
                        "name": "pod",
                        "size": f"{hosts_per_pod} hosts",
                        "latency": "5 us",
                        "oversubscription": oversubscription,
                    },
                    {"name": "core", "size": f"{64 // hosts_per_pod} pod", "latency": "8 us"},
                ],
            },
        }
    )


def random_plans(seed: int, count: int, clusters: tuple[str | ClusterSpec, ...]) -> Iterator[Plan]:
    """``count`` plans Megatron-LM can run, whether or not they fit the memory."""
    generator = random.Random(seed)
    found = 0
    while found < count:
        plan = _random_plan(generator, clusters)
        if plan is not None:
            found += 1
            yield plan


def _random_plan(generator: random.Random, clusters: tuple[str | ClusterSpec, ...]) -> Plan | None:
    model = generator.choice(MODELS)
    cluster = generator.choice(clusters)
    moe = model.startswith(("mixtral", "qwen3", "deepseek"))
    tp = generator.choice((1, 2, 4, 8))
    pp = generator.choice((1, 1, 2, 4, 8, 16))
    vpp = generator.choice((1, 1, 2, 3, 4)) if pp > 1 else 1
    features = Features(
        cuda_graph=generator.choice(tuple(CudaGraph)),
        moe_dispatcher=generator.choice((MoeDispatcher.ALLTOALL, MoeDispatcher.DEEPEP)),
        tp_comm_overlap=generator.random() < 0.3,
        ep_overlap=generator.random() < 0.2,
        dp_overlap=generator.random() < 0.8,
    )
    dp = generator.choice((1, 2, 4, 8, 16, 32, 64))
    micro_batch_size = generator.choice((1, 1, 2, 4))
    configuration = api.Configuration(
        tp=tp,
        cp=generator.choice((1, 1, 1, 2, 4)),
        pp=pp,
        vpp=vpp,
        dp=dp,
        ep=generator.choice((1, 2, 4, 8, 16, 32)) if moe else 1,
        etp=generator.choice((1, 1, tp)) if moe else 1,
        micro_batch_size=micro_batch_size,
        zero_stage=generator.choice((0, 1, 1, 1, 1, 1, 3)),
        recompute=generator.choice(tuple(RecomputeGranularity)),
    )
    microbatches = generator.choice((1, 2, 4, 6)) * generator.choice((4, 8, 16))
    options = api.RunOptions(
        global_batch_size=dp * micro_batch_size * microbatches,
        seq_len=generator.choice((2048, 4096, 8192)),
        features=features,
    )
    try:
        return api.estimate(model, cluster, configuration, options)
    except PlacerError:
        return None
