"""Random plans for comparing the estimate with the simulation: models, clusters, degrees."""

from __future__ import annotations

import random
from collections.abc import Iterator
from enum import StrEnum

from placer import api
from placer.errors import PlacerError
from placer.importers.model_source import load_model
from placer.plan.plan import Plan
from placer.plan.strategy import RecomputeGranularity, Schedule
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
MOE = ("mixtral", "qwen3", "deepseek")
OTHER_SCHEDULES = (Schedule.ZERO_BUBBLE, Schedule.DUAL_PIPE)
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


class Kind(StrEnum):
    """What is out of the ordinary in a plan."""

    PLAIN = "plain"
    UNEVEN = "uneven"
    FEW = "few"
    WIDE_EXPERTS = "wide experts"
    SHARDED = "sharded"
    SCHEDULE = "schedule"


PIPELINED = (Kind.FEW, Kind.SCHEDULE)


def wide_plans(
    seed: int, count: int, clusters: tuple[str | ClusterSpec, ...], kind: Kind
) -> Iterator[Plan]:
    """Plans bound by arithmetic alone, all of one kind."""
    generator = random.Random(f"{seed} {kind}")
    found = 0
    while found < count:
        plan = _wide_plan(generator, clusters, kind)
        if plan is not None:
            found += 1
            yield plan


def _wide_plan(
    generator: random.Random, clusters: tuple[str | ClusterSpec, ...], kind: Kind
) -> Plan | None:
    moe_only = kind is Kind.WIDE_EXPERTS
    model = generator.choice(tuple(m for m in MODELS if not moe_only or m.startswith(MOE)))
    moe = model.startswith(MOE)
    pp = generator.choice((2, 4, 8, 16) if kind in PIPELINED else (1, 2, 4, 8, 16))
    vpp = generator.choice((1, 2, 4)) if pp > 1 and kind is not Kind.SCHEDULE else 1
    tp, dp = generator.choice((1, 2, 4, 8)), generator.choice((1, 2, 4, 8, 16, 32))
    micro_batch_size = generator.choice((1, 1, 2, 4))
    microbatches = generator.choice((4, 8, 16)) * generator.choice((1, 2, 4))
    if kind is Kind.FEW:
        microbatches, vpp = generator.randint(1, pp), 1
    layers: tuple[int, ...] = ()
    if kind is Kind.UNEVEN:
        layers = _uneven(generator, load_model(model)[0].num_layers, pp * vpp)
    configuration = api.Configuration(
        tp=tp,
        cp=generator.choice((1, 1, 2, 4)),
        pp=pp,
        vpp=vpp,
        dp=dp,
        ep=generator.choice((16, 32, 64) if moe_only else (1, 2, 4, 8)) if moe else 1,
        etp=1 if moe_only else generator.choice((1, tp)) if moe else 1,
        micro_batch_size=micro_batch_size,
        zero_stage=3 if kind is Kind.SHARDED else generator.choice((0, 1, 1)),
        recompute=generator.choice(tuple(RecomputeGranularity)),
        layers_per_chunk=layers,
        schedule=generator.choice(OTHER_SCHEDULES) if kind is Kind.SCHEDULE else None,
    )
    options = api.RunOptions(
        global_batch_size=dp * micro_batch_size * microbatches,
        seq_len=generator.choice((2048, 4096, 8192)),
        framework="any",
        features=Features(dp_overlap=generator.random() < 0.8),
    )
    try:
        return api.estimate(model, generator.choice(clusters), configuration, options)
    except PlacerError:
        return None


def _uneven(generator: random.Random, num_layers: int, chunks: int) -> tuple[int, ...]:
    """Layers of chunks, as even as can be but for one to three moved ones."""
    sizes = [num_layers // chunks + (index < num_layers % chunks) for index in range(chunks)]
    for _ in range(generator.randint(1, 3)):
        giver, taker = generator.randrange(chunks), generator.randrange(chunks)
        if sizes[giver] > 1:
            sizes[giver], sizes[taker] = sizes[giver] - 1, sizes[taker] + 1
    return tuple(sizes)


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
