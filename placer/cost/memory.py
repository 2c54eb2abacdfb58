"""Bytes on one GPU: what each item of a stage keeps, as coefficients over strategies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placer.cost.sections import MemoryConstants
from placer.plan.strategy import StrategyBatch
from placer.spec.accelerator import Accelerator
from placer.spec.model import ModelSpec
from placer.spec.run import Allocator, Features, GradientRecipe, Optimizer, RunSpec
from placer.workload.operators import FloatArray, GemmRole, LayerWork, Shard

WEIGHT_BYTES = 2.0
HELD_GRADIENT_BYTES = {
    GradientRecipe.FP32: 4.0,
    GradientRecipe.NARROW: 2.0,
    GradientRecipe.ACCUMULATED: 6.0,
}
"""Bytes per parameter of gradient buffers: fp32 main gradients (Megatron-LM), 16-bit only, or both."""

SHARDED_GRADIENT_BYTES = 2.0
"""ZeRO-3 holds 16 bytes per parameter in all: 2 + 2 + 12 in DeepSpeed (arXiv 1910.02054, section 3),
4 + 4 + 8 of fp32 shards in PyTorch FSDP (arXiv 2304.11277)."""

OPTIMIZER_STATE_BYTES = {
    Optimizer.ADAM: 12.0,
    Optimizer.ADAM_BF16: 8.0,
    Optimizer.ADAM_8BIT: 6.0,
    Optimizer.MUON: 8.0,
    Optimizer.ADAFACTOR: 4.0,
    Optimizer.SGD: 8.0,
}
"""Bytes per parameter beside the bf16 weight: fp32 master copy plus moments (4 + 4 Adam, 2 + 2 with
bf16 moments, 1 + 1 with 8-bit moments, 4 momentum for Muon and SGD, factored for Adafactor)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Local parameters of one item on one GPU: sharded like the dense layers, or like experts."""

    dense: FloatArray
    expert: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class StateBytes:
    """Weights, gradients and optimizer states of one item on one GPU."""

    weights: FloatArray
    gradients: FloatArray
    optimizer: FloatArray


def parameters_of(work: LayerWork, hidden_size: int) -> Parameters:
    """Parameters behind the item's matrix products (n * k each) and its norms."""
    dense = np.zeros(1) + 2.0 * hidden_size
    expert = np.zeros(1)
    for gemm in work.gemms:
        size = gemm.n * gemm.k * gemm.copies
        if gemm.role is GemmRole.EXPERT:
            expert = expert + size
        else:
            dense = dense + size
    return Parameters(dense=dense, expert=expert)


def state_bytes(
    parameters: Parameters, batch: StrategyBatch, run: RunSpec, outer_bytes: float = 0.0
) -> StateBytes:
    """ZeRO accounting: bf16 weights, gradients and optimizer states by the run's recipe.

    ``outer_bytes`` per parameter are an outer optimizer's, sharded like the inner one's.

    Stage 1 shards optimizer states over the data-parallel group (dense: dp_shard * cp, experts:
    edp), stage 2 gradients too, stage 3 weights too (Rajbhandari et al., arXiv 1910.02054,
    section 3; Megatron-LM distributed optimizer, docs/source/api-guide/dist_optimizer.md).
    """
    replicate = batch.dp // np.maximum(batch.dp_shard, 1)
    dense_group = batch.dp_shard * batch.cp
    expert_group = np.maximum(batch.edp // np.maximum(replicate, 1), 1)
    stage = batch.zero_stage

    def shared(per_parameter: float, from_stage: int) -> FloatArray:
        sharded = stage >= from_stage
        dense = parameters.dense / np.where(sharded, dense_group, 1)
        expert = parameters.expert / np.where(sharded, expert_group, 1)
        return np.asarray(per_parameter * (dense + expert))

    held = HELD_GRADIENT_BYTES[run.features.gradients]
    gradients = np.where(stage >= 3, shared(SHARDED_GRADIENT_BYTES, 2), shared(held, 2))
    return StateBytes(
        weights=shared(WEIGHT_BYTES, 3),
        gradients=gradients,
        optimizer=shared(OPTIMIZER_STATE_BYTES[run.optimizer] + outer_bytes, 1),
    )


def beside_gradients(
    activations: FloatArray, gradients: FloatArray, batch: StrategyBatch
) -> FloatArray:
    """Activations of an item beyond the room its gradients take later.

    Under ZeRO-3 gradients are allocated when backward makes them (PyTorch FSDP, XLA). With a single
    micro-batch they replace its activations, so an item holds the larger of the two.
    """
    in_turn = (batch.zero_stage >= 3) & (batch.num_microbatches == 1)
    return np.where(in_turn, np.maximum(activations - gradients, 0.0), activations)


def logits_bytes(model: ModelSpec, shard: Shard, features: Features) -> FloatArray:
    """Output logits during the loss.

    Of the vocabulary shard 16-bit logits and their gradient when the loss is fused; else also the
    fp32 copy that becomes the softmax in place (Megatron-LM
    ``core/tensor_parallel/cross_entropy.py``). Plain modules gather the logits and keep, in fp32,
    log-probabilities, their gradient and the logits' (torch ``nll_loss`` on ``logits.float()``).
    """
    logits = shard.tokens * model.vocab_size * (1 + model.mtp_layers)
    if features.eager_modules:
        return np.asarray((2.0 + 3.0 * 4.0) * logits)
    held = 2.0 + 2.0 if features.fused_cross_entropy else 2.0 + 2.0 + 4.0
    return np.asarray(held * logits / shard.tp)


def reported_bytes(allocated_bytes: float, run: RunSpec, memory: MemoryConstants) -> float:
    """Peak memory as the run's software reports it.

    With expandable segments the allocator's own count (``max_memory_allocated``). Runs of the
    fixed-segment era report what the device shows: reserved bytes, more by fragmentation, and the
    context.
    """
    if run.features.allocator is not Allocator.CACHING:
        return allocated_bytes
    return allocated_bytes * memory.fragmentation_caching + memory.context_bytes


def allocatable_bytes(
    accelerator: Accelerator, allocator: Allocator, memory: MemoryConstants
) -> float:
    """What a stage's tensors may add up to on one accelerator: the limit of a plan.

    Usable HBM less what lives outside the allocator and what segments lose, which is nothing where
    a compiler plans every buffer. An allocator that fragments more hands cached blocks back before
    it gives up, so its reserved bytes are no tighter a limit.
    """
    room = accelerator.hbm_usable_bytes - memory.context_bytes
    return room if allocator is Allocator.PLANNED else room / memory.fragmentation_expandable
