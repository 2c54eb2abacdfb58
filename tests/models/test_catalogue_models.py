"""The catalogue's shapes give the parameter counts their owners publish."""

from __future__ import annotations

import pytest

from placer.importers.model_source import load_model
from placer.spec.catalogue import CatalogueKind, catalogue_folder, catalogue_names
from placer.spec.model import MlpKind
from placer.workload.params import count_params

NAMES = catalogue_names(CatalogueKind.MODEL)
WITH_ACTIVE = [name for name in NAMES if load_model(name)[0].active_params_published]
REQUIRED = {
    "bloom-176b",
    "deepseek-v3",
    "gpt-oss-120b",
    "gpt3-175b",
    "grok-1",
    "kimi-k2",
    "llama-2-70b",
    "llama-3.1-405b",
    "llama-3.1-70b",
    "llama-3.1-8b",
    "llama-4-maverick",
    "megatron-1t",
    "mixtral-8x22b",
    "mixtral-8x7b",
    "mt-nlg-530b",
    "nemotron-4-340b",
    "qwen3-235b-a22b",
    "qwen3-30b-a3b",
}


def test_the_models_people_ask_for_are_there() -> None:
    assert set(NAMES) >= REQUIRED


@pytest.mark.parametrize("name", NAMES)
def test_total_is_within_one_percent_of_the_published(name: str) -> None:
    model, _ = load_model(name)
    assert model.params_published is not None
    assert count_params(model).total == pytest.approx(model.params_published, rel=0.01)


@pytest.mark.parametrize("name", WITH_ACTIVE)
def test_active_is_within_three_percent_of_the_published(name: str) -> None:
    model, _ = load_model(name)
    params = count_params(model)
    # OpenAI counts active parameters without the embedding table (arXiv 2508.10925, table 1).
    active = params.active_without_embedding if name == "gpt-oss-120b" else params.active
    assert active == pytest.approx(model.active_params_published, rel=0.03)


@pytest.mark.parametrize("name", NAMES)
def test_an_entry_is_named_like_its_file_and_says_where_it_is_from(name: str) -> None:
    model, info = load_model(name)
    assert (model.name, info.name) == (name, f"{name}.yaml")
    assert model.source != "not stated"
    assert (catalogue_folder(CatalogueKind.MODEL) / info.name).read_text().startswith("# ")


@pytest.mark.parametrize("name", NAMES)
def test_a_mixture_states_its_active_parameters(name: str) -> None:
    """All but Grok-1, whose owner gives a rounded share only."""
    model, _ = load_model(name)
    has_experts = any(layer.mlp is MlpKind.MOE for layer in model.layers)
    assert (model.active_params_published is not None) == (has_experts and name != "grok-1")


def test_the_mtp_module_of_deepseek_v3_is_counted_apart() -> None:
    """11.5B parameters of its own, as the README of the weights says; not in the 671B."""
    params = count_params(load_model("deepseek-v3")[0])
    assert params.mtp == pytest.approx(11.5e9, rel=0.01)
    assert params.total_with_mtp == params.total + params.mtp
