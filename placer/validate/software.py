"""What the software a row names did where the row does not say: kernels, overlap, recomputation."""

from __future__ import annotations

from typing import Final

from placer.errors import shorten
from placer.spec.run import (
    Allocator,
    AttentionKernel,
    CudaGraph,
    Features,
    GradientRecipe,
    MoeDispatcher,
    Precision,
)
from placer.validate.cells import Row, RowError
from placer.workload.activations import RecomputeModule

UNFUSED_ERA: Final = ("megatron-lm 2021", "deepspeed zero-3", "megatron-deepspeed", "launcher 23.")
"""Frameworks before fused attention, with dropout as GPT-3 was trained."""

EAGER: Final = ("llm-foundry", "composer")
"""FSDP on PyTorch modules with FlashAttention-2 and without fused element-wise kernels."""

OVERLAPPING: Final = ("nemo", "bridge")
"""Recipes that overlap tensor-parallel communication unless they say otherwise."""

SERIAL: Final = ("megatron-lm 2021", "megatron-deepspeed")
"""Megatron-LM before 2022, and what branched off it: backward reduces after its products."""

UNHIDDEN: Final = (*SERIAL, "deepspeed zero-3", "launcher 23.0")
"""Replicas exchange gradients and weights in line with computation: sharding without prefetch,
reduction after the last backward pass (NeMo launcher 23.03: ``overlap_grad_sync: False``)."""

FLAT: Final = ("deepspeed zero-3",)
"""The first ZeRO-3 gathered tensor by tensor, one ring at a time."""

DEEPSPEED: Final = ("megatron-deepspeed",)
"""FP16 gradients only; in BF16 its optimizer accumulates in fp32 besides."""

NARROW_GRADIENTS: Final = ("nemo 2", "bridge")
"""Recipes on NeMo 2 and Megatron-Bridge: mixed-precision plugin with ``grad_reduce_in_fp32`` off."""

SIXTEEN_BIT_GRADIENTS: Final = ("aa-scaling", "mlperf", "launcher 23.")
"""Gradients stay in the training format: Aleph-Alpha/scaling core/optimizer/parameter_group.py; the
MLPerf entries on NeMo set ``grad_reduce_in_fp32=False`` (mlcommons/training_results_v5.0, llama31_405b
pretrain.py). For NeMo launcher 23.03 deduced: with fp32 gradients the tensors of its 5B runs, which ran,
add up to more than the part has."""

EAGER_MODULES: Final = ("aa-scaling",)
"""Plain PyTorch modules around a fused attention kernel (Aleph-Alpha/scaling core/nn)."""

FUSED_LOSS: Final = (*NARROW_GRADIENTS, "mlperf", *EAGER)
"""Cross-entropy fusion is on (NeMo and Bridge recipes; llm-foundry's ``fused_crossentropy``)."""

COMPILED: Final = ("jax", "maxtext", "paxml")
"""XLA compiles the whole step."""

SHARDED: Final = (*EAGER, *COMPILED, "fsdp", "torchtitan", "zero-3")
"""Parameters are sharded by default (ZeRO-3)."""

COMPILED_SELECTIVE: Final = ("core_attn", "layernorm", "mlp")
"""JAX checkpoint policies keep the outputs around attention and compute the rest again."""

PRECISIONS: Final = {
    "bf16": Precision.BF16,
    "bfloat16": Precision.BF16,
    "fp16": Precision.BF16,
    "fp16 mixed": Precision.BF16,
    "bf16 mixed": Precision.BF16,
    "fp16/bf16": Precision.BF16,
    "fp8": Precision.FP8,
    "fp8-cs": Precision.FP8,
    "fp8-ds": Precision.FP8,
    "fp8-sc": Precision.FP8,
    "fp8 mixed": Precision.FP8,
    "fp8_full": Precision.FP8,
    "fp8-mx": Precision.MXFP8,
    "mxfp8": Precision.MXFP8,
    "nvfp4": Precision.NVFP4,
    "fp4": Precision.NVFP4,
}
"""Numeric recipes as sources write them. FP16 runs at the rate of BF16 on every part known; FP8 by
tensor (current or delayed scaling, ``-CS``, ``-DS``) and by sub-channel is one recipe here."""


def precision_of(row: Row) -> Precision:
    """The recipe a row names; bf16 where it names none.

    Raises
    ------
    RowError
        For a recipe that is not known, or two at once.
    """
    text = row.text("precision").lower() or "bf16"
    if text not in PRECISIONS:
        expected = "bf16, fp8, mxfp8 or nvfp4"
        raise RowError(f"precision: expected {expected}, got {shorten(repr(text))}")
    return PRECISIONS[text]


def features_of(row: Row) -> Features:
    """Features a row states, and what its framework's generation implies for the rest."""
    name = row.text("framework").lower()
    unfused = any(mark in name for mark in UNFUSED_ERA)
    eager = any(mark in name for mark in EAGER)
    kernel = AttentionKernel.TUNED
    if unfused:
        kernel = AttentionKernel.UNFUSED
    elif eager:
        kernel = AttentionKernel.FLASH2
    overlaps = any(mark in name for mark in OVERLAPPING)
    return Features(
        attention_kernel=kernel,
        cuda_graph=_graph(row),
        moe_dispatcher=_dispatcher(row),
        tp_comm_overlap=row.flag("tp_comm_overlap", default=overlaps),
        tp_backward_overlap=not any(mark in name for mark in SERIAL),
        ep_overlap=row.flag("ep_overlap"),
        compile=row.flag("compile", default=any(mark in name for mark in COMPILED)),
        dp_overlap=not any(mark in name for mark in UNHIDDEN),
        flat_gather=any(mark in name for mark in FLAT),
        gradients=_gradients(row, name),
        fused_cross_entropy=any(mark in name for mark in FUSED_LOSS),
        allocator=_allocator(name),
        dropout=unfused,
        eager_modules=any(mark in name for mark in EAGER_MODULES),
    )


def _allocator(name: str) -> Allocator:
    """XLA plans buffers; software of the time before expandable segments fragments them."""
    if any(mark in name for mark in COMPILED):
        return Allocator.PLANNED
    unfused = any(mark in name for mark in UNFUSED_ERA)
    return Allocator.CACHING if unfused else Allocator.EXPANDABLE


def _gradients(row: Row, name: str) -> GradientRecipe:
    if any(mark in name for mark in (*NARROW_GRADIENTS, *SIXTEEN_BIT_GRADIENTS)):
        return GradientRecipe.NARROW
    if not any(mark in name for mark in DEEPSPEED):
        return GradientRecipe.FP32
    narrow = "fp16" in row.text("precision").lower()
    return GradientRecipe.NARROW if narrow else GradientRecipe.ACCUMULATED


def default_zero_stage(row: Row) -> int:
    """3 for frameworks that shard parameters, else 1 (distributed optimizer)."""
    name = row.text("framework").lower()
    return 3 if any(mark in name for mark in SHARDED) else 1


def selective_modules_of(row: Row) -> tuple[str, ...]:
    """Modules a row's selective recomputation drops; empty where neither row nor framework says.

    Raises
    ------
    RowError
        For a module Megatron-LM does not have.
    """
    text = row.text("recompute_modules").lower().replace("+", ",").replace(" ", ",")
    names = tuple(dict.fromkeys(part for part in text.split(",") if part))
    framework = row.text("framework").lower()
    if not names and any(mark in framework for mark in COMPILED):
        return COMPILED_SELECTIVE
    known = [module.value for module in RecomputeModule]
    unknown = [name for name in names if name not in known]
    if unknown:
        raise RowError(
            f"recompute_modules: expected {', '.join(known)}, got {shorten(repr(unknown[0]))}"
        )
    return names


def _graph(row: Row) -> CudaGraph:
    """``none``; ``full_iteration`` or plain yes; anything else captures some modules."""
    text = row.text("cuda_graph").lower()
    if text in {"", "none", "false", "no"}:
        return CudaGraph.NONE
    whole = text.split(":")[0] in {"yes", "true", "full", "full_iteration"}
    return CudaGraph.FULL if whole else CudaGraph.PARTIAL


def _dispatcher(row: Row) -> MoeDispatcher:
    """The dispatcher a row names; all-to-all (Megatron-LM's usual one) where it names none."""
    text = row.text("moe_dispatcher").lower()
    known = {member.value: member for member in MoeDispatcher}
    if text and text not in known:
        raise RowError(f"moe_dispatcher: expected {', '.join(known)}, got {shorten(repr(text))}")
    return known.get(text, MoeDispatcher.ALLTOALL)
