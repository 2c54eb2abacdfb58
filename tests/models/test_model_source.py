"""A model may be a catalogue name, a file of placer's own form, or a config.json."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from placer.errors import InputError
from placer.importers.model_source import load_model
from placer.spec.catalogue import CatalogueKind, catalogue_folder
from placer.spec.kind import input_kind

DATA = Path(__file__).parents[1] / "data" / "huggingface"


def test_a_name_of_the_catalogue() -> None:
    model, info = load_model("llama-3.1-8b")
    path = catalogue_folder(CatalogueKind.MODEL) / "llama-3.1-8b.yaml"
    assert model.num_layers == 32
    assert info.name == "llama-3.1-8b.yaml"
    assert info.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_yaml_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text((catalogue_folder(CatalogueKind.MODEL) / "gpt-oss-120b.yaml").read_text())
    model, info = load_model(str(path))
    assert model == load_model("gpt-oss-120b")[0]
    assert info.name == "mine.yaml"


def test_a_model_written_as_json_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    model, _ = load_model("deepseek-v3")
    path.write_text(model.model_dump_json())
    assert load_model(str(path))[0] == model


def test_a_config_json_under_any_name() -> None:
    model, info = load_model(str(DATA / "v4" / "qwen3-32b.json"))
    assert (model.name, info.name) == ("qwen3-32b", "qwen3-32b.json")


@pytest.mark.parametrize("path", sorted((DATA / "v4").glob("*.json")), ids=lambda path: path.stem)
def test_a_config_json_is_known_for_a_model(path: Path) -> None:
    """Also where nothing at the top is in our own form, as in multimodal files."""
    assert input_kind(str(path)) is CatalogueKind.MODEL


@pytest.mark.parametrize(
    ("reference", "word"),
    [
        ("llama-3.1-450b", "llama-3.1-405b"),  # a slip of the finger
        ("no-such-file.json", "nothing at this path"),
        (str(DATA), "a directory"),
        ("", "llama"),
    ],
)
def test_what_is_no_model(reference: str, word: str) -> None:
    with pytest.raises(InputError, match=word):
        load_model(reference)


@pytest.mark.parametrize("text", ["[]", "3", '"llama"', "", "{", '{"model_type": }', "\x00" * 9])
def test_what_is_no_mapping(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(InputError):
        load_model(str(path))
