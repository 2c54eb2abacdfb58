"""A model as a person would want to see it: shape, layers, parameters, FLOPs per token."""

from __future__ import annotations

from collections.abc import Iterator

from placer.spec.model import AttentionKind, LayerClass, MlpKind, ModelSpec
from placer.units import format_count
from placer.workload.flops import model_flops_per_token
from placer.workload.params import ModelParams, count_params

_TRAINING_LENGTH = 4096
Row = tuple[str, int, int]
"""A component, its parameters, and those of them one token uses."""


def render_model(model: ModelSpec) -> str:
    """Lay the model out as plain text, no line wider than it needs to be."""
    sections = [
        [model.name, f"  {model.source}"],
        ["Shape", *_table(_shape(model))],
        ["Layers", *_table(_layers(model))],
        ["Parameters", *_parameters(model)],
        ["FLOPs per trained token (forward and backward, causal attention halved)", *_flops(model)],
    ]
    return "\n\n".join("\n".join(section) for section in sections)


def _table(rows: Iterator[tuple[str, str]]) -> list[str]:
    pairs = list(rows)
    width = max(len(name) for name, _ in pairs)
    return [f"  {name:<{width}}  {value}" for name, value in pairs]


def _shape(model: ModelSpec) -> Iterator[tuple[str, str]]:
    yield "layers", f"{model.num_layers}"
    yield "hidden size", f"{model.hidden_size:,}"
    yield "vocabulary", f"{model.vocab_size:,}" + (", head tied" if model.tied_embeddings else "")
    positions = ", learned positions" if model.learned_positions else ""
    yield "longest sequence", f"{model.max_seq_len:,} tokens{positions}"
    yield "attention", _attention(model)
    if model.has_dense_layers:
        yield "dense MLP", f"{model.mlp.ffn_hidden_size:,} wide{_traits(model)}"
    if model.moe is not None:
        yield "experts", _experts(model)
    if model.mtp_layers:
        yield "MTP modules", f"{model.mtp_layers}"
    block = ", attention and MLP in parallel" if model.parallel_block else ""
    yield "norms", f"{model.norms.value}, {model.norms_per_layer} per layer{block}"


def _attention(model: ModelSpec) -> str:
    attention = model.attention
    if attention.kind is AttentionKind.MLA:
        query = f"query {attention.q_lora_rank}, " if attention.q_lora_rank else ""
        return (
            f"latent (MLA): {attention.num_heads} heads of {attention.qk_nope_head_dim} +"
            f" {attention.qk_rope_head_dim} rotary, values {attention.v_head_dim}; latents"
            f" {query}key/value {attention.kv_lora_rank}"
        )
    extras = [
        *(["q/k norm"] if attention.qk_norm else []),
        *(["q/k/v bias"] if attention.qkv_bias else []),
    ]
    heads = f"{attention.num_heads} heads of {attention.head_dim}"
    shared = f", {attention.num_kv_heads} key/value heads"
    return heads + shared + "".join(f", {extra}" for extra in extras)


def _traits(model: ModelSpec) -> str:
    return (", gated" if model.mlp.gated else "") + (", bias" if model.mlp.bias else "")


def _experts(model: ModelSpec) -> str:
    moe = model.moe
    assert moe is not None, "asked of a MoE model only"
    text = f"{moe.num_experts} of {moe.ffn_hidden_size:,}{_traits(model)}; {moe.top_k} per token"
    if moe.shared_ffn_hidden_size:
        text += f"; shared {moe.shared_ffn_hidden_size:,}"
    if moe.num_groups > 1:
        text += f"; from {moe.topk_groups} of {moe.num_groups} groups"
    return text


def _layers(model: ModelSpec) -> Iterator[tuple[str, str]]:
    """The layers in order, a repeated pattern written once."""
    start = model.first_dense_layers
    if start:
        yield _range(0, start), _repeated(model.layers[:start])
    pattern = model.layers[start : start + model.layer_period]
    repeats, rest = divmod(model.num_layers - start, len(pattern))
    end = model.num_layers - rest
    if len(pattern) == 1:
        yield _range(start, end), _repeated(model.layers[start:end])
    else:
        yield _range(start, end), f"{repeats} x ({_repeated(pattern)})"
    if rest:
        yield _range(end, model.num_layers), _repeated(model.layers[end:])


def _range(start: int, end: int) -> str:
    return f"{start}" if end - start == 1 else f"{start}-{end - 1}"


def _repeated(layers: tuple[LayerClass, ...]) -> str:
    """Runs of equal layers: ``3 dense, 1 MoE``."""
    runs: list[tuple[LayerClass, int]] = []
    for layer in layers:
        if runs and runs[-1][0] == layer:
            runs[-1] = (layer, runs[-1][1] + 1)
        else:
            runs.append((layer, 1))
    return ", ".join(f"{count} {_layer(layer)}" for layer, count in runs)


def _layer(layer: LayerClass) -> str:
    mlp = "MoE" if layer.mlp is MlpKind.MOE else "dense"
    if layer.window is None:
        return mlp
    return f"{mlp} with {'chunks' if layer.chunked else 'a window'} of {layer.window:,} tokens"


def _parameters(model: ModelSpec) -> list[str]:
    params = count_params(model)
    rows = [row for row in _components(model, params) if row[1]]
    rows.append(("sum", params.total, params.active))
    width = max(len(name) for name, _, _ in rows)
    has_experts = model.moe is not None
    lines = [f"  {'':<{width}}  {'total':>7}{'  per token' if has_experts else ''}"]
    for name, total, active in rows:
        per_token = f"  {format_count(active):>9}" if has_experts else ""
        lines.append(f"  {name:<{width}}  {format_count(total):>7}{per_token}")
    return lines + [f"  {note}" for note in _notes(model, params)]


def _components(model: ModelSpec, params: ModelParams) -> Iterator[Row]:
    layers = params.layers
    attention = layers.attention + layers.latent
    small = layers.router + layers.norms + params.final_norm
    embedding = params.embedding + params.positions
    yield "embedding", embedding, embedding
    yield "attention", attention, attention
    yield "dense MLP", params.dense_layers.mlp, params.dense_layers.mlp
    yield "routed experts", layers.experts, layers.active_experts
    yield "shared experts", params.moe_layers.mlp, params.moe_layers.mlp
    yield "routers and norms" if model.moe else "norms", small, small
    yield "output head", params.head, params.head


def _notes(model: ModelSpec, params: ModelParams) -> Iterator[str]:
    if params.mtp:
        yield f"{format_count(params.mtp)} more in MTP modules"
    if model.params_published:
        percent = round(100 * (params.total / model.params_published - 1), 2) + 0.0
        published = format_count(model.params_published)
        yield f"published: {published} (the sum is {percent:+.2f} % off)"
    if model.active_params_published:
        yield f"published per token: {format_count(model.active_params_published)}"


def _flops(model: ModelSpec) -> list[str]:
    lengths = sorted({min(_TRAINING_LENGTH, model.max_seq_len), model.max_seq_len})
    texts = [f"{length:,} tokens" for length in lengths]
    width = max(len(text) for text in texts)
    return [
        f"  at {text:>{width}}  {model_flops_per_token(model, length) / 1e9:>8,.1f} GFLOP"
        for text, length in zip(texts, lengths, strict=True)
    ]
