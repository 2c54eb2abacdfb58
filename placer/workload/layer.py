"""One decoder layer, the embedding and the loss as lists of operators."""

from __future__ import annotations

import numpy as np

from placer.spec.model import LayerClass, MlpKind, ModelSpec
from placer.workload.attention import attention_core, attention_gemms, projection_width
from placer.workload.mlp import dense_mlp_gemms, moe_gemms, routed_tokens
from placer.workload.operators import FloatArray, Gemm, GemmRole, LayerWork, Shard, Traffic

BF16 = 2.0
FP32 = 4.0


def layer_work(model: ModelSpec, layer: LayerClass, shard: Shard, *, imbalance: float) -> LayerWork:
    """Operators of one decoder layer.

    ``imbalance`` is the load of the busiest expert rank over the mean.
    """
    gemms = list(attention_gemms(model.attention, model.hidden_size, shard))
    traffic = [_norm_traffic(model, shard), _attention_traffic(model, shard)]
    if layer.mlp is MlpKind.DENSE:
        ffn, gated = model.mlp.ffn_hidden_size, model.mlp.gated
        gemms.extend(dense_mlp_gemms(ffn, gated, model.hidden_size, shard))
        traffic.append(_activation_traffic(gated, ffn / shard.tp * shard.tokens))
    else:
        assert model.moe is not None, "a MoE layer needs a MoE block"
        gated = model.mlp.gated
        gemms.extend(moe_gemms(model.moe, gated, model.hidden_size, imbalance, shard))
        traffic.extend(_moe_traffic(model, shard, imbalance))
    core = attention_core(model.attention, layer, shard)
    return LayerWork(gemms=tuple(gemms), attention=(core,), traffic=tuple(traffic))


def mtp_work(model: ModelSpec, layer: LayerClass, shard: Shard, *, imbalance: float) -> LayerWork:
    """One multi-token-prediction depth: a layer, two norms and a 2h -> h projection.

    DeepSeek-V3 (arXiv 2412.19437), section 2.2; its share of the output head is counted with the
    loss item.
    """
    body = layer_work(model, layer, shard, imbalance=imbalance)
    one = np.ones_like(shard.tokens)
    hidden = model.hidden_size
    merge = Gemm(
        name="mtp_projection",
        m=shard.tokens,
        n=one * hidden / shard.tp,
        k=one * 2 * hidden,
        copies=one,
    )
    return LayerWork(
        gemms=(*body.gemms, merge),
        attention=body.attention,
        traffic=(*body.traffic, _norm_traffic(model, shard)),
    )


def embedding_work(model: ModelSpec, shard: Shard) -> LayerWork:
    """Table look-up and its gradient: one row read and written per token."""
    row = BF16 * model.hidden_size * shard.tokens
    traffic = Traffic(name="embedding", forward_bytes=2 * row, backward_bytes=4 * row, kernels=3)
    return LayerWork(traffic=(traffic,))


def loss_work(model: ModelSpec, shard: Shard) -> LayerWork:
    """Final norm, output head over the vocabulary shard, cross entropy; once per MTP depth more.

    Cross entropy passes over fp32 logits: cast, max, exponential, sum forward (4 + 4 + 8 bytes)
    and softmax gradient backward.
    """
    depth = 1 + model.mtp_layers
    one = np.ones_like(shard.tokens)
    vocab = model.vocab_size / shard.tp
    head = Gemm(
        name="output_head",
        m=shard.tokens,
        n=vocab,
        k=one * model.hidden_size,
        copies=one * depth,
        role=GemmRole.HEAD,
    )
    logits = shard.tokens * vocab * depth
    entropy = Traffic(
        name="cross_entropy",
        forward_bytes=(BF16 + 5 * FP32) * logits,
        backward_bytes=(2 * FP32 + BF16) * logits,
        kernels=8.0 * depth,
    )
    return LayerWork(gemms=(head,), traffic=(entropy, _norm_traffic(model, shard)))


def _norm_traffic(model: ModelSpec, shard: Shard) -> Traffic:
    """Norms (read, write) and residual additions (two reads, one write) on the local stream."""
    stream = BF16 * model.hidden_size * shard.local_tokens
    norms = model.norms_per_layer
    return Traffic(
        name="norms",
        forward_bytes=(2 * norms + 6) * stream,
        backward_bytes=(4 * norms + 6) * stream,
        kernels=norms + 2.0,
    )


def _attention_traffic(model: ModelSpec, shard: Shard) -> Traffic:
    """Rotary embedding and layout changes of Q, K, V."""
    size = BF16 * projection_width(model.attention, shard) * shard.tokens
    return Traffic(name="rotary", forward_bytes=2 * size, backward_bytes=3 * size, kernels=3)


def _activation_traffic(gated: bool, width_tokens: FloatArray, name: str = "activation") -> Traffic:
    """The activation function between the projections: inputs read, output written."""
    forward = (3.0 if gated else 2.0) * BF16 * width_tokens
    backward = (5.0 if gated else 3.0) * BF16 * width_tokens
    return Traffic(name=name, forward_bytes=forward, backward_bytes=backward, kernels=1)


def _moe_traffic(model: ModelSpec, shard: Shard, imbalance: float) -> list[Traffic]:
    """Permutation of tokens to experts and back, router softmax and the expert activation."""
    moe = model.moe
    assert moe is not None, "a MoE layer needs a MoE block"
    gated = model.mlp.gated
    routed = routed_tokens(moe, shard) * imbalance
    rows = BF16 * model.hidden_size * routed
    logits = FP32 * moe.num_experts * shard.tokens / shard.tp
    traffic = [
        Traffic(name="permute", forward_bytes=4 * rows, backward_bytes=4 * rows, kernels=6),
        Traffic(
            name="router_softmax", forward_bytes=4 * logits, backward_bytes=4 * logits, kernels=10
        ),
        _activation_traffic(gated, moe.ffn_hidden_size / shard.etp * routed, "expert_activation"),
    ]
    if moe.shared_ffn_hidden_size:
        width = moe.shared_ffn_hidden_size / shard.tp * shard.tokens
        traffic.append(_activation_traffic(gated, width, "shared_activation"))
    return traffic
