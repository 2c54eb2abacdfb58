"""From stage coefficients and a placement to one estimate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from placer.cost.pipeline import (
    bare_crossings,
    bubble_share,
    exposed_dp_s,
    in_flight_microbatches,
    steady_and_bubble_s,
)
from placer.cost.rates import peak_flops_per_s
from placer.cost.stage_costs import FloatArray, Part, StageCosts
from placer.cost.touched import Touched
from placer.plan.estimate import Breakdown, Estimate, StageMemory
from placer.plan.held import held_beyond_schedule
from placer.plan.placement import PipelineLayout, Placement
from placer.plan.strategy import Schedule, Strategy
from placer.spec.model import ModelSpec
from placer.spec.run import RunSpec
from placer.workload.flops import model_flops_per_token

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placer.topology.tree import Topology

IntArray = NDArray[np.int64]


def stage_counts(
    layout: PipelineLayout, model: ModelSpec, item_names: tuple[str, ...], pp: int
) -> FloatArray:
    """(pp, I) how many of each item every stage holds."""
    counts = np.zeros((pp, len(item_names)))
    column = {name: i for i, name in enumerate(item_names)}
    for chunk in layout.chunks:
        for layer in model.layers[chunk.first_layer : chunk.first_layer + chunk.num_layers]:
            counts[chunk.stage, column[layer.name]] += 1
        counts[chunk.stage, column["mtp"]] += chunk.num_mtp
        counts[chunk.stage, column["embedding"]] += chunk.embedding
        counts[chunk.stage, column["loss"]] += chunk.loss
    return counts


def cell_heads(placement: Placement, strategy: Strategy) -> IntArray:
    """(pp, R) each cell's first accelerator."""
    heads = np.zeros((strategy.pp, strategy.cells_per_stage), dtype=np.int64)
    for run in placement.cells:
        ids = np.concatenate([np.arange(first, first + count) for first, count in run.gpu_ids])
        cells = slice(run.first_replica, run.first_replica + run.num_cells)
        heads[run.stage, cells] = ids[:: strategy.cell_gpus][: run.num_cells]
    return heads


def hop_levels(heads: IntArray, topology: Topology) -> IntArray:
    """(pp,) level the hop from each stage to the next crosses, worst replica; last wraps to first.

    ``heads`` (pp, R) are the cells' first accelerators. A stage's cells and the next one's are
    different, so a hop never stays inside a unit that one cell fills.
    """
    domains = topology.domain_of(heads)
    within = heads - topology.domain_first_gpu[domains]
    levels = np.zeros(heads.shape, dtype=np.int64)
    for level, held in enumerate(topology.levels):
        if level < topology.domain_level:
            unit = within // held.num_accelerators
            apart = (unit != np.roll(unit, -1, axis=0)) | (domains != np.roll(domains, -1, axis=0))
        else:
            unit = topology.domain_unit[domains, level]
            apart = unit != np.roll(unit, -1, axis=0)
        levels = np.where(apart, np.minimum(level + 1, len(topology.levels) - 1), levels)
    return np.asarray(levels.max(axis=1))


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTimes:
    """Each stage's seconds on one micro-batch: parts (pp, P), hop (pp,) and their sum.

    Once per step: ``traffic`` and ``optimizer`` (pp,), and ``fill`` (pp,) for the hop behind each
    stage. ``generation`` (pp,) is the slowest of each stage.
    """

    parts: FloatArray
    hop: FloatArray
    fill: FloatArray
    traffic: FloatArray
    optimizer: FloatArray
    generation: IntArray

    @property
    def total(self) -> FloatArray:
        """(pp,) seconds of each stage on one micro-batch."""
        return np.asarray(self.parts.sum(axis=1) + self.hop)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seating:
    """What a placement fixes of its stages, whatever they cost.

    ``counts`` (pp, I) items per stage; ``domains`` (pp, R) scale-up domain of each cell; ``levels``
    (pp,) what the hop behind each stage crosses; ``touched`` the generations under each stage.
    """

    counts: FloatArray
    domains: IntArray
    levels: IntArray
    touched: Touched

    @classmethod
    def of(
        cls,
        model: ModelSpec,
        topology: Topology,
        strategy: Strategy,
        placement: Placement,
        item_names: tuple[str, ...],
    ) -> Seating:
        """Where the stages of a placement sit."""
        heads = cell_heads(placement, strategy)
        domains = topology.domain_of(heads)
        return cls(
            counts=stage_counts(placement.pipeline_layout, model, item_names, strategy.pp),
            domains=domains,
            levels=hop_levels(heads, topology),
            touched=Touched.of(domains, topology),
        )


def seated_step_s(strategy: Strategy, costs: tuple[StageCosts, ...], seating: Seating) -> float:
    """Step time of a strategy whose stages sit so, from its coefficients per generation."""
    times = _stage_times(costs, seating, wraps=strategy.vpp > 1)
    return _breakdown(strategy, costs[0], times, 0.0).total_s


def assemble(
    *,
    model: ModelSpec,
    topology: Topology,
    run: RunSpec,
    strategy: Strategy,
    placement: Placement,
    costs: tuple[StageCosts, ...],
    limits_bytes: tuple[float, ...],
    exchanged_s: float = 0.0,
) -> Estimate:
    """The estimate of one strategy on one placement, from coefficients per generation.

    ``limits_bytes`` is what a stage's tensors may add up to on each generation; ``exchanged_s`` is
    what of the coefficients' replica traffic goes between sites.
    """
    seating = Seating.of(model, topology, strategy, placement, costs[0].item_names)
    counts, domains, touched = seating.counts, seating.domains, seating.touched
    times = _stage_times(costs, seating, wraps=strategy.vpp > 1)
    breakdown = _breakdown(strategy, costs[0], times, exchanged_s)
    step_time_s = breakdown.total_s
    tokens = run.global_batch_size * run.seq_len
    model_flops = model_flops_per_token(model, run.seq_len) * tokens
    executed = sum(
        float(costs[g].flops[0] @ row) for g, row in zip(times.generation, counts, strict=True)
    )
    peak = _peak_flops(run, topology, domains, strategy.cell_gpus)
    hardware_flops = executed * strategy.num_microbatches * strategy.gpus_per_stage
    return Estimate(
        step_time_s=step_time_s,
        tokens_per_s=tokens / step_time_s,
        tflops_per_gpu=model_flops / step_time_s / strategy.num_gpus / 1e12,
        mfu=model_flops / step_time_s / peak,
        hfu=hardware_flops / step_time_s / peak,
        breakdown=breakdown,
        stage_time_s=tuple(float(t) for t in times.total),
        memory=_fullest(touched, [stage_memory(strategy, c, counts) for c in costs]),
        memory_limit_bytes=tuple(touched.least(np.array(limits_bytes)).tolist()),
    )


def _stage_times(costs: tuple[StageCosts, ...], seating: Seating, *, wraps: bool) -> StageTimes:
    """Times of each stage on the slowest generation it touches, of a hop on the slower end's.

    Only interleaved chunks go from the last stage to the first.
    """
    counts, levels, touched = seating.counts, seating.levels, seating.touched
    generation = touched.slowest(np.stack([c.time_s[0].sum(axis=0) @ counts.T for c in costs]))
    parts = np.stack([costs[g].time_s[0] @ row for g, row in zip(generation, counts, strict=True)])
    behind = touched.at_hops(np.stack([c.hop_steady_s[0][levels] for c in costs]))
    behind[-1] *= wraps
    traffic = np.stack([c.dp_s[0] @ counts.T + c.dp_latency_s[0] for c in costs])
    return StageTimes(
        parts=parts,
        hop=0.5 * (behind + np.roll(behind, 1)),
        fill=touched.at_hops(np.stack([c.hop_fill_s[0][levels] for c in costs])),
        traffic=touched.worst(traffic),
        optimizer=touched.worst(np.stack([counts @ c.optimizer_s[0] for c in costs])),
        generation=generation,
    )


def _fullest(
    touched: Touched, memory: Sequence[tuple[StageMemory, ...]]
) -> tuple[StageMemory, ...]:
    """Of each stage, its memory on the generation that needs most; ``memory`` by generation."""
    needed = np.array([[stage.total_bytes for stage in stages] for stages in memory])
    return tuple(memory[g][s] for s, g in enumerate(touched.slowest(needed).tolist()))


def _breakdown(
    strategy: Strategy, costs: StageCosts, times: StageTimes, exchanged_s: float
) -> Breakdown:
    microbatches = float(strategy.num_microbatches)
    critical = int(times.total.argmax())
    _, bubble = steady_and_bubble_s(
        times.total, np.array(microbatches), np.array(float(strategy.vpp))
    )
    fill = float(bare_crossings(strategy.pp, strategy.vpp) @ times.fill)
    parts = microbatches * times.parts[critical]
    window_s, drag = costs.dp_window[0] * times.total[critical], float(costs.dp_drag[0])
    everywhere = float(exposed_dp_s(times.traffic, window_s, drag).max())
    inside = float(exposed_dp_s(times.traffic - exchanged_s, window_s, drag).max())
    optimizer = times.optimizer.max() + costs.optimizer_fixed_s
    return Breakdown(
        compute=float(parts[Part.COMPUTE]),
        tp=float(parts[Part.TP]),
        cp=float(parts[Part.CP]),
        ep=float(parts[Part.EP]),
        pp=float(microbatches * times.hop[critical]),
        bubble=float(bubble) * bubble_share(strategy.schedule, strategy.pp) + fill,
        dp=inside,
        recompute=float(parts[Part.RECOMPUTE]),
        optimizer=float(optimizer),
        cross_site=everywhere - inside,
    )


def stage_memory(
    strategy: Strategy, costs: StageCosts, counts: FloatArray
) -> tuple[StageMemory, ...]:
    """Peak bytes of each stage, by what holds them.

    DualPipe runs every stage's mirror image beside it: twice the weights and gradients, and
    pp + 1 micro-batches in flight everywhere (DeepSeek-V3, arXiv 2412.19437, table 2).
    """
    stages = np.arange(strategy.pp, dtype=np.float64)
    in_flight = in_flight_microbatches(
        np.full(strategy.pp, float(strategy.pp)),
        np.full(strategy.pp, float(strategy.vpp)),
        np.full(strategy.pp, float(strategy.num_microbatches)),
        stages,
    )
    copies = 1.0
    if strategy.schedule is Schedule.DUAL_PIPE:
        copies, in_flight = 2.0, np.full(strategy.pp, strategy.pp + 1.0)
    in_flight = in_flight + held_beyond_schedule(strategy)
    activations = in_flight * (counts @ costs.activation_bytes[0]) + costs.transient_bytes[0]
    weights = copies * (counts @ costs.weights_bytes[0])
    gradients = copies * (counts @ costs.gradients_bytes[0])
    optimizer = counts @ costs.optimizer_bytes[0]
    buffers = counts @ costs.buffer_bytes[0]
    return tuple(
        StageMemory(
            weights_bytes=float(weights[s]),
            gradients_bytes=float(gradients[s]),
            optimizer_bytes=float(optimizer[s]),
            activations_bytes=float(activations[s]),
            buffers_bytes=float(buffers[s]),
            framework_bytes=costs.fixed_bytes,
        )
        for s in range(strategy.pp)
    )


def _peak_flops(run: RunSpec, topology: Topology, domains: IntArray, cell_gpus: int) -> float:
    """Dense peak of all used accelerators in the run's precision."""
    found, cells = np.unique(topology.domain_generation[domains], return_counts=True)
    return sum(
        peak_flops_per_s(topology.accelerators[generation], run.precision) * int(count) * cell_gpus
        for generation, count in zip(found.tolist(), cells, strict=True)
    )
