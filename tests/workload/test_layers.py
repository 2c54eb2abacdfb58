"""FLOPs, parameters and activations of layers against hand-computed numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from plan_samples import DENSE_MODEL, MOE_MODEL

from placer.spec.model import Attention, LayerClass, Mlp, MlpKind, ModelSpec
from placer.spec.run import Features
from placer.workload.activations import (
    RecomputeModule,
    kept_bytes,
    saved_tensors,
    selective_modules,
)
from placer.workload.attention import mean_keys
from placer.workload.flops import model_flops_per_token
from placer.workload.layer import layer_work, loss_work
from placer.workload.operators import GemmRole, Shard

GPT = ModelSpec(
    name="gpt-22b",
    num_layers=48,
    hidden_size=6144,
    vocab_size=51200,
    max_seq_len=2048,
    attention=Attention(num_heads=64, head_dim=96),
    mlp=Mlp(ffn_hidden_size=4 * 6144, gated=False),
)
DENSE = LayerClass(mlp=MlpKind.DENSE)


def shard(*, tokens: float = 2048.0, tp: float = 1.0, seq_len: int = 2048) -> Shard:
    one = np.ones(1)
    return Shard(
        seq_len=seq_len,
        tokens=one * tokens,
        local_tokens=one * tokens / tp,
        tp=one * tp,
        cp=one,
        ep=one,
        etp=one,
    )


def test_layer_forward_flops_of_a_gpt_layer() -> None:
    """24 b s h^2 (1 + s / (6 h)) with the whole square (arXiv 2104.04473, appendix); half of the
    attention term remains under a causal mask."""
    work = layer_work(GPT, DENSE, shard(), imbalance=1.0)
    s, h = 2048, 6144
    matrices = 24 * s * h**2
    attention = 4 * s * h * (s + 1) / 2
    assert work.forward_flops[0] == pytest.approx(matrices + attention, rel=1e-12)


def test_tensor_parallel_ranks_share_the_flops() -> None:
    whole = layer_work(GPT, DENSE, shard(), imbalance=1.0).forward_flops[0]
    part = layer_work(GPT, DENSE, shard(tp=8.0), imbalance=1.0).forward_flops[0]
    assert part == pytest.approx(whole / 8)


@pytest.mark.parametrize(("fused", "dropout", "per_sbh"), [(True, False, 32.0), (True, True, 34.0)])
def test_activations_of_a_gpt_layer(*, fused: bool, dropout: bool, per_sbh: float) -> None:
    """34 s b h with dropout masks; Korthikanti et al., arXiv 2205.05198, equation 2 without the
    score terms: 8 h before and 24 h inside the tensor-parallel regions, 2 h of masks."""
    tensors = saved_tensors(
        GPT,
        DENSE,
        shard(),
        linear_input_bytes=2.0,
        fused_attention=fused,
        features=Features(dropout=dropout),
    )
    per = kept_bytes(tensors, frozenset())[0] / (2048 * 6144)
    assert per == pytest.approx(per_sbh)


def test_unfused_attention_keeps_five_bytes_per_score() -> None:
    """5 a s^2 b: two bf16 score matrices and a mask (arXiv 2205.05198, section 4.1)."""
    tensors = saved_tensors(
        GPT,
        DENSE,
        shard(),
        linear_input_bytes=2.0,
        fused_attention=False,
        features=Features(),
    )
    kept = kept_bytes(tensors, frozenset())
    without = kept_bytes(tensors, frozenset({RecomputeModule.CORE_ATTENTION}))
    assert (kept - without)[0] == pytest.approx(5 * 64 * 2048**2)


def test_selective_modules_follow_the_model() -> None:
    assert selective_modules(GPT, fused_attention=False) == (RecomputeModule.CORE_ATTENTION,)
    assert selective_modules(DENSE_MODEL, fused_attention=True) == (RecomputeModule.LAYERNORM,)
    assert set(selective_modules(MOE_MODEL, fused_attention=True)) == {
        RecomputeModule.LAYERNORM,
        RecomputeModule.MLA_UP_PROJECTION,
        RecomputeModule.MOE_ACTIVATION,
    }


@pytest.mark.parametrize(
    ("window", "chunked", "expected"),
    [
        (None, False, (8 + 1) / 2),  # 1 + 2 + ... + 8 over 8
        (8, False, (8 + 1) / 2),  # a window of the whole sequence is no window
        (2, False, (1 + 2 * 7) / 8),  # one query sees one key, seven see two
        (4, True, (4 + 1) / 2),  # two blocks of four
        (100, False, (8 + 1) / 2),  # wider than the sequence
    ],
)
def test_mean_keys(*, window: int | None, chunked: bool, expected: float) -> None:
    layer = LayerClass(mlp=MlpKind.DENSE, window=window, chunked=chunked)
    assert mean_keys(layer, 8) == pytest.approx(expected)


def test_moe_layer_runs_top_k_experts_and_the_shared_one() -> None:
    """Expert products run 3 * 2 * tokens * top_k * h * f; every rank holds its share of experts."""
    moe = MOE_MODEL.moe
    assert moe is not None
    layer = next(c for c in MOE_MODEL.layer_classes if c.mlp is MlpKind.MOE)
    work = layer_work(MOE_MODEL, layer, shard(), imbalance=1.0)
    experts = sum(float(g.forward_flops[0]) for g in work.gemms if g.role is GemmRole.EXPERT)
    expected = 3 * 2 * 2048 * moe.top_k * MOE_MODEL.hidden_size * moe.ffn_hidden_size
    assert experts == pytest.approx(expected)


def test_imbalance_loads_experts_only() -> None:
    layer = next(c for c in MOE_MODEL.layer_classes if c.mlp is MlpKind.MOE)
    even = layer_work(MOE_MODEL, layer, shard(), imbalance=1.0)
    uneven = layer_work(MOE_MODEL, layer, shard(), imbalance=1.5)
    for a, b in zip(even.gemms, uneven.gemms, strict=True):
        ratio = 1.5 if a.role is GemmRole.EXPERT else 1.0
        assert b.forward_flops[0] == pytest.approx(a.forward_flops[0] * ratio)


def test_loss_runs_the_head_once_per_prediction_depth() -> None:
    once = loss_work(DENSE_MODEL, shard()).forward_flops[0]
    assert once == pytest.approx(2 * 2048 * DENSE_MODEL.hidden_size * DENSE_MODEL.vocab_size)


def test_model_flops_per_token_of_llama_8b() -> None:
    """6 * (parameters in matrices) + causal attention; Megatron-Bridge's convention."""
    llama = ModelSpec(
        name="llama",
        num_layers=32,
        hidden_size=4096,
        vocab_size=128256,
        max_seq_len=8192,
        attention=Attention(num_heads=32, num_kv_heads=8, head_dim=128),
        mlp=Mlp(ffn_hidden_size=14336),
    )
    matrices = 32 * (4096 * (4096 + 2 * 1024) + 4096 * 4096 + 3 * 4096 * 14336) + 128256 * 4096
    attention = 32 * 6 * (8193 / 2) * 32 * 256
    assert model_flops_per_token(llama, 8192) == pytest.approx(6 * matrices + attention)


def test_plain_modules_keep_gathered_inputs_and_the_gate() -> None:
    """Two norm outputs of the whole sequence instead of its eighth, and silu(x) beside the rest."""
    split = replace(shard(tp=8.0), local_tokens=np.array([2048.0 / 8.0]))

    def kept(features: Features) -> float:
        tensors = saved_tensors(
            DENSE_MODEL,
            DENSE,
            split,
            linear_input_bytes=2.0,
            fused_attention=True,
            features=features,
        )
        return float(kept_bytes(tensors, frozenset())[0])

    more = kept(Features(eager_modules=True)) - kept(Features())
    gathered = 2 * 2 * DENSE_MODEL.hidden_size * 2048 * 7 / 8
    gate = 2 * DENSE_MODEL.mlp.ffn_hidden_size / 8 * 2048 if DENSE_MODEL.mlp.gated else 0.0
    assert more == pytest.approx(gathered + gate)
