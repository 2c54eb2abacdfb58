"""What one family of config.json files says, and where: the terms the table is written in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from placer.importers.huggingface.experts import MoeRule
from placer.importers.huggingface.reader import ConfigReader, Names, Scalar
from placer.importers.huggingface.windows import NO_WINDOWS, WindowRule
from placer.spec.model import AttentionKind, NormKind

Switch = bool | str
"""A fact that holds for the whole family, or the name of the field that says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapeNames:
    """Fields with the model's dimensions, by the name they have in most families."""

    num_layers: Names = ("num_hidden_layers",)
    hidden_size: Names = ("hidden_size",)
    vocab_size: Names = ("vocab_size",)
    max_seq_len: Names = ("max_position_embeddings",)
    num_heads: Names = ("num_attention_heads",)
    num_kv_heads: Names = ("num_key_value_heads",)
    head_dim: Names = ("head_dim",)
    ffn_hidden_size: Names = ("intermediate_size",)


USUAL_NAMES = ShapeNames()


def kv_heads_or_heads(reader: ConfigReader, names: ShapeNames, num_heads: int) -> int:
    """As many key/value heads as the field says, as query heads when it is null."""
    return reader.dimension(names.num_kv_heads, num_heads)


def two_norms(reader: ConfigReader) -> int:
    """One norm before attention, one before the MLP."""
    return 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """How to read one family.

    ``expects`` lists fields that must have one of the given values, because the formulas assume
    it; ``harmless``, separated by spaces, those that leave the cost alone in this family only. ``ffn_multiple`` is the
    MLP's width in hidden sizes where its field is null. ``mtp`` names the field with the number of
    multi-token-prediction modules; absent means none. ``default_seq_len`` is what the family's models
    were trained at where their files do not all say it (0: they do).
    """

    model_types: tuple[str, ...]
    names: ShapeNames = USUAL_NAMES
    attention: AttentionKind = AttentionKind.GQA
    qkv_bias: Switch = False
    out_bias: Switch = False
    qk_norm: Switch = False
    mlp_bias: Switch = False
    gated: bool = True
    norms: NormKind = NormKind.RMSNORM
    norms_per_layer: Callable[[ConfigReader], int] = two_norms
    parallel_block: Switch = False
    learned_positions: bool = False
    ffn_multiple: int = 0
    default_seq_len: int = 0
    kv_heads: Callable[[ConfigReader, ShapeNames, int], int] = kv_heads_or_heads
    windows: WindowRule = NO_WINDOWS
    moe: MoeRule | None = None
    mtp: str | None = None
    expects: Mapping[str, tuple[Scalar | str, ...]] = field(default_factory=dict)
    harmless: str = ""
