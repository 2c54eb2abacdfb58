"""The model as Megatron-LM's ``pretrain_gpt.py`` builds it."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from placer.emit.argument import Argument, Section, flag
from placer.spec.model import AttentionKind, MlpKind, NormKind
from placer.spec.run import MoeDispatcher

if TYPE_CHECKING:
    from collections.abc import Iterable

    from placer.plan.plan import Plan
    from placer.spec.model import Attention, ModelSpec, MoE
    from placer.spec.run import RunSpec

VOCAB_DIVISOR: Final = 128
_NORM_NAMES: Final = {NormKind.RMSNORM: "RMSNorm", NormKind.LAYERNORM: "LayerNorm"}


def architecture(plan: Plan) -> tuple[Section, ...]:
    """Shape, attention and experts of the model."""
    model = plan.model
    sections = [_shape(plan), _attention(model.attention)]
    if model.moe is not None:
        sections.append(_experts(model, model.moe, plan))
    return tuple(sections)


def padded_vocab_size(vocab_size: int, tp: int) -> int:
    """Rows of the embedding table after padding to a multiple of 128 * tp."""
    block = VOCAB_DIVISOR * tp
    return -(-vocab_size // block) * block


def unsupported_parts(model: ModelSpec) -> tuple[str, ...]:
    """What no flag of ``pretrain_gpt.py`` says; the cost of these parts is in the plan all the same."""
    parts = {
        "attention and MLP in parallel": model.parallel_block,
        f"{model.norms_per_layer} norms per layer": model.norms_per_layer != 2,
        "attention in chunks of the sequence": model.attention.chunked,
        "biases in the attention output but not in the MLP, or the other way round": (
            model.attention.out_bias != model.mlp.bias
        ),
    }
    return tuple(part for part, present in parts.items() if present)


def _shape(plan: Plan) -> Section:
    model, run, tp = plan.model, plan.run, plan.strategy.tp
    width = model.mlp.ffn_hidden_size or (model.moe.ffn_hidden_size if model.moe else 0)
    positions = "learned_absolute" if model.learned_positions else "rope"
    rows = padded_vocab_size(model.vocab_size, tp)
    padding = "" if rows == model.vocab_size else f"padded to {rows}, "
    arguments = [
        flag("--num-layers", model.num_layers),
        flag("--hidden-size", model.hidden_size),
        flag("--ffn-hidden-size", width),
        flag("--num-attention-heads", model.attention.num_heads),
        flag("--seq-length", run.seq_len),
        flag("--max-position-embeddings", max(model.max_seq_len, run.seq_len)),
        flag("--position-embedding-type", positions),
        flag("--normalization", _NORM_NAMES[model.norms]),
        flag(
            "--make-vocab-size-divisible-by",
            VOCAB_DIVISOR,
            reason=f"Vocabulary: {model.vocab_size} rows, {padding}a multiple of {VOCAB_DIVISOR} * tp {tp}."
            f" The tokenizer must give {model.vocab_size}.",
        ),
        *_switches(model, run),
    ]
    if model.mtp_layers:
        arguments.append(flag("--mtp-num-layers", model.mtp_layers))
    notes = tuple(f"No flag says: {part}." for part in unsupported_parts(model))
    return Section(title="Model", arguments=tuple(arguments), notes=notes)


def _switches(model: ModelSpec, run: RunSpec) -> Iterable[Argument]:
    """The flags without a value."""
    if model.mlp.gated:
        yield flag("--swiglu")
    if not model.tied_embeddings:
        yield flag("--untie-embeddings-and-output-weights")
    if not model.mlp.bias:
        yield flag("--disable-bias-linear")
        if model.attention.qkv_bias:
            yield flag("--add-qkv-bias")
    if not run.features.dropout:
        yield flag("--attention-dropout", 0)
        yield flag("--hidden-dropout", 0)


def _attention(attention: Attention) -> Section:
    arguments = list(_latent(attention) if attention.kind is AttentionKind.MLA else _gqa(attention))
    if attention.qk_norm:
        arguments.append(flag("--qk-layernorm"))
    if attention.sliding_window is not None and not attention.chunked:
        arguments.append(flag("--window-size", f"{attention.sliding_window - 1},0"))
        if attention.full_attention_period:
            arguments.append(flag("--window-attn-skip-freq", attention.full_attention_period))
    return Section(title="Attention", arguments=tuple(arguments))


def _gqa(attention: Attention) -> Iterable[Argument]:
    yield flag("--kv-channels", attention.head_dim)
    if attention.num_kv_heads != attention.num_heads:
        yield flag("--group-query-attention")
        yield flag("--num-query-groups", attention.num_kv_heads)


def _latent(attention: Attention) -> Iterable[Argument]:
    yield flag("--multi-latent-attention")
    if attention.q_lora_rank is not None:
        yield flag("--q-lora-rank", attention.q_lora_rank)
    yield flag("--kv-lora-rank", attention.kv_lora_rank)
    yield flag("--qk-head-dim", attention.qk_nope_head_dim)
    yield flag("--qk-pos-emb-head-dim", attention.qk_rope_head_dim)
    yield flag("--v-head-dim", attention.v_head_dim)


def _experts(model: ModelSpec, moe: MoE, plan: Plan) -> Section:
    arguments = [
        flag("--num-experts", moe.num_experts),
        flag("--moe-router-topk", moe.top_k),
        flag("--moe-ffn-hidden-size", moe.ffn_hidden_size),
        flag("--moe-grouped-gemm"),
    ]
    if moe.shared_ffn_hidden_size:
        arguments.append(flag("--moe-shared-expert-intermediate-size", moe.shared_ffn_hidden_size))
    if moe.shared_expert_gate:
        arguments.append(flag("--moe-shared-expert-gate"))
    if model.has_dense_layers:
        arguments.append(flag("--moe-layer-freq", _layer_pattern(model)))
    if moe.num_groups > 1:
        arguments.append(flag("--moe-router-num-groups", moe.num_groups))
        arguments.append(flag("--moe-router-group-topk", moe.topk_groups))
    if moe.top_k == 1:
        reason = "Softmax after choosing one expert would have no gradient."
        arguments.append(flag("--moe-router-pre-softmax", reason=reason))
    notes = ("The router's score function and balancing do not change the plan; add your own.",)
    arguments += _dispatcher(plan)
    return Section(title="Experts", arguments=tuple(arguments), notes=notes)


def _layer_pattern(model: ModelSpec) -> str:
    """Dense (0) and MoE (1) layers in order, as the list expression Megatron-LM evaluates."""
    kinds = [int(layer.mlp is MlpKind.MOE) for layer in model.layers]
    runs = [(kind, len(list(same))) for kind, same in groupby(kinds)]
    return "+".join(f"[{kind}]*{count}" for kind, count in runs)


def _dispatcher(plan: Plan) -> Iterable[Argument]:
    """How tokens travel; the flex back ends need more than one GPU to send them to."""
    dispatcher, strategy = plan.run.features.moe_dispatcher, plan.strategy
    flexible = dispatcher in (MoeDispatcher.DEEPEP, MoeDispatcher.HYBRIDEP)
    if flexible and strategy.ep * strategy.etp > 1:
        yield flag("--moe-token-dispatcher-type", "flex")
        yield flag("--moe-flex-dispatcher-backend", dispatcher.value)
    elif flexible:
        yield flag("--moe-token-dispatcher-type", MoeDispatcher.ALLTOALL.value)
    else:
        yield flag("--moe-token-dispatcher-type", dispatcher.value)
