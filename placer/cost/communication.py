"""Exposed communication of one item on one micro-batch, axis by axis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placer.cost.collectives import all_gather_s, all_reduce_s, expert_exchange_s, reduce_scatter_s
from placer.cost.compute import Duration
from placer.cost.constants import Constants
from placer.cost.spans import AxisSpans, IntArray
from placer.plan.strategy import StrategyBatch
from placer.spec.model import LayerClass, MlpKind, ModelSpec
from placer.spec.run import MoeDispatcher, RunSpec
from placer.topology.level import Level, LevelKind
from placer.workload.attention import key_value_width, projection_width
from placer.workload.mlp import routed_tokens
from placer.workload.operators import FloatArray, Shard

BF16 = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fabric:
    """What communication of a batch needs to know: where its groups sit and what links do."""

    batch: StrategyBatch
    spans: AxisSpans
    levels: tuple[Level, ...]
    constants: Constants
    run: RunSpec

    def within_scale_up(self, spans: IntArray) -> FloatArray:
        """1.0 where a group stays inside its scale-up domain, else 0.0; (N,)."""
        outside = [i for i, level in enumerate(self.levels) if level.kind is not LevelKind.SCALE_UP]
        return np.asarray((spans[:, outside] <= 1).all(axis=1), dtype=np.float64)


def tensor_parallel_s(
    model: ModelSpec, layer: LayerClass, shard: Shard, fabric: Fabric
) -> Duration:
    """Exposed tensor-parallel time of a decoder layer.

    With sequence parallelism each block all-gathers its input and reduce-scatters its output
    (Korthikanti et al., arXiv 2205.05198, section 4.2.2); backward mirrors this and gathers the
    saved input once more. That gather and the scatter of the input gradient run beside the two
    backward products (Megatron-LM ``LinearWithGradAccumulationAndAsyncCommunication``). Without
    it each block all-reduces once each way. A MoE block communicates over tp only for its shared
    expert.
    """
    blocks = 1.0
    if layer.mlp is MlpKind.DENSE:
        blocks = 1.0 if model.parallel_block else 2.0
    elif model.moe is not None and model.moe.shared_ffn_hidden_size:
        blocks = 2.0
    return _block_collectives(model.hidden_size * BF16 * shard.tokens, blocks, fabric)


def boundary_collectives_s(model: ModelSpec, shard: Shard, fabric: Fabric) -> Duration:
    """Half a block: the gather in front of the output head or the scatter behind the embedding."""
    return _block_collectives(model.hidden_size * BF16 * shard.tokens, 0.5, fabric)


def _block_collectives(size_bytes: FloatArray, blocks: float, fabric: Fabric) -> Duration:
    spans, features = fabric.spans.tp, fabric.constants.features
    args = (size_bytes, spans, fabric.levels, fabric.constants)
    gather, scatter = all_gather_s(*args), reduce_scatter_s(*args)
    sequence = fabric.batch.sequence_parallel > 0
    reduce = all_reduce_s(*args)
    near = fabric.within_scale_up(spans)
    overlaps = fabric.run.features.tp_backward_overlap
    hidden = features.tp_backward_hidden * near * (1.0 if overlaps else 0.0)
    forward = np.where(sequence, gather + scatter, reduce)
    backward = np.where(
        sequence, gather + (gather + scatter) * (1.0 - hidden), reduce * (1.0 - hidden)
    )
    shown = np.where(fabric.batch.tp > 1, blocks, 0.0)
    if fabric.run.features.tp_comm_overlap:
        shown = shown * (1.0 - features.overlap_hidden * near)
    return Duration(forward_s=forward * shown, backward_s=backward * shown)


def expert_tensor_parallel_s(model: ModelSpec, shard: Shard, fabric: Fabric) -> Duration:
    """Gather and scatter of routed tokens over the expert-tensor group, exposed."""
    if model.moe is None:
        return Duration(forward_s=np.zeros(1), backward_s=np.zeros(1))
    size = BF16 * model.hidden_size * routed_tokens(model.moe, shard)
    args = (size, fabric.spans.etp, fabric.levels, fabric.constants)
    once = np.where(fabric.batch.etp > 1, all_gather_s(*args) + reduce_scatter_s(*args), 0.0)
    return Duration(forward_s=once, backward_s=once)


def context_parallel_s(
    model: ModelSpec, shard: Shard, core: Duration, fabric: Fabric, hbm_bytes_per_s: float
) -> Duration:
    """Key/value exchange around the context-parallel ring, and the merging of partial results.

    Forward moves K and V once; backward moves them again with their gradients (Liu et al., Ring
    Attention, arXiv 2310.01889, section 3); what attention on the other
    cp - 1 blocks does not hide is exposed. After each of
    the cp - 1 steps the running output (forward) or gradients (backward) are read and written in
    fp32 and a bf16 part is read, on the stream that computes (TransformerEngine,
    ``context_parallel.py``).
    """
    size = BF16 * key_value_width(model.attention, shard) * shard.tokens * shard.cp
    gather = all_gather_s(size, fabric.spans.cp, fabric.levels, fabric.constants)
    gather = np.where(fabric.batch.cp > 1, gather, 0.0)
    covered = (shard.cp - 1.0) / shard.cp
    hidden = fabric.constants.features.stream_overlap_hidden * covered
    merge_bytes = fabric.constants.kernels.ring_merge_bytes
    step_s = (shard.cp - 1.0) * merge_bytes * shard.tokens / hbm_bytes_per_s
    outputs = model.attention.num_heads / shard.tp * model.attention.v_head_dim
    gradients = projection_width(model.attention, shard)
    return Duration(
        forward_s=np.maximum(gather - hidden * core.forward_s, 0.0) + step_s * outputs,
        backward_s=np.maximum(2.0 * gather - hidden * core.backward_s, 0.0) + step_s * gradients,
    )


def expert_parallel_s(model: ModelSpec, shard: Shard, cover: Duration, fabric: Fabric) -> Duration:
    """Dispatch and combine of one MoE layer, each way, beyond what overlap hides.

    ``cover`` is the computation of the layer, behind which an overlapping schedule (Megatron-Core
    ``--overlap-moe-expert-parallel-comm``, DualPipe) can hide it.
    """
    moe = model.moe
    if moe is None:
        return Duration(forward_s=np.zeros(1), backward_s=np.zeros(1))
    features = fabric.run.features
    per_token = BF16 * model.hidden_size
    one_way = expert_exchange_s(
        tokens=shard.tokens / shard.tp,
        bytes_per_token=per_token,
        moe=moe,
        spans=fabric.spans.ep,
        levels=fabric.levels,
        constants=fabric.constants,
        deduplicated=features.moe_dispatcher in (MoeDispatcher.DEEPEP, MoeDispatcher.HYBRIDEP),
    )
    both = np.where(fabric.batch.ep > 1, 2.0 * one_way, 0.0)
    if not features.ep_overlap:
        return Duration(forward_s=both, backward_s=both)
    share = fabric.constants.features.overlap_hidden
    return Duration(
        forward_s=both - np.minimum(share * both, cover.forward_s),
        backward_s=both - np.minimum(share * both, cover.backward_s),
    )
