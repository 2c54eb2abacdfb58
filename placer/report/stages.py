"""The stages of a pipeline side by side: layers, time, memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from placer.report.tabular import Table, columns
from placer.report.text.canvas import runs, span
from placer.report.text.layers import stage_contents
from placer.topology.build import build_topology
from placer.units import format_percent, format_time

if TYPE_CHECKING:
    from placer.plan.placement import PipelineLayout
    from placer.plan.plan import Plan


def stages_table(plan: Plan) -> Table:
    """One row per stage."""
    estimate, layout = plan.estimate, plan.placement.pipeline_layout
    parts = stage_parts(plan)
    mixed = len(set(parts)) > 1
    totals = [memory.total_bytes for memory in estimate.memory]
    limits = estimate.memory_limit_bytes
    return Table(
        caption=f"Stages; each runs on {plan.strategy.gpus_per_stage:,} GPUs",
        columns=columns(
            "stage",
            *(("on",) if mixed else ()),
            "holds",
            "layers",
            "time per micro-batch>",
            "memory per GPU>",
            "full>",
        ),
        rows=tuple(
            (
                str(stage),
                *((parts[stage],) if mixed else ()),
                stage_contents(layout, stage),
                stage_layers(layout, stage),
                format_time(estimate.stage_time_s[stage]),
                f"{totals[stage] / 2**30:.1f} GiB",
                format_percent(totals[stage] / limits[stage]),
            )
            for stage in range(plan.strategy.pp)
        ),
    )


def stage_parts(plan: Plan) -> tuple[str, ...]:
    """The accelerators each stage runs on: ``h100_sxm``, or ``a100_80g_sxm, h100_sxm``."""
    topology = build_topology(plan.cluster)
    found: list[set[str]] = [set() for _ in range(plan.strategy.pp)]
    for run in plan.placement.cells:
        for first, count in run.gpu_ids:
            domains = np.unique(topology.domain_of(np.arange(first, first + count)))
            for generation in np.unique(topology.domain_generation[domains]).tolist():
                found[run.stage].add(topology.accelerators[generation].key)
    return tuple(", ".join(sorted(keys)) for keys in found)


def stage_layers(layout: PipelineLayout, stage: int) -> str:
    """Numbers of the layers a stage holds, from 0: ``0-7, 64-71``."""
    held = {
        layer
        for chunk in layout.chunks
        if chunk.stage == stage
        for layer in range(chunk.first_layer, chunk.first_layer + chunk.num_layers)
    }
    coded = runs("held" if layer in held else "" for layer in range(max(held, default=-1) + 1))
    return ", ".join(span(first, last) for first, last, own in coded if own) or "none"
