"""The model a row describes."""

from __future__ import annotations

import re
from typing import Any, Final

from pydantic import ValidationError

from placer.errors import shorten
from placer.spec.model import Attention, AttentionKind, Mlp, ModelSpec, MoE
from placer.validate.cells import Row, RowError

UNGATED_WIDTH: Final = 4
"""Feed-forward over hidden width where a row gives none (Megatron-LM --ffn-hidden-size)."""

_WINDOW: Final = re.compile(r"(\d+)(.*)", re.DOTALL)
_ONE_IN: Final = re.compile(r"every (other|\d+)(?:nd|rd|th|st|-th)? layer")
_OF: Final = re.compile(r"(\d+) of (?:every )?(\d+) layers")


def model_of(row: Row) -> ModelSpec:
    """The model's shape; what a row leaves empty takes the framework's default.

    Raises
    ------
    RowError
        When a cell is malformed or the shape contradicts itself.
    """
    try:
        return ModelSpec(
            name=row.text("model") or "unnamed",
            num_layers=row.count("n_layers"),
            hidden_size=row.count("hidden"),
            vocab_size=row.count("vocab"),
            max_seq_len=row.count("seq_len"),
            tied_embeddings=row.flag("tied_embeddings"),
            attention=_attention(row),
            mlp=Mlp(ffn_hidden_size=_ffn_width(row), gated=row.flag("gated_mlp")),
            moe=_experts(row),
            mtp_layers=row.count("mtp_layers", 0, least=0),
        )
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise RowError(f"shape: {place}: {shorten(first['msg'])}".replace(": :", ":")) from error


def _ffn_width(row: Row) -> int:
    default = 0 if row.has("experts") else UNGATED_WIDTH * row.count("hidden")
    return row.count("ffn_hidden", default)


def _attention(row: Row) -> Attention:
    heads = row.count("heads")
    if row.has("kv_lora_rank"):
        return Attention(
            kind=AttentionKind.MLA,
            num_heads=heads,
            q_lora_rank=row.count("q_lora_rank", 0, least=0) or None,
            kv_lora_rank=row.count("kv_lora_rank"),
            qk_nope_head_dim=row.count("qk_nope_head_dim"),
            qk_rope_head_dim=row.count("qk_rope_head_dim", 0, least=0),
            v_head_dim=row.count("v_head_dim"),
        )
    return Attention(
        num_heads=heads,
        num_kv_heads=row.count("kv_heads", heads),
        head_dim=row.count("head_dim", max(row.count("hidden") // heads, 1)),
        **_window(row),
    )


def _window(row: Row) -> dict[str, Any]:
    """Fields of the sliding window: ``128``, ``128 on every other layer``, ``512 on 5 of 6 layers``.

    A bare width holds on every layer; otherwise the layers it does not hold on see everything.
    """
    text = row.text("sliding_window").lower()
    match = _WINDOW.fullmatch(text)
    if text in {"", "0", "none", "false"}:
        return {}
    if match is None:
        raise RowError(f"sliding_window: expected a width in tokens, got {shorten(repr(text))}")
    width, rest = int(match[1]), match[2]
    period = 0
    if found := _OF.search(rest):
        windowed, period = int(found[1]), int(found[2])
        if windowed != period - 1:
            raise RowError(f"sliding_window: expected N - 1 of N layers, got {shorten(repr(text))}")
    elif found := _ONE_IN.search(rest):
        if found[1] not in {"other", "2"}:
            raise RowError(
                f"sliding_window: expected every other layer or N - 1 of N layers,"
                f" got {shorten(repr(text))}"
            )
        period = 2
    elif rest.strip() not in {"", "tokens"}:
        raise RowError(f"sliding_window: expected a width in tokens, got {shorten(repr(text))}")
    return {"sliding_window": width, "full_attention_period": period}


def _experts(row: Row) -> MoE | None:
    if not row.has("experts") or row.count("experts", least=0) <= 1:
        return None
    width = row.count("moe_ffn_hidden")
    return MoE(
        num_experts=row.count("experts"),
        top_k=row.count("experts_topk"),
        ffn_hidden_size=width,
        shared_ffn_hidden_size=width * row.count("shared_experts", 0, least=0),
        first_dense_layers=row.count("num_dense_layers", 0, least=0),
        layer_period=row.count("moe_layer_period", 1),
    )
