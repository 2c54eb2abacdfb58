"""Model types placer knows it cannot cost, and the fields that say why."""

from __future__ import annotations

from types import MappingProxyType

LINEAR = "linear attention"
STATE_SPACE = "state-space layers"
CONVOLUTION = "convolution layers"
SPARSE = "sparse attention with an indexer"
ENCODER = "an encoder"

UNSUPPORTED = MappingProxyType(
    {
        "bamba": STATE_SPACE,
        "bart": ENCODER,
        "bert": ENCODER,
        "deepseek_v32": SPARSE,
        "deepseek_v4": "compressed and sparse attention",
        "falcon_h1": STATE_SPACE,
        "falcon_mamba": STATE_SPACE,
        "glm_moe_dsa": SPARSE,
        "granitemoehybrid": STATE_SPACE,
        "jamba": STATE_SPACE,
        "kimi_linear": LINEAR,
        "lfm2": CONVOLUTION,
        "lfm2_moe": CONVOLUTION,
        "mamba": STATE_SPACE,
        "mamba2": STATE_SPACE,
        "minimax_m1": LINEAR,
        "minimax_text_01": LINEAR,
        "nemotron_h": STATE_SPACE,
        "olmo_hybrid": LINEAR,
        "qwen3_5_moe_text": LINEAR,
        "qwen3_5_text": LINEAR,
        "qwen3_next": LINEAR,
        "recurrent_gemma": "recurrent layers",
        "rwkv": "recurrent layers",
        "t5": ENCODER,
        "zamba": STATE_SPACE,
        "zamba2": STATE_SPACE,
    }
)
"""Model type to what it has that the cost model does not."""

_EVIDENCE = (
    "linear_",
    "mamba_",
    "ssm_",
    "attn_layer_period",
    "attn_type_list",
    "layers_block_type",
    "hybrid_",
    "index_",
    "indexer_",
    "compress_",
    "conv_",
    "block_types",
)


def evidence(fields: list[str]) -> list[str]:
    """Fields of a file that tell of such layers, in file order."""
    return [name for name in fields if name.startswith(_EVIDENCE)]
