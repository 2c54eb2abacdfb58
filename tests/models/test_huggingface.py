"""Real configurations of both generations become the model their owners describe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from placer.importers.model_source import load_model
from placer.spec.model import AttentionKind, LayerClass, MlpKind, ModelSpec, NormKind
from placer.workload.params import count_params

DATA = Path(__file__).parents[1] / "data" / "huggingface"
NAMES = sorted(path.stem for path in (DATA / "v4").glob("*.json"))
V5_NAMES = sorted(path.stem for path in (DATA / "v5").glob("*.json"))

# Parameters in the published weights (model pages); where the page's figure holds more than the
# text model or less than a round name, the comment says what is compared.
PUBLISHED = {
    "bloom": 176_247_271_424,
    "command-r": 34_980_831_232,
    "dbrx": 131_596_523_520,
    "deepseek-v2-lite": 15_706_484_224,
    "deepseek-v3": 671e9,  # main model, section 4.2 of its report
    "ernie-4.5-300b-a47b": 300e9,  # its name
    "falcon-40b": 41_303_293_952,
    "gemma-2-27b": 27_227_128_320,
    "gemma-3-27b": 27_009_346_304,  # text model; 27.4B with the vision tower
    "glm-4.5": 355e9,  # its name
    "gpt-oss-120b": 116_829_156_672,
    "gpt2-xl": 1_557_611_200,
    "granite-3.1-3b-a800m": 3.3e9,
    "kimi-k2": 1026e9,
    "llama-3.1-8b": 8_030_261_248,
    "llama-4-maverick": 400e9,
    "mistral-7b-v0.1": 7_241_732_096,
    "mixtral-8x7b": 46_702_792_704,
    "olmo-2-13b": 13_716_198_400,
    "olmoe-1b-7b": 6_919_161_856,
    "phi-3-mini-4k": 3_821_079_552,
    "qwen2-57b-a14b": 57.4e9,
    "qwen2.5-72b": 72_706_203_648,
    "qwen3-30b-a3b": 30_532_122_624,
    "qwen3-32b": 32_762_123_264,
    "starcoder2-15b": 15_957_889_024,
}
EXACT = [
    "deepseek-v2-lite",
    "falcon-40b",
    "gemma-2-27b",
    "gemma-3-27b",
    "gpt2-xl",
    "llama-3.1-8b",
    "mistral-7b-v0.1",
    "mixtral-8x7b",
    "phi-3-mini-4k",
    "qwen2.5-72b",
    "qwen3-30b-a3b",
    "qwen3-32b",
    "starcoder2-15b",
]
# Parameters per token as the owners state them.
PUBLISHED_ACTIVE = {
    "dbrx": 36e9,
    "deepseek-v3": 37e9,
    "ernie-4.5-300b-a47b": 47e9,
    "granite-3.1-3b-a800m": 0.88e9,
    "kimi-k2": 32.6e9,
    "llama-4-maverick": 17e9,
    "mixtral-8x7b": 12.9e9,
    "olmoe-1b-7b": 1.3e9,
    "qwen2-57b-a14b": 14e9,
    "qwen3-30b-a3b": 3.3e9,
}
CATALOGUE_TWINS = {
    "deepseek-v3": "deepseek-v3",
    "gpt-oss-120b": "gpt-oss-120b",
    "kimi-k2": "kimi-k2",
    "llama-3.1-8b": "llama-3.1-8b",
    "llama-4-maverick": "llama-4-maverick",
    "mixtral-8x7b": "mixtral-8x7b",
    "qwen3-30b-a3b": "qwen3-30b-a3b",
    "bloom": "bloom-176b",
}


def read(name: str, generation: str = "v4") -> ModelSpec:
    model, _ = load_model(str(DATA / generation / f"{name}.json"))
    return model


def shape_of(model: ModelSpec) -> dict[str, object]:
    """What determines the cost: everything but words and published figures."""
    words = {"name", "source", "params_published", "active_params_published"}
    return model.model_dump(exclude=words)


def test_every_file_has_a_published_count() -> None:
    assert sorted(PUBLISHED) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_within_one_percent_of_the_published(name: str) -> None:
    assert count_params(read(name)).total == pytest.approx(PUBLISHED[name], rel=0.01)


@pytest.mark.parametrize("name", EXACT)
def test_parameters_are_exact(name: str) -> None:
    assert count_params(read(name)).total == PUBLISHED[name]


@pytest.mark.parametrize("name", sorted(PUBLISHED_ACTIVE))
def test_active_parameters_are_within_three_percent_of_the_published(name: str) -> None:
    assert count_params(read(name)).active == pytest.approx(PUBLISHED_ACTIVE[name], rel=0.03)


@pytest.mark.parametrize("name", V5_NAMES)
def test_both_generations_of_field_names_give_the_same_model(name: str) -> None:
    assert shape_of(read(name, "v5")) == shape_of(read(name, "v4"))


@pytest.mark.parametrize(("name", "catalogue_name"), sorted(CATALOGUE_TWINS.items()))
def test_a_config_and_its_catalogue_entry_agree(name: str, catalogue_name: str) -> None:
    catalogue, _ = load_model(catalogue_name)
    assert shape_of(read(name)) == shape_of(catalogue)


def test_generations_are_read_from_one_flat_and_one_nested_form() -> None:
    assert read("gemma-3-27b").attention.sliding_window == 1024
    assert "text_config only" in read("gemma-3-27b").source
    assert "text_config" not in read("llama-3.1-8b").source


def test_defaults_that_stand_in_are_named() -> None:
    assert "vocab_size 262208" in read("gemma-3-27b").source


def test_latent_attention_ignores_head_dim_and_kv_heads_of_the_file() -> None:
    """Transformers 5 writes the rotary width as head_dim for DeepSeek-V3."""
    attention = read("deepseek-v3", "v5").attention
    assert json.loads((DATA / "v5/deepseek-v3.json").read_text())["head_dim"] == 64
    assert attention.kind is AttentionKind.MLA
    assert (attention.head_dim, attention.v_head_dim, attention.num_kv_heads) == (192, 128, 128)


def test_query_latent_may_be_absent() -> None:
    assert read("deepseek-v2-lite").attention.q_lora_rank is None


def test_greedy_routing_has_no_groups() -> None:
    moe = read("deepseek-v2-lite").moe
    assert moe is not None
    assert (moe.num_groups, moe.topk_groups) == (1, 1)


def test_node_limited_routing() -> None:
    moe = read("deepseek-v3").moe
    assert moe is not None
    assert (moe.num_groups, moe.topk_groups, moe.first_dense_layers) == (8, 4, 3)


def test_multi_token_prediction() -> None:
    assert read("deepseek-v3").mtp_layers == 1
    assert read("kimi-k2").mtp_layers == 0
    assert read("glm-4.5").mtp_layers == 1


def test_shared_experts_by_width_and_by_count() -> None:
    by_width, by_count = read("qwen2-57b-a14b").moe, read("deepseek-v2-lite").moe
    assert by_width is not None
    assert by_count is not None
    assert (by_width.shared_ffn_hidden_size, by_width.shared_expert_gate) == (20480, True)
    assert (by_count.shared_ffn_hidden_size, by_count.shared_expert_gate) == (2 * 1408, False)


def test_alternating_windows() -> None:
    layers = read("gpt-oss-120b").layers
    assert layers[0] == LayerClass(mlp=MlpKind.MOE, window=128)
    assert layers[1] == LayerClass(mlp=MlpKind.MOE)


def test_window_on_every_layer() -> None:
    assert {layer.window for layer in read("mistral-7b-v0.1").layers} == {4096}


def test_window_switched_off_by_its_own_field() -> None:
    assert read("qwen2.5-72b").attention.sliding_window is None


def test_period_of_six_over_a_number_of_layers_it_does_not_divide() -> None:
    model = read("gemma-3-27b")
    full = [index for index, layer in enumerate(model.layers) if layer.window is None]
    assert full == [5, 11, 17, 23, 29, 35, 41, 47, 53, 59]
    assert model.layer_period == 6


def test_interleaved_experts_and_chunks() -> None:
    model = read("llama-4-maverick")
    assert [layer.mlp for layer in model.layers[:2]] == [MlpKind.DENSE, MlpKind.MOE]
    assert model.layers[0].chunked
    assert model.layers[3] == LayerClass(mlp=MlpKind.MOE)
    assert model.layer_period == 4


def test_parallel_blocks() -> None:
    assert read("falcon-40b").parallel_block
    assert (read("command-r").parallel_block, read("command-r").norms_per_layer) == (True, 1)
    assert not read("llama-3.1-8b").parallel_block


def test_tied_embeddings_by_the_family_where_the_file_is_silent() -> None:
    assert read("gemma-2-27b").tied_embeddings
    assert read("gpt2-xl").tied_embeddings
    assert not read("dbrx").tied_embeddings


def test_legacy_names_and_null_width() -> None:
    model = read("gpt2-xl")
    assert (model.num_layers, model.hidden_size, model.mlp.ffn_hidden_size) == (48, 1600, 6400)
    assert model.learned_positions
    assert model.norms is NormKind.LAYERNORM


def test_the_name_is_the_file_s_or_its_folder_s(tmp_path: Path) -> None:
    folder = tmp_path / "my-llama"
    folder.mkdir()
    text = (DATA / "v4/llama-3.1-8b.json").read_text()
    (folder / "config.json").write_text(text)
    model, info = load_model(str(folder / "config.json"))
    assert model.name == "my-llama"
    assert info.name == "config.json"
