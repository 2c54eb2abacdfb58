"""What happens once per step: gradient and weight traffic between replicas, the optimizer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placer.cost.collectives import all_gather_s, all_reduce_s, reduce_scatter_s
from placer.cost.communication import Fabric
from placer.cost.memory import Parameters
from placer.cost.spans import IntArray
from placer.plan.strategy import StrategyBatch
from placer.spec.run import GradientRecipe
from placer.topology.level import LevelKind
from placer.workload.operators import FloatArray

NARROW_BYTES = 2.0
WEIGHT_BYTES = 2.0
BACKWARD_SHARE = 2.0 / 3.0
"""Of a micro-batch's time: replicas without shards gather no weights while they run forward."""

PROBE_PARAMETERS = 0.25
SENT_GRADIENT_BYTES = {
    GradientRecipe.FP32: 4.0,
    GradientRecipe.NARROW: NARROW_BYTES,
    GradientRecipe.ACCUMULATED: 4.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DataParallelCosts:
    """Seconds per parameter byte-class of one step's gradient and weight traffic.

    ``dense_s`` and ``expert_s`` are seconds per local parameter; ``latency_s`` what the collectives
    cost before the first byte; ``window`` how many times the critical stage's micro-batch time is
    available to hide them; ``drag`` the share of hidden traffic that computation loses beside it.
    """

    dense_s: FloatArray
    expert_s: FloatArray
    latency_s: FloatArray
    window: FloatArray
    drag: FloatArray


def data_parallel_costs(stage: Parameters, num_layers: int, fabric: Fabric) -> DataParallelCosts:
    """Traffic between replicas, linearised around the parameters of a mean stage.

    ZeRO-1 and 2 reduce-scatter fp32 gradients and all-gather bf16 weights once per step, dense
    parameters over dp x cp, experts over edp (Rajbhandari et al., arXiv 1910.02054, section 7);
    plain data parallelism all-reduces. ZeRO-3 gathers weights forward and backward and scatters
    bf16 gradients on every micro-batch, hidden behind that micro-batch's computation (Zhao et al.,
    PyTorch FSDP, arXiv 2304.11277, section 3.3), layer by layer of the model's ``num_layers``.
    """
    batch, spans, features = fabric.batch, fabric.spans, fabric.constants.features
    sharded = batch.zero_stage >= 3
    pieces = np.where(sharded, np.maximum(num_layers / batch.pp, 1.0), 1.0)
    replicas = batch.dp * batch.cp
    dense, dense_latency = _group_cost(stage.dense, pieces, spans.dp_cp, replicas, fabric)
    expert, expert_latency = _group_cost(stage.expert, pieces, spans.edp, batch.edp, fabric)
    repeats = np.where(sharded, batch.num_microbatches, 1)
    overlaps = 1.0 if fabric.run.features.dp_overlap else 0.0
    backward_only = np.where(batch.zero_stage == 0, BACKWARD_SHARE, 1.0)
    hidden = np.where(
        sharded,
        features.stream_overlap_hidden * overlaps * batch.num_microbatches,
        features.dp_overlap_hidden * overlaps * ready_microbatches(batch) * backward_only,
    )
    return DataParallelCosts(
        dense_s=dense * repeats,
        expert_s=expert * repeats,
        latency_s=(dense_latency + expert_latency) * repeats,
        window=np.asarray(hidden * (1.0 - features.drag), dtype=np.float64),
        drag=np.full(len(batch), overlaps * features.drag),
    )


def ready_microbatches(batch: StrategyBatch) -> FloatArray:
    """Micro-batches during which some chunk's gradients are complete and others still compute.

    Without interleaving a stage reduces gradients during its last micro-batch. Interleaved, the
    last group of pp micro-batches leaves one chunk after the other (Megatron-LM
    ``finalize_model_grads`` per chunk), so all but the last chunk have that long.
    """
    group = np.minimum(batch.pp, batch.num_microbatches)
    return np.where(batch.vpp > 1, 1.0 + (group - 1.0) * (batch.vpp - 1.0) / batch.vpp, 1.0)


def _group_cost(
    parameters: FloatArray, pieces: FloatArray, spans: IntArray, ranks: IntArray, fabric: Fabric
) -> tuple[FloatArray, FloatArray]:
    """Seconds per local parameter, and seconds for empty messages, of one replica group.

    The parameters travel in ``pieces`` equal messages.
    """
    if fabric.run.features.flat_gather:
        spans = _flattened(spans, fabric)
    size = np.maximum(np.broadcast_to(parameters, (len(fabric.batch),)) / pieces, 1.0)
    full = _traffic_s(size, spans, ranks, fabric)
    empty = _traffic_s(np.full_like(size, PROBE_PARAMETERS), spans, ranks, fabric)
    grouped = (spans > 1).any(axis=1) & (np.broadcast_to(parameters, size.shape) > 1.0)
    slope = np.maximum(full - empty, 0.0) / size
    return np.where(grouped, slope, 0.0), np.where(grouped, pieces * empty, 0.0)


def _flattened(spans: IntArray, fabric: Fabric) -> IntArray:
    """The same group as one ring that leaves every domain through a single NIC."""
    inner = sum(level.kind is LevelKind.SCALE_UP for level in fabric.levels)
    leaves = (spans[:, inner:] > 1).any(axis=1)
    flat = spans.copy()
    flat[leaves, inner] *= spans[leaves, :inner].prod(axis=1)
    flat[leaves, :inner] = 1
    return flat


def _traffic_s(
    parameters: FloatArray, spans: IntArray, ranks: IntArray, fabric: Fabric
) -> FloatArray:
    stage = fabric.batch.zero_stage
    rest = (spans, fabric.levels, fabric.constants)
    members = ranks.astype(np.float64)
    gradient_bytes = SENT_GRADIENT_BYTES[fabric.run.features.gradients]
    replicated = all_reduce_s(gradient_bytes * parameters, *rest, ranks=members)
    scattered = reduce_scatter_s(gradient_bytes * parameters, *rest, ranks=members)
    gathered = all_gather_s(WEIGHT_BYTES * parameters, *rest, ranks=members)
    narrow = reduce_scatter_s(NARROW_BYTES * parameters, *rest, ranks=members)
    return np.where(
        stage == 0,
        replicated,
        np.where(stage >= 3, narrow + 2.0 * gathered, scattered + gathered),
    )


def optimizer_s_per_parameter(
    fabric: Fabric, hbm_bytes_per_s: float
) -> tuple[FloatArray, FloatArray]:
    """Seconds per local dense and per local expert parameter of the optimizer's memory traffic."""
    batch = fabric.batch
    per_byte = fabric.constants.kernels.adam_bytes / hbm_bytes_per_s
    sharded = batch.zero_stage >= 1
    replicate = np.maximum(batch.dp // np.maximum(batch.dp_shard, 1), 1)
    dense_group = np.where(sharded, batch.dp_shard * batch.cp, 1)
    expert_group = np.where(sharded, np.maximum(batch.edp // replicate, 1), 1)
    return per_byte / dense_group, per_byte / expert_group
