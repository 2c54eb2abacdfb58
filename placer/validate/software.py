"""What the software named in a run did: attention kernel, fusion, dropout, by framework and age."""

from __future__ import annotations

from placer.spec.run import AttentionKernel, CudaGraph, Features, MoeDispatcher

"""NeMo's and Megatron-Bridge's performance recipes overlap tensor-parallel communication unless they
say otherwise."""

UNFUSED_ERA = ("megatron-lm 2021", "deepspeed zero-3", "megatron-deepspeed", "launcher 23.")
"""Frameworks before fused attention, with dropout as GPT-3 was trained."""

UNHIDDEN = ("deepspeed zero-3", "paxml")
"""Parameter sharding that gathers and scatters in line with computation."""

EAGER = ("llm-foundry", "composer")
"""FSDP on PyTorch modules with FlashAttention-2 and without fused element-wise kernels."""


def features_of(
    *,
    framework: str,
    cuda_graph: str,
    moe_dispatcher: str,
    tp_comm_overlap: str,
    ep_overlap: str,
    compile_: str,
) -> Features:
    """Features a row states, and what its framework's generation implies for the rest."""
    name = framework.lower()
    unfused = any(mark in name for mark in UNFUSED_ERA)
    eager = any(mark in name for mark in EAGER)
    kernel = AttentionKernel.TUNED
    if unfused:
        kernel = AttentionKernel.UNFUSED
    elif eager:
        kernel = AttentionKernel.FLASH2
    return Features(
        attention_kernel=kernel,
        cuda_graph=_graph(cuda_graph),
        moe_dispatcher=_dispatcher(moe_dispatcher),
        tp_comm_overlap=_stated(tp_comm_overlap, default="nemo" in name or "bridge" in name),
        ep_overlap=ep_overlap.lower() == "true",
        compile=compile_.lower() in {"true", "yes"} or name.startswith(("jax", "maxtext")),
        dp_overlap=not any(mark in name for mark in UNHIDDEN),
        eager_kernels=eager,
        dropout=unfused,
    )


def _graph(text: str) -> CudaGraph:
    if text in {"", "none"}:
        return CudaGraph.NONE
    whole = text in {"yes", "full_iteration"}
    return CudaGraph.FULL if whole else CudaGraph.PARTIAL


def _dispatcher(text: str) -> MoeDispatcher:
    known = {member.value: member for member in MoeDispatcher}
    return known.get(text.lower(), MoeDispatcher.ALLTOALL)


def _stated(text: str, *, default: bool) -> bool:
    return default if text == "" else text.lower() == "true"
