"""The feed-forward block: dense and mixture-of-experts, as operators."""

from __future__ import annotations

import numpy as np

from placer.spec.model import MoE
from placer.workload.operators import FloatArray, Gemm, GemmRole, Shard


def dense_mlp_gemms(
    ffn_hidden_size: int, gated: bool, hidden_size: int, shard: Shard, prefix: str = "mlp"
) -> tuple[Gemm, ...]:
    """Up (twice as wide when gated) and down projection, ffn width divided by tp."""
    one = np.ones_like(shard.tokens)
    width = ffn_hidden_size / shard.tp
    up = width * (2 if gated else 1)
    return (
        Gemm(name=f"{prefix}_up", m=shard.tokens, n=up, k=one * hidden_size, copies=one),
        Gemm(name=f"{prefix}_down", m=shard.tokens, n=one * hidden_size, k=width, copies=one),
    )


def routed_tokens(moe: MoE, shard: Shard) -> FloatArray:
    """Token copies one rank's experts process under balanced routing.

    Each rank owns tokens / tp distinct tokens (the rest of the tensor-parallel group owns the
    others) and sends top_k copies; an expert-tensor group gathers its etp members' copies.
    """
    return np.asarray(shard.tokens / shard.tp * moe.top_k * shard.etp)


def moe_gemms(
    moe: MoE, gated: bool, hidden_size: int, imbalance: float, shard: Shard
) -> tuple[Gemm, ...]:
    """Router, routed experts as grouped products, shared expert.

    ``imbalance`` is the busiest rank's load over the mean; the grouped product's token count per
    expert is routed_tokens / local experts times it.
    """
    one = np.ones_like(shard.tokens)
    local_experts = moe.num_experts / shard.ep
    per_expert = routed_tokens(moe, shard) * imbalance / local_experts
    width = moe.ffn_hidden_size / shard.etp
    role = GemmRole.EXPERT
    gemms = [
        Gemm(
            name="router",
            m=shard.tokens / shard.tp,
            n=one * moe.num_experts,
            k=one * hidden_size,
            copies=one,
            role=GemmRole.HEAD,
        ),
        Gemm(
            name="expert_up",
            m=per_expert,
            n=width * (2 if gated else 1),
            k=one * hidden_size,
            copies=local_experts,
            role=role,
        ),
        Gemm(
            name="expert_down",
            m=per_expert,
            n=one * hidden_size,
            k=width,
            copies=local_experts,
            role=role,
        ),
    ]
    if moe.shared_ffn_hidden_size:
        gemms.extend(
            dense_mlp_gemms(moe.shared_ffn_hidden_size, gated, hidden_size, shard, "shared")
        )
    return tuple(gemms)
