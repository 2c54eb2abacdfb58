"""Small models, runs and plans that tests vary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from placer.plan.crossings import axis_levels
from placer.plan.estimate import Breakdown, Estimate, StageMemory
from placer.plan.placement import CellRun, ChunkLayout, PipelineLayout, Placement
from placer.plan.plan import (
    Alternative,
    Bound,
    Candidates,
    ConstantRecord,
    InputSources,
    Limits,
    Plan,
    PlanStatus,
    Provenance,
    SourceInfo,
)
from placer.plan.ranks import gpu_of_rank, units_of_gpus
from placer.plan.strategy import IntArray, Strategy
from placer.spec.cluster import ClusterSpec
from placer.spec.model import Attention, AttentionKind, Mlp, MlpKind, ModelSpec, MoE
from placer.spec.run import Features, RunSpec
from placer.topology.build import build_topology
from placer.topology.tree import Topology

DENSE_MODEL = ModelSpec(
    name="small-dense",
    num_layers=16,
    hidden_size=2048,
    vocab_size=32000,
    max_seq_len=8192,
    attention=Attention(num_heads=16, num_kv_heads=8, head_dim=128),
    mlp=Mlp(ffn_hidden_size=8192),
)
MOE_MODEL = ModelSpec(
    name="small-moe",
    num_layers=13,
    hidden_size=2048,
    vocab_size=32000,
    max_seq_len=8192,
    attention=Attention(
        kind=AttentionKind.MLA,
        num_heads=16,
        qk_nope_head_dim=128,
        qk_rope_head_dim=64,
        v_head_dim=128,
        q_lora_rank=512,
        kv_lora_rank=256,
    ),
    mlp=Mlp(ffn_hidden_size=8192),
    moe=MoE(
        num_experts=64,
        top_k=4,
        ffn_hidden_size=1024,
        shared_ffn_hidden_size=1024,
        first_dense_layers=1,
        num_groups=8,
        topk_groups=4,
    ),
    mtp_layers=1,
)


def run_of(strategy: Strategy, features: Features | None = None, **fields: Any) -> RunSpec:
    """A run whose batch fits a strategy."""
    batch = strategy.micro_batch_size * strategy.num_microbatches * strategy.dp
    settings: dict[str, Any] = {
        "global_batch_size": batch,
        "seq_len": 4096,
        "framework": "megatron",
    } | fields
    return RunSpec(features=features or Features(), **settings)


NETWORK = {
    "link": "infiniband",
    "nic": "400 Gbit/s",
    "rails": 8,
    "levels": [
        {"name": "leaf", "size": "4 hosts", "latency": "5 us"},
        {"name": "core", "size": "4 leaf", "latency": "8 us"},
    ],
}
LAB = ClusterSpec.model_validate(
    {"name": "lab", "accelerator": "h100_sxm", "scale_out": NETWORK},
)
"""128 GPUs: 16 hosts of 8, 4 hosts to a leaf."""

DAMAGED_LAB = ClusterSpec.model_validate(
    {
        "name": "damaged-lab",
        "accelerator": "h100_sxm",
        "scale_out": NETWORK,
        "unavailable": ["leaf0-n1", "leaf0-n2:0"],
    }
)
"""The same with one host gone and another short of its first GPU."""


def cells_of(strategy: Strategy, topology: Topology) -> tuple[CellRun, ...]:
    """Cells packed in cluster order, several to a domain or whole domains to a cell."""
    places = _cell_places(strategy.cell_gpus, topology)
    runs = []
    for stage in range(strategy.pp):
        for cell in range(strategy.cells_per_stage):
            gpus = next(places)
            domain = int(topology.domain_of(gpus[:1])[0])
            hosts = np.unique(topology.host_of(gpus)).tolist()
            breaks = np.flatnonzero(np.diff(gpus) != 1) + 1
            ranges = [(int(part[0]), len(part)) for part in np.split(gpus, breaks)]
            runs.append(
                CellRun(
                    stage=stage,
                    first_replica=cell,
                    num_cells=1,
                    site=topology.sites[topology.site_of(domain)].name,
                    pod=topology.unit_name(topology.pod_level(), topology.pod_of(domain)),
                    domain=topology.domain_name(domain),
                    hosts=topology.host_names(hosts),
                    gpu_ids=tuple(ranges),
                )
            )
    return tuple(runs)


def _cell_places(cell: int, topology: Topology) -> Iterator[IntArray]:
    waiting = np.empty(0, dtype=np.int64)
    for domain in range(topology.num_domains):
        gpus = topology.usable_gpu_ids(domain)
        if cell <= len(gpus):
            yield from gpus[: len(gpus) // cell * cell].reshape(-1, cell)
        elif len(gpus) == topology.domain_size:
            waiting = np.concatenate([waiting, gpus])
            if len(waiting) >= cell:
                yield waiting[:cell]
                waiting = waiting[:0]


def layout_of(model: ModelSpec, strategy: Strategy) -> PipelineLayout:
    """Layers dealt out evenly, the first chunks one more; ends at the ends."""
    num_chunks = strategy.pp * strategy.vpp
    chunks, first = [], 0
    for number in range(num_chunks):
        size = model.num_layers // num_chunks + (number < model.num_layers % num_chunks)
        held = model.layers[first : first + size]
        num_moe = sum(layer.mlp is MlpKind.MOE for layer in held)
        last = number == num_chunks - 1
        chunks.append(
            ChunkLayout(
                stage=number % strategy.pp,
                chunk=number // strategy.pp,
                first_layer=first,
                num_layers=size,
                num_dense=size - num_moe,
                num_moe=num_moe,
                num_mtp=model.mtp_layers if last else 0,
                embedding=number == 0,
                loss=last,
            )
        )
        first += size
    return PipelineLayout(chunks=tuple(chunks))


def estimate_of(run: RunSpec, strategy: Strategy) -> Estimate:
    """Made-up figures that agree with each other."""
    breakdown = Breakdown(compute=1.5, tp=0.25, bubble=0.5, dp=0.125, optimizer=0.0625)
    memory = StageMemory(
        weights_bytes=4e9,
        gradients_bytes=8e9,
        optimizer_bytes=2e9,
        activations_bytes=9e9,
        buffers_bytes=1e9,
        framework_bytes=3e9,
    )
    return Estimate(
        step_time_s=breakdown.total_s,
        tokens_per_s=run.tokens_per_step / breakdown.total_s,
        tflops_per_gpu=400.0,
        mfu=0.4,
        hfu=0.45,
        breakdown=breakdown,
        stage_time_s=(0.5,) * strategy.pp,
        memory=(memory,) * strategy.pp,
        memory_limit_bytes=(80e9,) * strategy.pp,
    )


def plan_of(
    strategy: Strategy,
    model: ModelSpec = DENSE_MODEL,
    cluster: ClusterSpec = LAB,
    run: RunSpec | None = None,
) -> Plan:
    """A plan that agrees with itself, its cells packed in cluster order."""
    run = run or run_of(strategy)
    topology = build_topology(cluster)
    placement = Placement(
        axis_levels=(),
        cells=cells_of(strategy, topology),
        pipeline_layout=layout_of(model, strategy),
        gpus_used=strategy.num_gpus,
        gpus_available=topology.num_usable,
        gpus_unusable=topology.num_unusable,
        spares=topology.num_spares,
    )
    units = units_of_gpus(topology, gpu_of_rank(strategy, placement))
    spread = axis_levels(strategy, [level.name for level in topology.levels], units)
    source = SourceInfo(name="sample", sha256="0" * 64)
    estimate = estimate_of(run, strategy)
    return Plan(
        status=PlanStatus.OPTIMAL,
        model=model,
        cluster=cluster,
        run=run,
        sources=InputSources(model=source, cluster=source, run=source),
        strategy=strategy,
        launchable_by=("megatron",),
        placement=replace(placement, axis_levels=spread),
        estimate=estimate,
        bound=Bound(
            lower_bound_s=estimate.step_time_s,
            gap=0.0,
            candidates=Candidates(considered=12, pruned={"heads_over_tp": 9}, solved=2),
            deterministic_work=1.25,
        ),
        alternatives=(
            Alternative(
                strategy=replace(strategy, num_microbatches=2 * strategy.num_microbatches),
                step_time_s=2.5,
                why_not="a longer bubble",
                distinguishable=False,
                chance_faster=0.4,
                loss=Breakdown(bubble=0.0625),
            ),
        ),
        provenance=Provenance(
            placer_version="0",
            solver="cp-sat",
            solver_version="9",
            seed=1,
            limits=Limits(gap=0.005, time_limit_s=None, deterministic_limit=10.0, workers=2, top=5),
            restrictions=("fix tp=4",),
            constants=(
                ConstantRecord(
                    name="gemm", value=0.8, unit="1", kind="measured", source="a sample"
                ),
            ),
        ),
    )
