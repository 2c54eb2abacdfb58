from __future__ import annotations

from pathlib import Path

import pytest

from placer.errors import InputError
from placer.spec.catalogue import CatalogueKind, catalogue_folder, catalogue_names
from placer.spec.kind import input_kind


@pytest.mark.parametrize("kind", CatalogueKind)
def test_files_of_the_catalogue_are_known_by_their_fields(kind: CatalogueKind) -> None:
    for name in catalogue_names(kind):
        assert input_kind(name) is kind
        assert input_kind(str(catalogue_folder(kind) / f"{name}.yaml")) is kind


def test_a_foreign_model_is_known_by_its_fields(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text('{"model_type": "llama", "hidden_size": 64, "vocab_size": 100}')
    assert input_kind(str(path)) is CatalogueKind.MODEL


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: x\n", "`placer schema model` and `placer schema cluster` describe them."),
        ("hidden_size: 8\nscale_out: 1\n", "got neither"),  # one field of each
        ("schema: placer.plan/v1\n", "This is a plan; `placer explain` shows plans."),
    ],
)
def test_says_when_a_file_is_neither(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        input_kind(str(path))
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{path}:1:1: expected the fields of a model or")
