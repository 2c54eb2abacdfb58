"""The model's own form: what it derives, and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from placer.errors import InputError, Problem
from placer.spec.model import LayerClass, MlpKind, ModelSpec
from placer.spec.yaml_source import load_document

DENSE: dict[str, Any] = {
    "name": "tiny",
    "num_layers": 8,
    "hidden_size": 64,
    "vocab_size": 1000,
    "max_seq_len": 512,
    "attention": {"num_heads": 8, "num_kv_heads": 2, "head_dim": 8},
    "mlp": {"ffn_hidden_size": 256},
}
LATENT = {
    "kind": "mla",
    "num_heads": 8,
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 4,
    "v_head_dim": 8,
}
EXPERTS = {"num_experts": 16, "top_k": 2, "ffn_hidden_size": 32}


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Merge nested changes, ``None`` removing a field."""
    result = dict(base)
    for key, value in changes.items():
        if isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], value)
        elif value is None:
            result.pop(key, None)
        else:
            result[key] = value
    return result


def build(**changes: Any) -> ModelSpec:
    return ModelSpec.model_validate(merged(DENSE, changes))


def write(folder: Path, data: Mapping[str, Any]) -> Path:
    """Write nested mappings of scalars as YAML, one field per line."""
    lines: list[str] = []
    for key, value in data.items():
        if isinstance(value, Mapping):
            lines.append(f"{key}:")
            lines += [f"  {inner}: {_yaml(item)}" for inner, item in value.items()]
        else:
            lines.append(f"{key}: {_yaml(value)}")
    path = folder / "model.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


def _yaml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def problems_of(folder: Path, data: Mapping[str, Any]) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        load_document(write(folder, data), ModelSpec)
    return caught.value.problems


def test_defaults_follow_from_other_fields() -> None:
    attention = build(attention={"num_kv_heads": None}).attention
    assert (attention.num_kv_heads, attention.v_head_dim) == (8, 8)
    latent = ModelSpec.model_validate(DENSE | {"attention": LATENT})
    assert latent.attention.head_dim == 12
    assert latent.attention.num_kv_heads == 8


def test_dense_layers_are_all_alike() -> None:
    model = build()
    assert set(model.layers) == {LayerClass(mlp=MlpKind.DENSE)}
    assert (model.first_dense_layers, model.layer_period) == (0, 1)


def test_dense_layers_come_before_experts() -> None:
    model = build(moe=EXPERTS | {"first_dense_layers": 3})
    assert [layer.name for layer in model.layers] == ["dense"] * 3 + ["moe"] * 5
    assert (model.first_dense_layers, model.layer_period) == (3, 1)
    assert model.mtp_layer.mlp is MlpKind.MOE


def test_the_last_layer_of_each_period_has_experts() -> None:
    model = build(moe=EXPERTS | {"layer_period": 2})
    assert [layer.name for layer in model.layers] == ["dense", "moe"] * 4
    assert model.layer_period == 2


def test_periods_of_experts_and_windows_combine() -> None:
    model = build(
        num_layers=12,
        moe=EXPERTS | {"layer_period": 2},
        attention={"sliding_window": 128, "full_attention_period": 3},
    )
    assert model.layer_period == 6
    assert model.layers[2].name == "dense"
    assert model.layers[5].name == "moe"
    assert model.layers[3].name == "moe_w128"


def test_chunks_are_told_from_windows() -> None:
    window = {"sliding_window": 128, "full_attention_period": 0}
    assert build(attention=window).layers[0].name == "dense_w128"
    assert build(attention=window | {"chunked": True}).layers[0].name == "dense_c128"


def test_distinct_classes_are_listed_by_first_appearance() -> None:
    model = build(moe=EXPERTS | {"first_dense_layers": 1})
    assert [layer.name for layer in model.layer_classes] == ["dense", "moe"]


def test_a_changed_copy_has_its_own_layers() -> None:
    model = build()
    assert len(model.layers) == 8
    assert len(model.model_copy(update={"num_layers": 3}).layers) == 3


def test_published_figures_may_be_written_short() -> None:
    assert build(params_published="405B").params_published == 405e9
    assert build(params_published=7.5e9).params_published == 7.5e9


# Each row: what is changed, the field blamed, the beginning of what was expected, and why.
INVALID = [
    ({"attention": {"num_kv_heads": 3}}, "attention.num_kv_heads", "a divisor of num_heads (8)"),
    ({"attention": {"num_kv_heads": 16}}, "attention.num_kv_heads", "a divisor"),
    ({"attention": {"head_dim": None}}, "attention.head_dim", "the width of one head"),
    ({"attention": {"head_dim": 0}}, "attention.head_dim", "the width of one head"),
    ({"attention": {"kv_lora_rank": 4}}, "attention.kv_lora_rank", "0 for kind gqa"),
    ({"attention": {"qk_rope_head_dim": 4}}, "attention.qk_rope_head_dim", "0 for kind gqa"),
    ({"attention": {"q_lora_rank": 4}}, "attention.q_lora_rank", "none for kind gqa"),
    ({"attention": {"sliding_window": 0}}, "attention.sliding_window", ">= 1"),
    ({"attention": {"sliding_window": 8}}, "attention.full_attention_period", "0 (window 8"),
    (
        {"attention": {"full_attention_period": 2}},
        "attention.full_attention_period",
        "1 without a sliding_window",
    ),
    ({"attention": {"chunked": True}}, "attention.chunked", "sliding_window to give"),
    ({"attention": {"kind": "mqa"}}, "attention.kind", "one of gqa, mla"),
    ({"attention": {"qkv_bias": "perhaps"}}, "attention.qkv_bias", "true or false"),
    ({"moe": EXPERTS | {"top_k": 17}}, "moe.top_k", "at most num_experts (16)"),
    ({"moe": EXPERTS | {"top_k": 0}}, "moe.top_k", ">= 1"),
    ({"moe": EXPERTS | {"num_groups": 3}}, "moe.num_groups", "a divisor of num_experts (16)"),
    ({"moe": EXPERTS | {"topk_groups": 2}}, "moe.topk_groups", "at most num_groups (1)"),
    (
        {"moe": EXPERTS | {"num_groups": 16, "topk_groups": 1}},
        "moe.topk_groups",
        "groups with at least top_k (2)",
    ),
    ({"moe": EXPERTS | {"shared_expert_gate": True}}, "moe.shared_expert_gate", "false without"),
    (
        {"moe": EXPERTS | {"first_dense_layers": 8}},
        "moe",
        "first_dense_layers below num_layers (8)",
    ),
    ({"moe": EXPERTS | {"layer_period": 9}}, "moe", "layer_period of at most"),
    ({"moe": EXPERTS | {"experts": 4}}, "moe.experts", "a known field"),
    ({"mlp": {"ffn_hidden_size": 0}}, "mlp.ffn_hidden_size", "> 0 because"),
    ({"num_layers": 0}, "num_layers", ">= 1"),
    ({"num_layers": 10_001}, "num_layers", "<= 10000"),
    ({"num_layers": 8.5}, "num_layers", "an integer"),
    ({"hidden_size": "wide"}, "hidden_size", "an integer"),
    ({"hidden_size": True}, "hidden_size", "an integer"),
    ({"vocab_size": 1 << 40}, "vocab_size", "<="),
    ({"norms": "batchnorm"}, "norms", "one of rmsnorm, layernorm"),
    ({"norms_per_layer": 5}, "norms_per_layer", "<= 4"),
    ({"params_published": "many"}, "params_published", "a count"),
    ({"params_published": -1}, "params_published", "a count >= 0"),
    ({"params_published": 0}, "params_published", "> 0"),
    ({"mtp_layers": -1}, "mtp_layers", ">= 0"),
    ({"name": None}, "name", "a value"),
    ({"max_seq_len": None}, "max_seq_len", "a value"),
    ({"layers": 8}, "layers", "a known field"),
]


@pytest.mark.parametrize(("changes", "field", "expected"), INVALID)
def test_invalid(tmp_path: Path, changes: dict[str, Any], field: str, expected: str) -> None:
    problems = problems_of(tmp_path, merged(DENSE, changes))
    assert [problem.field for problem in problems] == [field]
    assert problems[0].expected.startswith(expected)
    assert problems[0].line is not None


INVALID_LATENT = [
    ({"kv_lora_rank": None}, "kv_lora_rank", "> 0 for kind mla"),
    ({"num_kv_heads": 2}, "num_kv_heads", "num_heads (8)"),
    ({"head_dim": 16}, "head_dim", "qk_nope_head_dim + qk_rope_head_dim = 8 + 4 = 12"),
    (
        {"qk_nope_head_dim": None, "qk_rope_head_dim": None},
        "head_dim",
        "qk_nope_head_dim + qk_rope_head_dim > 0",
    ),
]


@pytest.mark.parametrize(("changes", "field", "expected"), INVALID_LATENT)
def test_invalid_latent_attention(
    tmp_path: Path, changes: dict[str, Any], field: str, expected: str
) -> None:
    problems = problems_of(tmp_path, DENSE | {"attention": merged(LATENT, changes)})
    assert [problem.field for problem in problems] == [f"attention.{field}"]
    assert problems[0].expected.startswith(expected)


def test_everything_wrong_is_reported_at_once(tmp_path: Path) -> None:
    data = merged(
        DENSE, {"num_layers": 0, "attention": {"num_kv_heads": 3}, "moe": EXPERTS | {"top_k": 99}}
    )
    fields = [problem.field for problem in problems_of(tmp_path, data)]
    assert fields == ["num_layers", "attention.num_kv_heads", "moe.top_k"]


@st.composite
def models(draw: st.DrawFn) -> ModelSpec:
    """Sound models of every kind, small enough to enumerate."""
    num_layers = draw(st.integers(1, 40))
    window = draw(st.none() | st.integers(1, 4096))
    period = 1 if window is None else draw(st.sampled_from([0, 2, 3, 4, 6]))
    heads = draw(st.integers(1, 8)) * (kv_heads := draw(st.integers(1, 8)))
    attention: dict[str, Any] = {
        "num_heads": heads,
        "sliding_window": window,
        "full_attention_period": period,
    }
    if draw(st.booleans()):
        attention |= {"num_kv_heads": kv_heads, "head_dim": draw(st.integers(1, 256))}
    else:
        attention |= LATENT | {"num_heads": heads}
    moe = None
    if draw(st.booleans()):
        first_dense = draw(st.integers(0, num_layers - 1))
        moe = {
            "num_experts": (experts := draw(st.integers(1, 64))),
            "top_k": draw(st.integers(1, experts)),
            "ffn_hidden_size": draw(st.integers(1, 4096)),
            "shared_ffn_hidden_size": draw(st.integers(0, 4096)),
            "first_dense_layers": first_dense,
            "layer_period": draw(st.integers(1, num_layers - first_dense)),
        }
    return ModelSpec.model_validate(
        {
            "name": "drawn",
            "num_layers": num_layers,
            "hidden_size": draw(st.integers(1, 8192)),
            "vocab_size": draw(st.integers(1, 300_000)),
            "max_seq_len": draw(st.integers(1, 1 << 20)),
            "tied_embeddings": draw(st.booleans()),
            "attention": attention,
            "mlp": {"ffn_hidden_size": draw(st.integers(1, 1 << 15)), "gated": draw(st.booleans())},
            "moe": moe,
            "mtp_layers": draw(st.integers(0, 2)),
        }
    )


@given(models())
def test_every_layer_has_a_class_and_the_pattern_repeats(model: ModelSpec) -> None:
    assert len(model.layers) == model.num_layers
    behind_dense = model.layers[model.first_dense_layers :]
    period = model.layer_period
    assert 1 <= period <= len(behind_dense)
    assert all(layer == behind_dense[index % period] for index, layer in enumerate(behind_dense))
    assert set(model.layer_classes) == set(model.layers)


@given(models())
def test_no_shorter_period_repeats(model: ModelSpec) -> None:
    behind_dense = model.layers[model.first_dense_layers :]
    for shorter in range(1, model.layer_period):
        assert any(
            layer != behind_dense[index % shorter] for index, layer in enumerate(behind_dense)
        )


@given(models())
def test_layers_before_the_experts_are_dense(model: ModelSpec) -> None:
    kinds = [layer.mlp for layer in model.layers]
    assert set(kinds[: model.first_dense_layers]) <= {MlpKind.DENSE}
    assert (model.moe is None) == (MlpKind.MOE not in kinds)


@given(models())
def test_json_gives_the_same_model_back(model: ModelSpec) -> None:
    assert ModelSpec.model_validate_json(model.model_dump_json()) == model
