"""The families placer reads: one entry each, in terms of ``family.Family``.

Read from the modelling and configuration classes of transformers 4.57 and 5.23 and from the
configuration files the models' owners publish. A field that no entry names is refused.
"""

from __future__ import annotations

from types import MappingProxyType

from placer.importers.huggingface.experts import (
    MoeRule,
    after_dense_layers,
    between_bounds,
    every_layer,
    interleaved,
    sparse_steps,
)
from placer.importers.huggingface.family import Family, ShapeNames
from placer.importers.huggingface.reader import ConfigReader
from placer.importers.huggingface.windows import WindowRule
from placer.spec.model import AttentionKind, NormKind

_SLIDING = ("sliding_window",)
_QWEN_WINDOWS = WindowRule(
    width=_SLIDING, switch="use_sliding_window", full_before="max_window_layers"
)
_EXPERT_WIDTH_IS_INTERMEDIATE = ("intermediate_size",)
_NO_BIDIRECTIONAL = {"use_bidirectional_attention": (False,)}


def _four_norms(reader: ConfigReader) -> int:
    return 4


def _one_norm(reader: ConfigReader) -> int:
    return 1


def _falcon_norms(reader: ConfigReader) -> int:
    """Falcon: one norm in a parallel block of 7B, two in the new architecture unless it says 1."""
    given = reader.optional_count(("num_ln_in_parallel_attn",), minimum=1)
    if reader.flag("new_decoder_architecture"):
        return given or 2
    return 1 if reader.flag("parallel_attn") else 2


def _falcon_kv_heads(reader: ConfigReader, names: ShapeNames, num_heads: int) -> int:
    """Falcon: the field counts in the new architecture only; before, one head or all of them."""
    given = reader.optional_count(names.num_kv_heads, minimum=1)
    multi_query = reader.flag("multi_query")
    if reader.flag("new_decoder_architecture"):
        return given or num_heads
    return 1 if multi_query else num_heads


def _stated_kv_heads(reader: ConfigReader, names: ShapeNames, num_heads: int) -> int:
    return reader.count(names.num_kv_heads)


_DENSE = (
    Family(
        model_types=("llama",),
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        mlp_bias="mlp_bias",
        harmless="max_sequence_length",
    ),
    Family(model_types=("mistral",), windows=WindowRule(width=_SLIDING)),
    Family(
        model_types=("phi3",),
        windows=WindowRule(width=_SLIDING),
        expects={"attention_bias": (False,)},
    ),
    Family(
        model_types=("qwen2", "qwen2_vl_text", "qwen2_5_vl_text"),
        qkv_bias=True,
        windows=_QWEN_WINDOWS,
    ),
    Family(
        model_types=("qwen3", "qwen3_vl_text"),
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        qk_norm=True,
        windows=_QWEN_WINDOWS,
    ),
    Family(
        model_types=("mimo",),
        qkv_bias="attention_bias",
        windows=_QWEN_WINDOWS,
        mtp="num_nextn_predict_layers",
    ),
    Family(
        model_types=("smollm3",),
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        mlp_bias="mlp_bias",
        windows=WindowRule(width=_SLIDING, switch="use_sliding_window"),
        harmless="no_rope_layers no_rope_layer_interval max_window_layers",
    ),
    Family(
        model_types=("seed_oss",),
        qkv_bias="attention_bias",
        out_bias="attention_out_bias",
        mlp_bias="mlp_bias",
    ),
    Family(
        model_types=("olmo",),
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        norms=NormKind.LAYERNORM,
    ),
    Family(
        model_types=("olmo2",), qkv_bias="attention_bias", out_bias="attention_bias", qk_norm=True
    ),
    Family(
        model_types=("olmo3",),
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        qk_norm=True,
        windows=WindowRule(width=_SLIDING, default_period=4),
    ),
    Family(
        model_types=("granite",),
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        mlp_bias="mlp_bias",
    ),
    Family(
        model_types=("gemma",),
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        expects=_NO_BIDIRECTIONAL,
    ),
    Family(
        model_types=("gemma2",),
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        norms_per_layer=_four_norms,
        windows=WindowRule(width=("sliding_window", "sliding_window_size"), default_period=2),
        expects=_NO_BIDIRECTIONAL,
    ),
    Family(
        model_types=("gemma3_text",),
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        qk_norm=True,
        norms_per_layer=_four_norms,
        windows=WindowRule(
            width=_SLIDING,
            period=("sliding_window_pattern", "_sliding_window_pattern"),
            default_period=6,
        ),
        expects=_NO_BIDIRECTIONAL,
    ),
    Family(
        model_types=("glm4",),
        qkv_bias="attention_bias",
        norms_per_layer=_four_norms,
    ),
    Family(
        model_types=("ernie4_5",),
        qkv_bias="use_bias",
        out_bias="use_bias",
        mlp_bias="use_bias",
    ),
    Family(
        model_types=("cohere",),
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        qk_norm="use_qk_norm",
        norms=NormKind.LAYERNORM,
        norms_per_layer=_one_norm,
        parallel_block=True,
    ),
    Family(
        model_types=("cohere2",),
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        norms=NormKind.LAYERNORM,
        norms_per_layer=_one_norm,
        parallel_block=True,
        windows=WindowRule(
            width=_SLIDING,
            period=("sliding_window_pattern", "_sliding_window_pattern"),
            default_period=4,
        ),
        expects={"order_of_interleaved_layers": ("local_attn_first",), "layer_switch": (4,)},
        harmless="position_embedding_type use_embedding_sharing use_gated_activation use_parallel_block use_parallel_embedding",
    ),
    Family(
        model_types=("starcoder2",),
        qkv_bias="use_bias",
        out_bias="use_bias",
        mlp_bias="use_bias",
        gated=False,
        norms=NormKind.LAYERNORM,
        windows=WindowRule(width=_SLIDING),
        expects={"mlp_type": ("default",), "norm_type": ("layer_norm",)},
    ),
    Family(
        model_types=("nemotron",),
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        mlp_bias="mlp_bias",
        gated=False,
        norms=NormKind.LAYERNORM,
    ),
    Family(
        model_types=("gpt_neox",),
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        mlp_bias=True,
        gated=False,
        norms=NormKind.LAYERNORM,
        parallel_block="use_parallel_residual",
    ),
    Family(
        model_types=("gpt2",),
        names=ShapeNames(
            num_layers=("n_layer", "num_hidden_layers"),
            hidden_size=("n_embd", "hidden_size"),
            max_seq_len=("n_positions", "max_position_embeddings"),
            num_heads=("n_head", "num_attention_heads"),
            ffn_hidden_size=("n_inner",),
        ),
        qkv_bias=True,
        out_bias=True,
        mlp_bias=True,
        gated=False,
        norms=NormKind.LAYERNORM,
        learned_positions=True,
        ffn_multiple=4,
        harmless="n_ctx output_past",
    ),
    Family(
        model_types=("bloom",),
        names=ShapeNames(
            num_layers=("n_layer", "num_hidden_layers"),
            hidden_size=("n_embed", "hidden_size"),
            max_seq_len=("seq_length",),
            num_heads=("n_head", "num_attention_heads"),
            ffn_hidden_size=("n_inner",),
        ),
        qkv_bias=True,
        out_bias=True,
        mlp_bias=True,
        gated=False,
        norms=NormKind.LAYERNORM,
        ffn_multiple=4,
        default_seq_len=2048,
        harmless=(
            "attention_softmax_in_fp32 bias_dropout_fusion masked_softmax_fusion skip_bias_add"
            " skip_bias_add_qkv offset_alibi unk_token_id"
        ),
    ),
    Family(
        model_types=("falcon", "RefinedWeb", "RefinedWebModel"),
        names=ShapeNames(
            num_layers=("num_hidden_layers", "n_layer"),
            num_heads=("num_attention_heads", "n_head"),
            num_kv_heads=("num_kv_heads", "n_head_kv"),
            ffn_hidden_size=("ffn_hidden_size",),
        ),
        qkv_bias="bias",
        out_bias="bias",
        mlp_bias="bias",
        gated=False,
        norms=NormKind.LAYERNORM,
        norms_per_layer=_falcon_norms,
        parallel_block="parallel_attn",
        ffn_multiple=4,
        default_seq_len=2048,
        kv_heads=_falcon_kv_heads,
    ),
)

_MIXTURES = (
    Family(
        model_types=("mixtral",),
        windows=WindowRule(width=_SLIDING),
        moe=MoeRule(ffn_hidden_size=_EXPERT_WIDTH_IS_INTERMEDIATE),
    ),
    Family(
        model_types=("granitemoe", "granitemoeshared"),
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        moe=MoeRule(
            ffn_hidden_size=_EXPERT_WIDTH_IS_INTERMEDIATE,
            shared_width=("shared_intermediate_size",),
        ),
    ),
    Family(
        model_types=("gpt_oss",),
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        mlp_bias=True,
        windows=WindowRule(width=_SLIDING, default_period=2),
        moe=MoeRule(
            top_k=("num_experts_per_tok", "experts_per_token"),
            ffn_hidden_size=_EXPERT_WIDTH_IS_INTERMEDIATE,
        ),
    ),
    Family(
        model_types=("qwen2_moe",),
        qkv_bias="qkv_bias",
        windows=_QWEN_WINDOWS,
        moe=MoeRule(
            shared_width=("shared_expert_intermediate_size",),
            shared_expert_gate=True,
            layers=sparse_steps,
        ),
    ),
    Family(
        model_types=("qwen3_moe", "qwen3_vl_moe_text"),
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        qk_norm=True,
        windows=_QWEN_WINDOWS,
        moe=MoeRule(layers=sparse_steps),
        expects={
            "qkv_bias": (False,),
            "shared_expert_intermediate_size": (0,),
            "use_qk_norm": (True,),
        },
    ),
    Family(
        model_types=("phimoe",),
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        norms=NormKind.LAYERNORM,
        windows=WindowRule(width=_SLIDING),
        moe=MoeRule(ffn_hidden_size=_EXPERT_WIDTH_IS_INTERMEDIATE),
        harmless="lm_head_bias",
    ),
    Family(
        model_types=("olmoe",),
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        qk_norm=True,
        moe=MoeRule(ffn_hidden_size=_EXPERT_WIDTH_IS_INTERMEDIATE),
    ),
    Family(
        model_types=("minimax",),
        moe=MoeRule(ffn_hidden_size=_EXPERT_WIDTH_IS_INTERMEDIATE),
        harmless=(
            "block_size full_attn_alpha_factor full_attn_beta_factor linear_attn_alpha_factor"
            " linear_attn_beta_factor mlp_alpha_factor mlp_beta_factor"
        ),
    ),
    Family(
        model_types=("minimax_m2",),
        qk_norm=True,
        moe=MoeRule(
            ffn_hidden_size=_EXPERT_WIDTH_IS_INTERMEDIATE,
            shared_width=("shared_intermediate_size",),
        ),
        mtp="num_mtp_modules",
        expects={
            "attn_type_list": (1,),
            "mtp_transformer_layers": (1,),
            "use_mtp": (True,),
            "use_qk_norm": (True,),
        },
        harmless=(
            "layernorm_full_attention_beta layernorm_linear_attention_beta layernorm_mlp_beta"
            " mlp_intermediate_size qk_norm_type shared_moe_mode use_routing_bias"
        ),
    ),
    Family(
        model_types=("deepseek_v2",),
        attention=AttentionKind.MLA,
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        mlp_bias="mlp_bias",
        moe=MoeRule(
            num_experts=("n_routed_experts", "num_local_experts"),
            shared_count=("n_shared_experts",),
            groups=("n_group", "topk_group"),
            layers=after_dense_layers,
        ),
    ),
    Family(
        model_types=("deepseek_v3", "kimi_k2"),
        attention=AttentionKind.MLA,
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        moe=MoeRule(
            num_experts=("n_routed_experts", "num_local_experts"),
            shared_count=("n_shared_experts",),
            groups=("n_group", "topk_group"),
            layers=after_dense_layers,
        ),
        mtp="num_nextn_predict_layers",
    ),
    Family(
        model_types=("glm4_moe", "glm4v_moe_text"),
        qkv_bias="attention_bias",
        qk_norm="use_qk_norm",
        moe=MoeRule(
            num_experts=("n_routed_experts", "num_local_experts"),
            shared_count=("n_shared_experts",),
            groups=("n_group", "topk_group"),
            layers=after_dense_layers,
        ),
        mtp="num_nextn_predict_layers",
    ),
    Family(
        model_types=("llama4_text",),
        names=ShapeNames(ffn_hidden_size=("intermediate_size_mlp",)),
        qkv_bias="attention_bias",
        out_bias="attention_bias",
        qk_norm="use_qk_norm",
        windows=WindowRule(
            width=("attention_chunk_size",),
            chunked=True,
            default_period=4,
            no_rope="no_rope_layers",
            no_rope_period="no_rope_layer_interval",
        ),
        moe=MoeRule(ffn_hidden_size=_EXPERT_WIDTH_IS_INTERMEDIATE, shared=1, layers=interleaved),
    ),
    Family(
        model_types=("ernie4_5_moe",),
        qkv_bias="use_bias",
        out_bias="use_bias",
        mlp_bias="use_bias",
        moe=MoeRule(
            num_experts=("moe_num_experts", "num_local_experts"),
            top_k=("moe_k", "num_experts_per_tok"),
            shared_count=("moe_num_shared_experts",),
            layers=between_bounds,
        ),
        mtp="num_nextn_predict_layers",
        expects={"moe_gate": ("topk",), "moe_use_aux_free": (True, False)},
        harmless="moe_capacity",
    ),
    Family(
        model_types=("dbrx",),
        names=ShapeNames(
            num_layers=("n_layers", "num_hidden_layers"),
            hidden_size=("d_model", "hidden_size"),
            max_seq_len=("max_seq_len", "max_position_embeddings"),
            num_heads=("n_heads", "num_attention_heads"),
            num_kv_heads=("attn_config.kv_n_heads",),
            ffn_hidden_size=("ffn_config.ffn_hidden_size",),
        ),
        norms=NormKind.LAYERNORM,
        kv_heads=_stated_kv_heads,
        moe=MoeRule(
            num_experts=("ffn_config.moe_num_experts",),
            top_k=("ffn_config.moe_top_k",),
            ffn_hidden_size=("ffn_config.ffn_hidden_size",),
            layers=every_layer,
        ),
        harmless="num_key_value_heads ffn_config.hidden_size",
    ),
)

FAMILIES = MappingProxyType(
    {name: family for family in (*_DENSE, *_MIXTURES) for name in family.model_types}
)
"""Model type, as in the file, to how its family is read."""

TEXT_TYPES = MappingProxyType(
    {
        "gemma3": "gemma3_text",
        "llama4": "llama4_text",
        "llava": "llama",
        "llava_next": "llama",
        "mistral3": "mistral",
    }
)
"""Model type of a multimodal file to that of its ``text_config`` where that does not say."""
