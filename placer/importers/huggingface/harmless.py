"""Fields of a config.json that leave parameters, FLOPs, bytes and messages alone, and why."""

from __future__ import annotations

import re
from types import MappingProxyType

HARMLESS = MappingProxyType(
    {
        "tokenizer and generation": """
            bad_words_ids begin_suppress_tokens cache_implementation diversity_penalty do_sample
            early_stopping encoder_no_repeat_ngram_size exponential_decay_length_penalty
            forced_bos_token_id forced_eos_token_id length_penalty max_length min_length
            no_repeat_ngram_size num_beam_groups num_beams num_return_sequences output_scores
            remove_invalid_values repetition_penalty return_dict_in_generate suppress_tokens
            task_specific_params temperature tokenizer_class top_k top_p typical_p use_cache
            num_logits_to_keep prefix ignore_index tf_legacy_loss model_max_length
        """,
        "bookkeeping of the file": """
            _name_or_path _commit_hash _attn_implementation _attn_implementation_internal
            _attn_implementation_autoset _experts_implementation architectures auto_map
            transformers_version model_type return_dict torchscript output_attentions
            output_hidden_states output_router_logits id2label label2id finetuning_task
            problem_type gradient_checkpointing use_return_dict attn_implementation
            _from_model_config model_name_or_path unsloth_version unsloth_fixed
        """,
        "numbers kept: the run says the precision, the file how weights are stored": """
            dtype torch_dtype use_bfloat16 quantization_config compression_config
        """,
        "initial values and constants of an operator, its size unchanged": """
            initializer_range initializer_factor init_std rms_norm_eps layer_norm_eps norm_eps
            layer_norm_epsilon norm_epsilon hidden_act hidden_activation activation
            activation_function attn_scale attention_multiplier embedding_multiplier
            residual_multiplier logits_scaling logit_scale scale_attn_weights
            scale_attn_by_inverse_layer_idx query_pre_attn_scalar swiglu_alpha swiglu_limit
            attn_temperature_tuning floor_scale routed_scaling_factor initial_context_length
        """,
        "element-wise extras below the error of a cost model": """
            attention_dropout attn_dropout attn_pdrop embd_pdrop emb_pdrop resid_pdrop dropout
            hidden_dropout residual_dropout embedding_dropout classifier_dropout
            attn_logit_softcapping final_logit_softcapping clip_qkv
            apply_residual_connection_post_layernorm residual_in_fp32 is_decoder
        """,
        "positions: rotary tables and alibi cost the same everywhere": """
            rope_theta rope_scaling rope_parameters rope_interleave rope_interleaved
            rope_local_base_freq rope_type rope_pct rotary_pct rotary_dim rotary_emb_base
            rotary_emb_fraction partial_rotary_factor original_max_position_embeddings alibi
            compression_ratio rope_reduction use_mrope mrope_section
        """,
        "router: scores, losses and jitter; experts and groups are read": """
            norm_topk_prob scoring_func router_aux_loss_coef router_jitter_noise
            router_z_loss_coef aux_loss_alpha seq_aux moe_norm_min moe_jitter_eps
            moe_loss_weight moe_normalize_expert_weights uniform_expert_assignment
            input_jitter_noise
        """,
        "how one program runs the model": """
            pretraining_tp ep_size slow_but_exact reorder_and_upcast_attn
            chunk_size_feed_forward for_llm_compressor tie_encoder_decoder ffn_act_fn init_device
        """,
        "heads other than the language model's": """
            summary_type summary_use_proj summary_activation summary_proj_to_labels
            summary_first_dropout num_labels
        """,
    }
)
"""Reason to the fields it holds for."""

MULTIMODAL = """
    vision_config audio_config vision_feature_layer vision_feature_select_strategy
    mm_tokens_per_image projector_hidden_act multimodal_projector_bias spatial_merge_size
    image_seq_length image_grid_pinpoints use_unified_vision_chunk video_placeholder
"""
"""Fields around a nested text model; placer plans the text model's training."""

_HARMLESS_WHEN_FALSE = frozenset({"add_cross_attention", "is_encoder_decoder"})
_NAMES = frozenset(name for names in HARMLESS.values() for name in names.split())
_TOKENS = re.compile(r"(?:\w+_)?(?:token|tok)_(?:id|ids|index)|bo[ist]_token_index|\w+_token_index")


def is_harmless(name: str, value: object) -> bool:
    """Whether a field, by the last part of its dotted name, never changes the cost."""
    last = name.rpartition(".")[2]
    if value is None or (value is False and last in _HARMLESS_WHEN_FALSE):
        return True
    return last in _NAMES or _TOKENS.fullmatch(last) is not None
