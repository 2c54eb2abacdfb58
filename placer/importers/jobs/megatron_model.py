"""Megatron-LM's architecture options as a model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from pydantic import ValidationError

from placer.importers.jobs.options import OptionReader
from placer.spec.field_problems import field_problems
from placer.spec.model import MAX_LAYERS, AttentionKind, ModelSpec, NormKind
from placer.spec.nodes import Node

NEEDED: Final = ("--num-layers", "--hidden-size", "--num-attention-heads")
"""Options without which a command line states no architecture."""

VOCABULARIES: Final = {"GPT2BPETokenizer": 50257, "Llama2Tokenizer": 32000}
"""Sizes that follow from the kind of tokenizer alone."""

UNSUPPORTED: Final = {
    "--hybrid-layer-pattern": "State-space layers are not costed.",
    "--hybrid-override-pattern": "State-space layers are not costed.",
    "--is-hybrid-model": "State-space layers are not costed.",
    "--heterogeneous-layers-config-path": "Layers of different widths are not costed.",
    "--linear-attention-type": "Linear attention is not costed.",
    "--experimental-attention-variant": "Sparse and linear attention are not costed.",
    "--moe-latent-size": "Experts on a latent are not costed.",
}
_LIST: Final = re.compile(r"\[([01](?:,[01])*)\]")
_TIMES: Final = re.compile(r"\*(\d{1,5})")
_FREQUENCY: Final = re.compile(r"[\[\]()01,+*0-9]{1,2000}")


def states_model(reader: OptionReader) -> bool:
    """Whether the options state an architecture."""
    return all(reader.has(name) for name in NEEDED)


def read_model(reader: OptionReader, name: str, notes: list[str]) -> ModelSpec | None:
    """The model; None when the options do not make one (noted)."""
    for option, why in UNSUPPORTED.items():
        reader.refuse(option, why)
    num_layers = reader.count("--num-layers", 1) or 1
    hidden = reader.count("--hidden-size", 1) or 1
    gated = reader.has("--swiglu")
    width = reader.count("--ffn-hidden-size") or _usual_width(hidden, gated=gated)
    bias = not reader.has("--disable-bias-linear")
    moe = _experts(reader, num_layers, width, notes)
    dense = moe is None or moe["first_dense_layers"] or moe["layer_period"] > 1
    positions = _learned_positions(reader)
    draft: dict[str, Any] = {
        "name": name,
        "source": "options of a Megatron-LM command line",
        "num_layers": num_layers,
        "hidden_size": hidden,
        "vocab_size": _vocab_size(reader, notes),
        "max_seq_len": _max_seq_len(reader),
        "tied_embeddings": not reader.has("--untie-embeddings-and-output-weights"),
        "learned_positions": positions,
        "norms": _norms(reader),
        "attention": _attention(reader, hidden, bias=bias),
        "mlp": {"ffn_hidden_size": width if dense else 0, "gated": gated, "bias": bias},
        "moe": moe,
        "mtp_layers": reader.count("--mtp-num-layers", 0) or 0,
    }
    return None if reader.problems.items else _validated(draft, reader)


def _usual_width(hidden: int, *, gated: bool) -> int:
    """Four hidden sizes; with gating two thirds of it in multiples of 64 (arguments.py)."""
    return int((4 * hidden * 2 / 3) / 64) * 64 if gated else 4 * hidden


def _norms(reader: OptionReader) -> NormKind:
    name = reader.word("--normalization", ("LayerNorm", "RMSNorm"), "LayerNorm")
    return NormKind.RMSNORM if name == "RMSNorm" else NormKind.LAYERNORM


def _learned_positions(reader: OptionReader) -> bool:
    """A table of positions, unless options ask for another kind or for none."""
    kind = reader.text("--position-embedding-type") or "learned_absolute"
    rotary = reader.has("--use-rotary-position-embeddings")
    absent = reader.has("--no-position-embedding")
    return kind == "learned_absolute" and not rotary and not absent


def _max_seq_len(reader: OptionReader) -> int:
    return reader.count("--max-position-embeddings") or reader.count("--seq-length") or 1


def _vocab_size(reader: OptionReader, notes: list[str]) -> int:
    """The size stated, else that of the tokenizer's kind."""
    stated = reader.count("--vocab-size") or reader.count("--padded-vocab-size")
    if stated is not None:
        return stated
    kind = reader.text("--tokenizer-type")
    if kind is None and reader.has("--merge-file"):
        kind = "GPT2BPETokenizer"
    if kind in VOCABULARIES:
        notes.append(f"vocabulary: {VOCABULARIES[kind]} taken, as {kind} has")
        return VOCABULARIES[kind]
    remedy = "The tokenizer's file is not opened: add --vocab-size, or name MODEL before CLUSTER."
    found = f"only {kind}" if kind else "nothing"
    reader.problems.add(reader.line("--tokenizer-type"), "--vocab-size", "a size", found, remedy)
    return 1


def _attention(reader: OptionReader, hidden: int, *, bias: bool) -> dict[str, Any]:
    heads = reader.count("--num-attention-heads", 1) or 1
    latent = reader.has("--multi-latent-attention")
    shape = {
        "num_heads": heads,
        "qkv_bias": bias or reader.has("--add-qkv-bias"),
        "out_bias": bias,
        "qk_norm": reader.has("--qk-layernorm") and not latent,
        **_window(reader),
    }
    if latent:
        return shape | {
            "kind": AttentionKind.MLA,
            "q_lora_rank": reader.count("--q-lora-rank"),
            "kv_lora_rank": reader.count("--kv-lora-rank", 32),
            "qk_nope_head_dim": reader.count("--qk-head-dim", 128),
            "qk_rope_head_dim": reader.count("--qk-pos-emb-head-dim", 64),
            "v_head_dim": reader.count("--v-head-dim", 128),
        }
    grouped = reader.has("--group-query-attention")
    groups = reader.count("--num-query-groups", 1)
    return shape | {
        "num_kv_heads": groups if grouped else heads,
        "head_dim": reader.count("--kv-channels") or max(hidden // heads, 1),
    }


def _window(reader: OptionReader) -> dict[str, Any]:
    """``--window-size 127,0``: a query reaches 127 keys before its own."""
    words = [part for field in reader.words("--window-size") for part in field.text.split(",")]
    if not words:
        return {}
    text = words[0].strip("() ")
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        line = reader.line("--window-size")
        reader.problems.add(line, "--window-size", "keys before a query, 0", repr(words[0]))
        return {}
    period = reader.count("--window-attn-skip-freq", 0) or 0
    return {"sliding_window": int(text) + 1, "full_attention_period": period}


def _experts(
    reader: OptionReader, num_layers: int, width: int, notes: list[str]
) -> dict[str, Any] | None:
    num_experts = reader.count("--num-experts")
    if num_experts is None:
        return None
    first_dense, period = _moe_layers(reader, num_layers, notes)
    groups = reader.count("--moe-router-num-groups", 1)
    return {
        "num_experts": num_experts,
        "top_k": reader.count("--moe-router-topk", 2),
        "ffn_hidden_size": reader.count("--moe-ffn-hidden-size") or width,
        "shared_ffn_hidden_size": reader.count("--moe-shared-expert-intermediate-size", 0),
        "shared_expert_gate": reader.has("--moe-shared-expert-gate"),
        "first_dense_layers": first_dense,
        "layer_period": period,
        "num_groups": groups,
        "topk_groups": reader.count("--moe-router-group-topk", 1),
    }


def _moe_layers(reader: OptionReader, num_layers: int, notes: list[str]) -> tuple[int, int]:
    """Leading dense layers and period of ``--moe-layer-freq``: N, or ``[0]*3+[1]*58``."""
    name = "--moe-layer-freq"
    text = "".join(field.text for field in reader.words(name)) or "1"
    if text.isascii() and text.isdecimal() and 1 <= int(text[:6]) <= num_layers:
        if int(text) > 1:
            notes.append(f"experts: on the last of each {text} layers, the file has the first")
        return 0, int(text)
    kinds = parse_frequency(text)
    regular = _regular(kinds) if len(kinds) == num_layers else None
    if regular is None:
        expected = f"a number, or {num_layers} zeros and ones that repeat behind leading zeros"
        found = f"{len(kinds)} of them" if kinds else repr(text)
        reader.problems.add(reader.line(name), name, expected, found)
    return regular or (0, 1)


def parse_frequency(text: str) -> tuple[int, ...]:
    """Zeros and ones of an expression of ``[0,1]``, ``*``, ``+`` and brackets; () when it is none."""
    plain = text.replace(" ", "")
    if not _FREQUENCY.fullmatch(plain):
        return ()
    try:
        return tuple(_Frequency(plain).sum())
    except ValueError:
        return ()


class _Frequency:
    """Recursive descent over such an expression, within ``MAX_LAYERS``."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def sum(self) -> list[int]:
        """Lists with + between them, to the end of the text or of the bracket."""
        layers = self._product()
        while self._text[self._at : self._at + 1] == "+":
            self._at += 1
            layers += self._product()
        if self._at < len(self._text) and not self._depth:
            raise ValueError(self._text)
        return layers

    def _product(self) -> list[int]:
        layers = self._factor()
        match = _TIMES.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
            if len(layers) * int(match[1]) > MAX_LAYERS:
                raise ValueError(self._text)
            layers = layers * int(match[1])
        return layers

    def _factor(self) -> list[int]:
        match = _LIST.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
            return [int(part) for part in match[1].split(",")]
        if self._text[self._at : self._at + 1] != "(" or self._depth > 8:
            raise ValueError(self._text)
        self._at += 1
        self._depth += 1
        layers = self.sum()
        self._depth -= 1
        if self._text[self._at : self._at + 1] != ")":
            raise ValueError(self._text)
        self._at += 1
        return layers


def _regular(kinds: Sequence[int]) -> tuple[int, int] | None:
    """Leading dense layers and the period behind them that give this pattern."""
    if 1 not in kinds:
        return None
    first = list(kinds).index(1)
    for period in range(1, first + 2):
        dense = first + 1 - period
        made = [int(i >= dense and (i - dense + 1) % period == 0) for i in range(len(kinds))]
        if made == list(kinds):
            return dense, period
    return None


def _validated(draft: dict[str, Any], reader: OptionReader) -> ModelSpec | None:
    """Check the whole, and note what is wrong with it at the first architecture option."""
    try:
        return ModelSpec.model_validate(draft)
    except ValidationError as error:
        line = reader.line("--num-layers")
        for problem in field_problems(error, ModelSpec, Node(1, 1, draft)):
            field = ".".join(str(part) for part in problem.path)
            reader.problems.add(line, field, problem.expected, problem.found, problem.remedy)
        return None
