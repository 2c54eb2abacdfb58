"""Model FLOPs: the numerator of MFU."""

from __future__ import annotations

from placer.spec.model import LayerClass, ModelSpec
from placer.workload.attention import mean_keys, query_key_dim
from placer.workload.params import active_matmul_params


def model_flops_per_token(model: ModelSpec, seq_len: int) -> float:
    """Forward and backward FLOPs one trained token costs, causal attention halved.

    6 per active matrix parameter (Kaplan et al., arXiv 2001.08361, section 2.1) plus
    6 * mean keys * heads * (d_qk + d_v) per layer; recomputation is not counted. The convention
    is Megatron-Bridge's.
    """
    classes = [*model.layers, *([model.layers[-1]] * model.mtp_layers)]
    attention = sum(_attention_flops(model, layer, seq_len) for layer in classes)
    return 6.0 * active_matmul_params(model) + attention


def _attention_flops(model: ModelSpec, layer: LayerClass, seq_len: int) -> float:
    width = query_key_dim(model.attention) + model.attention.v_head_dim
    return 6.0 * mean_keys(layer, seq_len) * model.attention.num_heads * width
