"""What the importer refuses, and how it says so: every problem at once, with file and line."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from placer.errors import InputError, Problem
from placer.importers.huggingface.class_defaults import class_defaults
from placer.importers.huggingface.families import FAMILIES
from placer.importers.model_source import load_model

DATA = Path(__file__).parents[1] / "data" / "huggingface"
Config = dict[str, object]
V4: dict[str, Config] = {
    path.stem: json.loads(path.read_text()) for path in sorted((DATA / "v4").glob("*.json"))
}


def write(folder: Path, config: Config) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps(config, indent=2))
    return path


def problems_of(path: Path) -> tuple[Problem, ...]:
    with pytest.raises(InputError) as caught:
        load_model(str(path))
    return caught.value.problems


def problems_with(folder: Path, base: str, **changes: object) -> tuple[Problem, ...]:
    return problems_of(write(folder, V4[base] | changes))


@pytest.mark.parametrize(
    ("name", "field", "reason"),
    [
        ("qwen3-next-80b-a3b", "linear_conv_kernel_dim", "linear attention"),
        ("jamba-v0.1", "attn_layer_period", "state-space"),
        ("nemotron-h-56b", "conv_kernel", "state-space"),
        ("minimax-text-01", "attn_type_list", "linear attention"),
        ("glm-5", "index_head_dim", "indexer"),
        ("deepseek-v4-flash", "compress_rope_theta", "compressed and sparse"),
    ],
)
def test_hybrids_are_refused_by_the_field_that_shows_it(name: str, field: str, reason: str) -> None:
    path = DATA / "unsupported" / f"{name}.json"
    first = problems_of(path)[0]
    assert first.field == field
    assert reason in first.remedy
    assert first.line is not None
    assert f'"{field}"' in path.read_text().splitlines()[first.line - 1]


@pytest.mark.parametrize(
    ("base", "field", "value", "expected"),
    [
        # a field nobody knows, plausible costs behind each
        ("llama-3.1-8b", "cross_layer_attention_factor", 2, "a field placer understands"),
        ("llama-3.1-8b", "linear_num_key_heads", 4, "a field placer understands"),
        ("llama-3.1-8b", "is_encoder_decoder", True, "a field placer understands"),
        ("mixtral-8x7b", "shared_expert_intermediate_size", 512, "a field placer understands"),
        ("qwen3-30b-a3b", "shared_expert_intermediate_size", 512, "0"),
        ("qwen3-30b-a3b", "qkv_bias", True, "false"),
        ("phi-3-mini-4k", "attention_bias", True, "false"),
        ("gemma-2-27b", "use_bidirectional_attention", True, "false"),
        ("starcoder2-15b", "mlp_type", "gated", "'default'"),
        ("deepseek-v3", "moe_layer_freq", 2, "1"),
        # wrong types
        ("llama-3.1-8b", "hidden_size", "4096", "an integer"),
        ("llama-3.1-8b", "num_hidden_layers", 32.0, "an integer"),
        ("llama-3.1-8b", "num_attention_heads", True, "an integer"),
        ("llama-3.1-8b", "vocab_size", -1, "an integer from 1"),
        ("llama-3.1-8b", "vocab_size", 10**18, "an integer from 1"),
        ("llama-3.1-8b", "intermediate_size", [14336], "an integer"),
        ("llama-3.1-8b", "hidden_size", None, "an integer"),
        ("llama-3.1-8b", "tie_word_embeddings", "false", "true or false"),
        ("llama-3.1-8b", "attention_bias", 1, "true or false"),
        ("qwen3-30b-a3b", "mlp_only_layers", "0", "a list"),
        ("qwen3-30b-a3b", "mlp_only_layers", [True], "a list of integers"),
        ("gpt-oss-120b", "layer_types", ["full_attention"], "36 entries"),
        ("gpt-oss-120b", "layer_types", [1] * 36, "a list of words"),
        ("deepseek-v2-lite", "topk_method", 3, "a word"),
        ("llama-3.1-8b", "model_type", 3, "a word"),
        # patterns that no period describes
        ("gpt-oss-120b", "layer_types", ["linear_attention"] * 36, "only full_attention"),
        (
            "gpt-oss-120b",
            "layer_types",
            ["full_attention"] + ["sliding_attention"] * 35,
            "full attention on every N-th layer",
        ),
        ("qwen3-30b-a3b", "mlp_only_layers", [5], "dense layers in front"),
        ("qwen3-30b-a3b", "mlp_only_layers", list(range(48)), "at least one layer"),
        ("ernie-4.5-300b-a47b", "moe_layer_end_index", 50, "dense layers in front"),
        ("deepseek-v3", "first_k_dense_replace", 61, "at least one layer"),
        ("deepseek-v3", "mlp_layer_types", ["hash"] * 61, "only dense, sparse"),
        # sound fields that contradict each other
        ("llama-3.1-8b", "num_key_value_heads", 7, "a divisor of num_heads"),
        ("llama-3.1-8b", "num_attention_heads", 33, "a divisor of the hidden size"),
        ("mixtral-8x7b", "num_experts_per_tok", 9, "at most num_experts"),
        ("deepseek-v3", "n_group", 7, "a divisor of num_experts"),
        ("deepseek-v3", "topk_group", 9, "at most num_groups"),
        ("mixtral-8x7b", "num_experts", 16, "the same as num_local_experts"),
        ("llama-3.1-8b", "num_hidden_layers", 20_000, "an integer from 1 to 10000"),
        ("gpt-oss-120b", "sliding_window", None, "the window's width"),
    ],
)
def test_one_wrong_field(
    tmp_path: Path, base: str, field: str, value: object, expected: str
) -> None:
    problems = problems_with(tmp_path, base, **{field: value})
    matching = [p for p in problems if p.field == field and p.expected.startswith(expected)]
    assert matching, [str(problem) for problem in problems]
    lines = (tmp_path / "config.json").read_text().splitlines()
    assert matching[0].line is not None
    assert f'"{field}"' in lines[matching[0].line - 1]


@pytest.mark.parametrize(
    ("base", "field"),
    [
        ("llama-3.1-8b", "hidden_size"),
        ("llama-3.1-8b", "num_hidden_layers"),
        ("llama-3.1-8b", "vocab_size"),
        ("llama-3.1-8b", "max_position_embeddings"),
        ("mistral-7b-v0.1", "num_key_value_heads"),  # its class has 8: some other model's
        ("mistral-7b-v0.1", "sliding_window"),
        ("gemma-2-27b", "head_dim"),
        ("deepseek-v3", "q_lora_rank"),
        ("deepseek-v3", "n_shared_experts"),
        ("mixtral-8x7b", "num_local_experts"),
    ],
)
def test_a_missing_dimension_is_not_guessed(tmp_path: Path, base: str, field: str) -> None:
    config = {name: value for name, value in V4[base].items() if name != field}
    problems = problems_of(write(tmp_path, config))
    if field != "sliding_window":
        assert [problem.field for problem in problems] == [field]
    assert any(problem.field == field and problem.found == "nothing" for problem in problems)


def test_everything_wrong_is_reported_at_once_in_file_order(tmp_path: Path) -> None:
    problems = problems_with(
        tmp_path, "llama-3.1-8b", hidden_size="x", vocab_size=0, secret_sauce=True
    )
    assert [problem.field for problem in problems] == ["hidden_size", "vocab_size", "secret_sauce"]
    lines = [problem.line or 0 for problem in problems]
    assert lines == sorted(lines)


def test_a_nested_problem_names_its_path(tmp_path: Path) -> None:
    config = json.loads((DATA / "v4/gemma-3-27b.json").read_text())
    config["text_config"]["mystery"] = 1
    (problem,) = problems_of(write(tmp_path, config))
    assert problem.field == "text_config.mystery"


def test_an_unknown_field_around_a_nested_model_is_refused(tmp_path: Path) -> None:
    config = json.loads((DATA / "v4/gemma-3-27b.json").read_text()) | {"extra_decoder": {"n": 1}}
    (problem,) = problems_of(write(tmp_path, config))
    assert problem.field == "extra_decoder.n"


def test_a_field_inside_a_nested_group_is_refused(tmp_path: Path) -> None:
    config = json.loads((DATA / "v4/dbrx.json").read_text())
    config["ffn_config"]["moe_num_shared"] = 2
    (problem,) = problems_of(write(tmp_path, config))
    assert problem.field == "ffn_config.moe_num_shared"


def test_an_unknown_family_suggests_the_nearest(tmp_path: Path) -> None:
    (problem,) = problems_with(tmp_path, "llama-3.1-8b", model_type="lama")
    assert problem.field == "model_type"
    assert "llama" in problem.remedy


def test_a_file_without_a_family(tmp_path: Path) -> None:
    path = write(tmp_path, {"architectures": ["GrokForCausalLM"], "hidden_size": 1})
    (problem,) = problems_of(path)
    assert problem.field == "model_type"


def test_a_null_field_says_that_a_feature_is_off(tmp_path: Path) -> None:
    path = write(tmp_path, V4["llama-3.1-8b"] | {"cross_layer_attention_factor": None})
    assert load_model(str(path))[0].num_layers == 32


def test_an_infinite_number_is_refused_even_where_it_would_not_matter(tmp_path: Path) -> None:
    (problem,) = problems_with(tmp_path, "llama-3.1-8b", rope_theta=float("inf"))
    assert problem.field == "rope_theta"


def test_messages_read_as_one_line_with_place_and_remedy(tmp_path: Path) -> None:
    path = write(tmp_path, V4["llama-3.1-8b"] | {"mystery": 1})
    (problem,) = problems_of(path)
    text = str(problem)
    assert text.startswith(f"{path}:")
    assert "mystery: expected a field placer understands, got 1. It may change the cost." in text


def qwen2_with_windows(first_windowed: int) -> Config:
    return V4["qwen2.5-72b"] | {
        "use_sliding_window": True,
        "sliding_window": 4096,
        "max_window_layers": first_windowed,
    }


def test_a_window_behind_full_layers_is_refused(tmp_path: Path) -> None:
    problems = problems_of(write(tmp_path, qwen2_with_windows(28)))
    assert [problem.field for problem in problems] == ["max_window_layers"]


@pytest.mark.parametrize(("first_windowed", "period"), [(0, 0), (80, 1)])
def test_a_window_on_all_layers_or_none(tmp_path: Path, first_windowed: int, period: int) -> None:
    model, _ = load_model(str(write(tmp_path, qwen2_with_windows(first_windowed))))
    assert model.attention.full_attention_period == period


# What a family's class leaves to be said by the file, to make a file out of its defaults.
STATED: dict[str, Config] = {
    "dbrx": {
        "attn_config": {"kv_n_heads": 4},
        "ffn_config": {"ffn_hidden_size": 64, "moe_num_experts": 4, "moe_top_k": 2},
    },
    "deepseek_v2": {"num_experts_per_tok": 6, "n_group": None, "topk_group": None},
    "glm4_moe": {"head_dim": 128},
    "glm4v_moe_text": {"head_dim": 128},
}
# Remote code with the configuration class of another family.
LIKE = {
    "RefinedWeb": "falcon",
    "RefinedWebModel": "falcon",
    "kimi_k2": "deepseek_v3",
    "mimo": "qwen2",
}


def class_config(model_type: str) -> Config:
    defaults = class_defaults(LIKE.get(model_type, model_type))
    return {"model_type": model_type, **defaults, **STATED.get(model_type, {})}


@pytest.mark.parametrize("model_type", sorted(FAMILIES))
def test_every_family_reads_the_model_of_its_class(tmp_path: Path, model_type: str) -> None:
    model, _ = load_model(str(write(tmp_path, class_config(model_type))))
    assert (model.moe is not None) == (FAMILIES[model_type].moe is not None)


@pytest.mark.parametrize("model_type", sorted(FAMILIES))
def test_every_family_refuses_a_field_it_does_not_know(tmp_path: Path, model_type: str) -> None:
    path = write(tmp_path, class_config(model_type) | {"novelty": 1})
    assert [problem.field for problem in problems_of(path)] == ["novelty"]


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.text(max_size=8)
    | st.sampled_from(["llama", "gpt_oss", "full_attention", "greedy"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(base=st.sampled_from(sorted(V4)), data=st.data())
def test_any_change_gives_a_model_or_an_input_error(
    tmp_path: Path, base: str, data: st.DataObject
) -> None:
    config = json.loads(json.dumps(V4[base]))
    target = config.get("text_config", config)
    changed = data.draw(st.sampled_from(sorted(target)))
    target[changed] = data.draw(junk)
    with suppress(InputError):
        model, _ = load_model(str(write(tmp_path, config)))
        assert len(model.layers) == model.num_layers
