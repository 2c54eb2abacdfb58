"""The mixture of experts: sizes, and which layers have it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from placer.importers.huggingface.reader import ConfigReader, Names

LayerRule = Callable[[ConfigReader, int], tuple[tuple[bool, ...], str]]
"""Reads which layers are MoE (one flag per layer), and names the field that says so."""


def every_layer(reader: ConfigReader, num_layers: int) -> tuple[tuple[bool, ...], str]:
    """Mixtral, gpt-oss: no dense layers."""
    return (True,) * num_layers, "num_hidden_layers"


def after_dense_layers(reader: ConfigReader, num_layers: int) -> tuple[tuple[bool, ...], str]:
    """DeepSeek, GLM: the first layers are dense; newest files list them in ``mlp_layer_types``."""
    reader.expect("moe_layer_freq", (1,))
    first = reader.optional_count(("first_k_dense_replace",)) or 0
    listed = reader.words("mlp_layer_types", length=num_layers)
    if listed is None:
        return tuple(index >= first for index in range(num_layers)), "first_k_dense_replace"
    unknown = sorted(set(listed) - {"dense", "sparse"})
    if unknown:
        reader.report("mlp_layer_types", "only dense, sparse", ", ".join(unknown), "")
    return tuple(word == "sparse" for word in listed), "mlp_layer_types"


def sparse_steps(reader: ConfigReader, num_layers: int) -> tuple[tuple[bool, ...], str]:
    """Qwen: every ``decoder_sparse_step``-th layer, but those in ``mlp_only_layers``."""
    step = reader.count_or(("decoder_sparse_step",), 1)
    dense = set(reader.integers("mlp_only_layers") or ())
    flags = (index not in dense and (index + 1) % step == 0 for index in range(num_layers))
    return tuple(flags), "mlp_only_layers" if dense else "decoder_sparse_step"


def interleaved(reader: ConfigReader, num_layers: int) -> tuple[tuple[bool, ...], str]:
    """Llama 4: ``moe_layers`` lists them, else every ``interleave_moe_layer_step``-th."""
    listed = reader.integers("moe_layers")
    step = reader.count_or(("interleave_moe_layer_step",), 1)
    if listed is None:
        flags = tuple((index + 1) % step == 0 for index in range(num_layers))
        return flags, "interleave_moe_layer_step"
    return tuple(index in set(listed) for index in range(num_layers)), "moe_layers"


def between_bounds(reader: ConfigReader, num_layers: int) -> tuple[tuple[bool, ...], str]:
    """ERNIE 4.5: every ``moe_layer_interval``-th between a first and a last layer (-1: the end)."""
    first = reader.optional_count(("moe_layer_start_index",)) or 0
    last = reader.count_or(("moe_layer_end_index",), -1, minimum=-1)
    last = num_layers - 1 if last < 0 else last
    interval = reader.count_or(("moe_layer_interval",), 1)
    flags = (first <= i <= last and (i + 1) % interval == 0 for i in range(num_layers))
    ends_early = last < num_layers - 1
    return tuple(flags), "moe_layer_end_index" if ends_early else "moe_layer_start_index"


@dataclass(frozen=True, slots=True, kw_only=True)
class MoeRule:
    """Where a family writes its experts.

    ``shared_width`` names a field with the shared experts' total width, ``shared_count`` one with
    their number, each as wide as a routed expert; ``shared`` is that number where the family fixes
    it. ``groups`` names the number of expert groups and of groups a token may visit.
    """

    num_experts: Names = ("num_local_experts", "num_experts")
    top_k: Names = ("num_experts_per_tok",)
    ffn_hidden_size: Names = ("moe_intermediate_size",)
    shared_width: Names = ()
    shared_count: Names = ()
    shared: int = 0
    shared_expert_gate: bool = False
    groups: tuple[str, str] | None = None
    layers: LayerRule = every_layer


def read_experts(rule: MoeRule, reader: ConfigReader, num_layers: int) -> dict[str, object]:
    """Fields of ``placer.spec.model.MoE``."""
    width = reader.count(rule.ffn_hidden_size)
    shared_width = _shared_width(rule, reader, width)
    first_dense_layers, layer_period = _pattern(rule, reader, num_layers)
    num_groups, topk_groups = _groups(rule, reader)
    return {
        "num_experts": reader.count(rule.num_experts),
        "top_k": reader.count(rule.top_k),
        "ffn_hidden_size": width,
        "shared_ffn_hidden_size": shared_width,
        "shared_expert_gate": rule.shared_expert_gate and shared_width > 0,
        "first_dense_layers": first_dense_layers,
        "layer_period": layer_period,
        "num_groups": num_groups,
        "topk_groups": topk_groups,
    }


def _shared_width(rule: MoeRule, reader: ConfigReader, width: int) -> int:
    if rule.shared_width:
        return reader.optional_count(rule.shared_width) or 0
    if rule.shared_count:
        return width * (reader.optional_count(rule.shared_count) or 0)
    return width * rule.shared


def _groups(rule: MoeRule, reader: ConfigReader) -> tuple[int, int]:
    """Node-limited routing (DeepSeek-V3, section 2.1.2); ``topk_method: greedy`` has no groups."""
    method = reader.text("topk_method")
    if rule.groups is None:
        return 1, 1
    num_groups, topk_groups = (reader.optional_count((name,), minimum=1) for name in rule.groups)
    if method == "greedy" or num_groups is None or topk_groups is None:
        return 1, 1
    return num_groups, topk_groups


def _pattern(rule: MoeRule, reader: ConfigReader, num_layers: int) -> tuple[int, int]:
    """Dense layers in front and the period behind them that give exactly the family's pattern."""
    is_moe, field = rule.layers(reader, num_layers)
    with_experts = [index for index, moe in enumerate(is_moe) if moe]
    if not with_experts:
        reader.report(field, "at least one layer with experts", "none", "")
        return 0, 1
    first = with_experts[0]
    period = with_experts[1] - first if len(with_experts) > 1 else 1
    dense = first - period + 1
    built = tuple(i >= dense and (i - dense + 1) % period == 0 for i in range(num_layers))
    if dense < 0 or built != is_moe:
        shown = ", ".join(str(index) for index in with_experts[:12])
        expected = "dense layers in front, then experts on every N-th layer"
        reader.report(field, expected, f"experts on layers {shown}...", "")
        return 0, 1
    return dense, period
