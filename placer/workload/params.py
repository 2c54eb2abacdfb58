"""Parameter counts from the shape: exact up to router biases, sinks and the width of q/k norms.

Every count is the number of elements. Conventions: h hidden size, a query heads, g key/value
heads, d width of a query or key head, v width of a value head, f feed-forward width, E experts,
k experts per token. ``total`` never includes multi-token-prediction modules: that is how
DeepSeek-V3 states 671B (its files hold 11.5B more of MTP weights that are not shared).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from placer.spec.model import (
    Attention,
    AttentionKind,
    LayerClass,
    MlpKind,
    ModelSpec,
    MoE,
    NormKind,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerParams:
    """Parameters of one decoder layer (elements), by what parallelism does to them.

    ``attention`` and ``mlp`` (dense block or shared expert) are divided by tensor parallelism.
    ``latent`` (MLA's down projections and their norms), ``router`` and ``norms`` (with q/k norms and
    the biases behind row-parallel products) are not. ``experts`` are all routed experts, divided by
    expert parallelism; ``active_experts`` those of them one token uses.
    """

    attention: int = 0
    latent: int = 0
    mlp: int = 0
    router: int = 0
    norms: int = 0
    experts: int = 0
    active_experts: int = 0

    def __add__(self, other: LayerParams) -> LayerParams:
        return LayerParams(
            attention=self.attention + other.attention,
            latent=self.latent + other.latent,
            mlp=self.mlp + other.mlp,
            router=self.router + other.router,
            norms=self.norms + other.norms,
            experts=self.experts + other.experts,
            active_experts=self.active_experts + other.active_experts,
        )

    @property
    def replicated(self) -> int:
        """What every tensor-parallel rank holds whole."""
        return self.latent + self.router + self.norms

    @property
    def dense(self) -> int:
        """Everything but routed experts: what data parallelism averages over dp."""
        return self.attention + self.mlp + self.replicated

    @property
    def total(self) -> int:
        """All parameters of the layer."""
        return self.dense + self.experts

    @property
    def active(self) -> int:
        """Parameters one token uses."""
        return self.dense + self.active_experts


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelParams:
    """Parameters of the whole model (elements), by component.

    ``dense_layers`` and ``moe_layers`` are sums over decoder layers. ``head`` is 0 when tied to the
    embedding. ``mtp`` is what all MTP modules add; embedding and head are shared with them.
    """

    embedding: int
    positions: int
    dense_layers: LayerParams
    moe_layers: LayerParams
    final_norm: int
    head: int
    mtp: int

    @property
    def layers(self) -> LayerParams:
        """All decoder layers."""
        return self.dense_layers + self.moe_layers

    @property
    def total(self) -> int:
        """All parameters but the MTP modules."""
        return self.embedding + self.positions + self.layers.total + self.final_norm + self.head

    @property
    def total_with_mtp(self) -> int:
        """All parameters that are trained."""
        return self.total + self.mtp

    @property
    def active(self) -> int:
        """Parameters a token uses, the embedding table counted whole; without MTP."""
        return self.total - self.layers.experts + self.layers.active_experts

    @property
    def active_without_embedding(self) -> int:
        """The same without the embedding table, of which a token reads one row.

        How the gpt-oss model card (arXiv 2508.10925, table 1) counts active parameters. A tied
        table stays, as the head.
        """
        return self.active - (self.embedding if self.head else 0) - self.positions


def layer_params(model: ModelSpec, layer: LayerClass) -> LayerParams:
    """Parameters of one decoder layer of this class."""
    return layer_matrices(model, layer) + _layer_vectors(model, layer)


def layer_matrices(model: ModelSpec, layer: LayerClass) -> LayerParams:
    """Weights of the layer's matrix products: attention, dense block or router and experts.

    A block is (3 if gated else 2) h f; a shared expert is one block of its total width.
    """
    attention = _attention_matrices(model.attention, model.hidden_size)
    block = (3 if model.mlp.gated else 2) * model.hidden_size
    if layer.mlp is MlpKind.DENSE:
        return attention + LayerParams(mlp=block * model.mlp.ffn_hidden_size)
    moe = _moe_of(model)
    return attention + LayerParams(
        mlp=block * moe.shared_ffn_hidden_size,
        router=router_params(moe, model.hidden_size),
        experts=moe.num_experts * block * moe.ffn_hidden_size,
        active_experts=moe.top_k * block * moe.ffn_hidden_size,
    )


def _layer_vectors(model: ModelSpec, layer: LayerClass) -> LayerParams:
    """Norms and biases of the layer: up-projection biases f (2 f when gated), down-projection h."""
    vectors = _attention_vectors(model.attention, model.hidden_size)
    vectors += LayerParams(norms=model.norms_per_layer * norm_params(model))
    if not model.mlp.bias:
        return vectors
    ups, hidden = (2 if model.mlp.gated else 1), model.hidden_size
    if layer.mlp is MlpKind.DENSE:
        return vectors + LayerParams(mlp=ups * model.mlp.ffn_hidden_size, norms=hidden)
    moe = _moe_of(model)
    expert = ups * moe.ffn_hidden_size + hidden
    return vectors + LayerParams(
        mlp=ups * moe.shared_ffn_hidden_size,
        norms=hidden if moe.shared_ffn_hidden_size else 0,
        experts=moe.num_experts * expert,
        active_experts=moe.top_k * expert,
    )


def _moe_of(model: ModelSpec) -> MoE:
    assert model.moe is not None, "a MoE layer needs a MoE block"
    return model.moe


def router_params(moe: MoE, hidden_size: int) -> int:
    """Router h E, plus h for the gate of a shared expert (Qwen2-MoE); its bias is left out."""
    return hidden_size * (moe.num_experts + (1 if moe.shared_expert_gate else 0))


def _attention_matrices(attention: Attention, hidden_size: int) -> LayerParams:
    """Projections into and out of attention.

    GQA: h (a d + g (d + v)) in, a v h out. MLA (DeepSeek-V2, arXiv 2405.04434, equations 9 to 19):
    down projections h (r_q + r_kv + rope), up projections r_q a d + r_kv a (nope + v); without a
    query latent the query projection is h a d.
    """
    query_width = attention.num_heads * attention.head_dim
    out = attention.num_heads * attention.v_head_dim * hidden_size
    if attention.kind is AttentionKind.GQA:
        key_value_width = attention.num_kv_heads * (attention.head_dim + attention.v_head_dim)
        return LayerParams(attention=hidden_size * (query_width + key_value_width) + out)
    latent_width = attention.num_heads * (attention.qk_nope_head_dim + attention.v_head_dim)
    query_input = attention.q_lora_rank or hidden_size
    down_width = attention.kv_lora_rank + attention.qk_rope_head_dim + (attention.q_lora_rank or 0)
    return LayerParams(
        attention=query_input * query_width + attention.kv_lora_rank * latent_width + out,
        latent=hidden_size * down_width,
    )


def _attention_vectors(attention: Attention, hidden_size: int) -> LayerParams:
    """Biases and norms of attention.

    MLA normalises its latents and, with ``qkv_bias``, biases the down projections only.
    """
    norms = hidden_size if attention.out_bias else 0
    norms += 2 * attention.head_dim if attention.qk_norm else 0
    if attention.kind is AttentionKind.MLA:
        latents = attention.kv_lora_rank + (attention.q_lora_rank or 0)
        bias = latents + attention.qk_rope_head_dim if attention.qkv_bias else 0
        return LayerParams(latent=latents + bias, norms=norms)
    query_width = attention.num_heads * attention.head_dim
    key_value_width = attention.num_kv_heads * (attention.head_dim + attention.v_head_dim)
    bias = query_width + key_value_width if attention.qkv_bias else 0
    return LayerParams(attention=bias, norms=norms)


def norm_params(model: ModelSpec) -> int:
    """One norm over the hidden size: a weight, and a bias for LayerNorm."""
    return model.hidden_size * (2 if model.norms is NormKind.LAYERNORM else 1)


def mtp_module_params(model: ModelSpec) -> LayerParams:
    """One MTP module: a layer, the 2h -> h projection of its two inputs, three norms.

    DeepSeek-V3 (arXiv 2412.19437), section 2.2; embedding and head are the model's own. 11.5B for
    DeepSeek-V3, as its published weight files say.
    """
    merge = LayerParams(attention=2 * model.hidden_size**2, norms=3 * norm_params(model))
    return layer_params(model, model.mtp_layer) + merge


def count_params(model: ModelSpec) -> ModelParams:
    """All parameters of the model, by component."""
    table = model.hidden_size * model.vocab_size
    return ModelParams(
        embedding=table,
        positions=model.hidden_size * model.max_seq_len if model.learned_positions else 0,
        dense_layers=_sum_of_layers(model, MlpKind.DENSE),
        moe_layers=_sum_of_layers(model, MlpKind.MOE),
        final_norm=norm_params(model),
        head=0 if model.tied_embeddings else table,
        mtp=model.mtp_layers * mtp_module_params(model).total,
    )


def _sum_of_layers(model: ModelSpec, kind: MlpKind) -> LayerParams:
    per_class = {layer: layer_params(model, layer) for layer in model.layer_classes}
    of_kind = (per_class[layer] for layer in model.layers if layer.mlp is kind)
    return sum(of_kind, start=LayerParams())


def active_matmul_params(model: ModelSpec) -> int:
    """Matrix parameters one trained token multiplies with, forward; the N of 6 N FLOPs per token.

    Projections, active experts, router and output head (also when tied), and the MTP modules with
    the head once more each. Look-ups, norms and biases do no matrix product.
    """
    head = model.hidden_size * model.vocab_size
    layers = sum(
        count * layer_matrices(model, layer).active
        for layer, count in Counter(model.layers).items()
    )
    mtp = layer_matrices(model, model.mtp_layer).active + 2 * model.hidden_size**2 + head
    return layers + head + model.mtp_layers * mtp
