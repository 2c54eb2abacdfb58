"""Small models, runs and plans that tests vary."""

from __future__ import annotations

from typing import Any

from placer.plan.strategy import Strategy
from placer.spec.model import Attention, AttentionKind, Mlp, ModelSpec, MoE
from placer.spec.run import Features, RunSpec

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
