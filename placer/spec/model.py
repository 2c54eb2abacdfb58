"""The model to be trained: its shape, as a user writes it or an importer reads it.

Only what changes parameters, FLOPs, bytes or communication is here. What does not (activation
function, rotary base, dropout, router bias, attention sinks, logit soft-capping) is left out on
purpose: it is below the error of any cost model.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from placer.units import Dimension, parse_quantity

MAX_LAYERS = 10_000
MAX_WIDTH = 1 << 31

Layers = Annotated[int, Field(strict=True, ge=1, le=MAX_LAYERS)]
Width = Annotated[int, Field(strict=True, ge=1, le=MAX_WIDTH)]
OptionalWidth = Annotated[int, Field(strict=True, ge=0, le=MAX_WIDTH)]
Flag = Annotated[bool, Field(strict=True)]
ParameterCount = Annotated[
    float,
    BeforeValidator(lambda text: parse_quantity(text, Dimension.COUNT)),
    Field(gt=0, lt=1e18),
    WithJsonSchema({"type": ["number", "string"], "exclusiveMinimum": 0}),
]

FROZEN = ConfigDict(
    frozen=True, extra="forbid", validate_default=True, use_attribute_docstrings=True
)


class NormKind(StrEnum):
    """Normalisation layer: RMSNorm has a weight, LayerNorm a weight and a bias."""

    RMSNORM = "rmsnorm"
    LAYERNORM = "layernorm"


class AttentionKind(StrEnum):
    """Grouped-query attention (multi-head and multi-query are its ends), or multi-head latent."""

    GQA = "gqa"
    MLA = "mla"


class MlpKind(StrEnum):
    """What follows attention in a decoder layer."""

    DENSE = "dense"
    MOE = "moe"


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerClass:
    """Decoder layers that cost the same.

    ``window`` is the number of keys a query can reach, None for all before it. When ``chunked``,
    the window does not slide: the sequence is cut into blocks of that many tokens and a query sees
    its own block only, half of it on average.
    """

    mlp: MlpKind
    window: int | None = None
    chunked: bool = False

    @property
    def name(self) -> str:
        """Short name, such as ``dense``, ``moe_w128`` (window) or ``dense_c8192`` (chunk)."""
        if self.window is None:
            return self.mlp.value
        return f"{self.mlp.value}_{'c' if self.chunked else 'w'}{self.window}"


class Attention(BaseModel):
    """The attention block of every layer.

    For ``gqa`` the projections are num_heads and 2 * num_kv_heads heads wide. For ``mla``
    (DeepSeek-V2, arXiv 2405.04434, section 2.1) queries, keys and values pass through low-rank
    latents; head_dim is then qk_nope_head_dim + qk_rope_head_dim.
    """

    model_config = FROZEN

    kind: AttentionKind = AttentionKind.GQA
    num_heads: Width
    """Query heads."""
    num_kv_heads: Width = Field(default_factory=lambda data: data.get("num_heads", 1))
    """Key/value heads; as many as query heads when not given (multi-head attention, MLA)."""
    qk_nope_head_dim: OptionalWidth = 0
    """MLA: width per head of the part of queries and keys without position."""
    qk_rope_head_dim: OptionalWidth = 0
    """MLA: width of the rotary part; its key is shared by all heads."""
    head_dim: Width = Field(
        default_factory=lambda data: (
            data.get("qk_nope_head_dim", 0) + data.get("qk_rope_head_dim", 0)
        )
    )
    """Width of one query or key head; needed for gqa, qk_nope + qk_rope for mla."""
    v_head_dim: Width = Field(default_factory=lambda data: data.get("head_dim", 1))
    """Width of one value head; head_dim when not given."""
    q_lora_rank: Width | None = None
    """MLA: width of the query latent; none when queries are projected directly."""
    kv_lora_rank: OptionalWidth = 0
    """MLA: width of the key/value latent."""
    qkv_bias: Flag = False
    """Query, key and value projections have a bias."""
    out_bias: Flag = False
    """The output projection has a bias."""
    qk_norm: Flag = False
    """Queries and keys are normalised per head (one weight of head_dim each)."""
    sliding_window: Width | None = None
    """Keys a query can reach on layers that are not full; none: all layers are full."""
    chunked: Flag = False
    """The window is a block of the sequence and does not slide (Llama 4)."""
    full_attention_period: OptionalWidth = 1
    """With a window: every N-th layer sees everything, 0 none. Without: 1."""

    @field_validator("num_kv_heads")
    @classmethod
    def _kv_heads_divide_heads(cls, num_kv_heads: int, info: ValidationInfo) -> int:
        num_heads = info.data.get("num_heads", num_kv_heads)
        if info.data.get("kind") is AttentionKind.MLA and num_kv_heads != num_heads:
            raise ValueError(
                f"expected num_heads ({num_heads}), found {num_kv_heads}: in latent attention each"
                " head has its own keys and values. Leave num_kv_heads out"
            )
        if num_heads % num_kv_heads:
            raise ValueError(
                f"expected a divisor of num_heads ({num_heads}), found {num_kv_heads}:"
                f" {num_heads} % {num_kv_heads} = {num_heads % num_kv_heads}"
            )
        return num_kv_heads

    @field_validator("qk_nope_head_dim", "qk_rope_head_dim", "kv_lora_rank")
    @classmethod
    def _latent_width_fits_kind(cls, width: int, info: ValidationInfo) -> int:
        kind = info.data.get("kind")
        if kind is AttentionKind.MLA and width == 0 and info.field_name == "kv_lora_rank":
            raise ValueError("expected > 0 for kind mla, found 0. Give the key/value latent width")
        if kind is AttentionKind.GQA and width:
            raise ValueError(
                f"expected 0 for kind gqa, found {width}. Remove it, or set kind to mla"
            )
        return width

    @field_validator("q_lora_rank")
    @classmethod
    def _query_latent_only_in_mla(cls, rank: int | None, info: ValidationInfo) -> int | None:
        if rank is not None and info.data.get("kind") is AttentionKind.GQA:
            raise ValueError(f"expected none for kind gqa, found {rank}. Set kind to mla")
        return rank

    @field_validator("head_dim", mode="before")
    @classmethod
    def _head_dim_given(cls, head_dim: object, info: ValidationInfo) -> object:
        kind = info.data.get("kind")
        if head_dim == 0 and kind is AttentionKind.GQA:
            raise ValueError("expected the width of one head, found nothing. Add head_dim")
        if head_dim == 0 and kind is AttentionKind.MLA:
            raise ValueError("expected qk_nope_head_dim + qk_rope_head_dim > 0, found 0")
        return head_dim

    @field_validator("head_dim")
    @classmethod
    def _head_dim_is_sum_of_parts(cls, head_dim: int, info: ValidationInfo) -> int:
        nope = info.data.get("qk_nope_head_dim", 0)
        rope = info.data.get("qk_rope_head_dim", 0)
        if info.data.get("kind") is AttentionKind.MLA and head_dim != nope + rope:
            raise ValueError(
                f"expected qk_nope_head_dim + qk_rope_head_dim = {nope} + {rope} = {nope + rope},"
                f" found {head_dim}. Leave head_dim out for kind mla"
            )
        return head_dim

    @field_validator("chunked")
    @classmethod
    def _chunk_needs_width(cls, chunked: bool, info: ValidationInfo) -> bool:
        if chunked and info.data.get("sliding_window") is None:
            raise ValueError("expected sliding_window to give the chunk's width, found none")
        return chunked

    @field_validator("full_attention_period")
    @classmethod
    def _period_fits_window(cls, period: int, info: ValidationInfo) -> int:
        if "sliding_window" not in info.data:
            return period
        window = info.data["sliding_window"]
        if window is None and period != 1:
            raise ValueError(
                f"expected 1 without a sliding_window, found {period}. Add sliding_window"
            )
        if window is not None and period == 1:
            raise ValueError(
                f"expected 0 (window {window} on every layer) or >= 2 (every N-th layer full),"
                " found 1, which leaves no layer for the window"
            )
        return period

    def window_of(self, layer_index: int) -> int | None:
        """Keys a query of this layer can reach; None for all. Layers count from 0."""
        if self.sliding_window is None:
            return None
        period = self.full_attention_period
        is_full = period > 0 and (layer_index + 1) % period == 0
        return None if is_full else self.sliding_window


class Mlp(BaseModel):
    """The feed-forward block; ``gated`` and ``bias`` hold for experts too."""

    model_config = FROZEN

    ffn_hidden_size: OptionalWidth = 0
    """Width of dense layers; 0 only when no layer is dense."""
    gated: Flag = True
    """Two up projections multiplied (SwiGLU, GeGLU) instead of one."""
    bias: Flag = False
    """Projections have a bias."""


class MoE(BaseModel):
    """Mixture of experts: what it is and which layers have it.

    Layers before ``first_dense_layers`` are dense; of the rest every ``layer_period``-th is MoE,
    counted so that the last of each period is.
    """

    model_config = FROZEN

    num_experts: Width
    """Routed experts per MoE layer."""
    top_k: Width
    """Routed experts one token visits."""
    ffn_hidden_size: Width
    """Width of one routed expert."""
    shared_ffn_hidden_size: OptionalWidth = 0
    """Total width of the experts every token visits; 0 for none."""
    shared_expert_gate: Flag = False
    """The shared expert's output is scaled by a learned gate (Qwen2-MoE)."""
    first_dense_layers: Annotated[int, Field(strict=True, ge=0, le=MAX_LAYERS)] = 0
    """Leading layers without experts."""
    layer_period: Layers = 1
    """Every N-th layer after the dense ones is MoE."""
    num_groups: Width = 1
    """Groups of experts for node-limited routing; 1: routing is not limited."""
    topk_groups: Width = 1
    """Groups one token may visit."""

    @field_validator("top_k")
    @classmethod
    def _top_k_within_experts(cls, top_k: int, info: ValidationInfo) -> int:
        num_experts = info.data.get("num_experts", top_k)
        if top_k > num_experts:
            raise ValueError(f"expected at most num_experts ({num_experts}), found {top_k}")
        return top_k

    @field_validator("shared_expert_gate")
    @classmethod
    def _gate_needs_shared_expert(cls, gate: bool, info: ValidationInfo) -> bool:
        if gate and info.data.get("shared_ffn_hidden_size") == 0:
            raise ValueError("expected false without shared_ffn_hidden_size, found true")
        return gate

    @field_validator("num_groups")
    @classmethod
    def _groups_divide_experts(cls, num_groups: int, info: ValidationInfo) -> int:
        num_experts = info.data.get("num_experts", num_groups)
        if num_experts % num_groups:
            raise ValueError(
                f"expected a divisor of num_experts ({num_experts}), found {num_groups}:"
                f" {num_experts} % {num_groups} = {num_experts % num_groups}"
            )
        return num_groups

    @field_validator("topk_groups")
    @classmethod
    def _chosen_groups_hold_top_k(cls, topk_groups: int, info: ValidationInfo) -> int:
        num_groups = info.data.get("num_groups", topk_groups)
        if topk_groups > num_groups:
            raise ValueError(f"expected at most num_groups ({num_groups}), found {topk_groups}")
        reachable = topk_groups * info.data.get("num_experts", 0) // num_groups
        top_k = info.data.get("top_k", 0)
        if 0 < reachable < top_k:
            raise ValueError(
                f"expected groups with at least top_k ({top_k}) experts, found {topk_groups}"
                f" group(s) with {reachable}"
            )
        return topk_groups

    def is_moe(self, layer_index: int) -> bool:
        """Whether this layer routes tokens to experts. Layers count from 0."""
        behind_dense = layer_index - self.first_dense_layers
        return behind_dense >= 0 and (behind_dense + 1) % self.layer_period == 0


class ModelSpec(BaseModel):
    """A decoder-only transformer.

    Parameters follow from the shape (``placer.workload.params``); ``params_published`` and
    ``active_params_published`` are what its owners say, for comparison only.
    """

    model_config = FROZEN

    name: Annotated[str, Field(min_length=1, max_length=200)]
    source: Annotated[str, Field(max_length=2000)] = "not stated"
    """Where the figures come from."""
    params_published: ParameterCount | None = None
    """Total parameters its owners state, MTP modules left out; a number or ``405B``."""
    active_params_published: ParameterCount | None = None
    """Parameters per token its owners state."""
    num_layers: Layers
    """Decoder layers, MTP modules left out."""
    hidden_size: Width
    vocab_size: Width
    max_seq_len: Width
    """Longest sequence the model was made for (tokens)."""
    tied_embeddings: Flag = False
    """The output head is the embedding table."""
    learned_positions: Flag = False
    """Positions are a table of max_seq_len rows."""
    norms: NormKind = NormKind.RMSNORM
    norms_per_layer: Annotated[int, Field(strict=True, ge=1, le=4)] = 2
    """Norms over the hidden size per layer: 1 in parallel blocks, 4 in Gemma 2 and 3."""
    parallel_block: Flag = False
    """Attention and MLP read the same input and are added together (GPT-J, Falcon, Cohere)."""
    attention: Attention
    mlp: Mlp
    moe: MoE | None = None
    """None: every layer is dense."""
    mtp_layers: Annotated[int, Field(strict=True, ge=0, le=64)] = 0
    """Multi-token-prediction modules (DeepSeek-V3, arXiv 2412.19437, section 2.2)."""

    @field_validator("moe")
    @classmethod
    def _some_layer_is_moe(cls, moe: MoE | None, info: ValidationInfo) -> MoE | None:
        num_layers = info.data.get("num_layers")
        if moe is None or num_layers is None:
            return moe
        if moe.first_dense_layers >= num_layers:
            raise ValueError(
                f"expected first_dense_layers below num_layers ({num_layers}), found"
                f" {moe.first_dense_layers}. Remove moe if the model is dense"
            )
        behind_dense = num_layers - moe.first_dense_layers
        if moe.layer_period > behind_dense:
            raise ValueError(
                f"expected layer_period of at most num_layers - first_dense_layers"
                f" ({behind_dense}), found {moe.layer_period}: no layer would have experts"
            )
        return moe

    @model_validator(mode="after")
    def _dense_layers_have_width(self) -> Self:
        if self.mlp.ffn_hidden_size == 0 and self.has_dense_layers:
            raise ValueError(
                "mlp.ffn_hidden_size: expected > 0 because the model has dense layers, found 0"
            )
        return self

    @property
    def layers(self) -> tuple[LayerClass, ...]:
        """The class of each decoder layer, in order."""
        return _layer_pattern(self.num_layers, self.attention, self.moe)

    @property
    def has_dense_layers(self) -> bool:
        """Whether any decoder layer has a dense feed-forward block."""
        return any(layer.mlp is MlpKind.DENSE for layer in self.layers)

    @property
    def first_dense_layers(self) -> int:
        """Leading dense layers of a MoE model; 0 for a dense model, where all layers are alike."""
        return 0 if self.moe is None else self.moe.first_dense_layers

    @property
    def layer_classes(self) -> tuple[LayerClass, ...]:
        """The distinct classes, in order of first appearance."""
        return tuple(dict.fromkeys(self.layers))

    @property
    def layer_period(self) -> int:
        """Smallest period of the layer pattern behind ``first_dense_layers``."""
        return _smallest_period(self.layers[self.first_dense_layers :])

    @property
    def mtp_layer(self) -> LayerClass:
        """The class of the layer inside a multi-token-prediction module: that of the last layer."""
        return self.layers[-1]


@lru_cache(maxsize=64)
def _layer_pattern(
    num_layers: int, attention: Attention, moe: MoE | None
) -> tuple[LayerClass, ...]:
    return tuple(_layer_class(index, attention, moe) for index in range(num_layers))


def _layer_class(index: int, attention: Attention, moe: MoE | None) -> LayerClass:
    window = attention.window_of(index)
    is_moe = moe is not None and moe.is_moe(index)
    return LayerClass(
        mlp=MlpKind.MOE if is_moe else MlpKind.DENSE,
        window=window,
        chunked=window is not None and attention.chunked,
    )


@lru_cache(maxsize=64)
def _smallest_period(pattern: tuple[LayerClass, ...]) -> int:
    """Length less the longest border (Knuth, Morris, Pratt 1977), in linear time."""
    codes = {layer: code for code, layer in enumerate(dict.fromkeys(pattern))}
    text = [codes[layer] for layer in pattern]
    borders = [0] * len(text)
    border = 0
    for index in range(1, len(text)):
        while border and text[index] != text[border]:
            border = borders[border - 1]
        border += text[index] == text[border]
        borders[index] = border
    return len(text) - borders[-1]
