from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from placer.errors import InputError
from placer.spec import catalogue
from placer.spec.catalogue import CatalogueKind, catalogue_names, find_kind, resolve_input

MODEL, CLUSTER = CatalogueKind.MODEL, CatalogueKind.CLUSTER


@pytest.fixture(autouse=True)
def small_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("models/llama-3.1-70b", "models/llama-3.1-8b", "clusters/lab"):
        path = tmp_path / f"placer-root/{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"name: {path.stem}\n")
    monkeypatch.setattr(catalogue, "_PACKAGE", tmp_path / "placer-root/placer")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "placer-root"


def test_lists_names_in_order() -> None:
    assert catalogue_names(MODEL) == ("llama-3.1-70b", "llama-3.1-8b")
    assert catalogue_names(CLUSTER) == ("lab",)


def test_a_name_is_a_file_of_the_catalogue(small_catalogue: Path) -> None:
    found = resolve_input("llama-3.1-8b", MODEL)
    assert found.path == small_catalogue / "models/llama-3.1-8b.yaml"
    assert found.name == "llama-3.1-8b.yaml"  # the same on every machine
    assert found.sha256 == hashlib.sha256(b"name: llama-3.1-8b\n").hexdigest()


def test_an_installed_package_carries_its_own_catalogue(small_catalogue: Path) -> None:
    inside = small_catalogue / "placer/models"
    inside.mkdir(parents=True)
    (inside / "other.yaml").touch()
    assert catalogue_names(MODEL) == ("other",)


@pytest.mark.parametrize("reference", ["mine.yaml", "./mine", "mine", "config.json"])
def test_a_file_is_taken_as_it_is(tmp_path: Path, reference: str) -> None:
    (tmp_path / reference).write_text("x")
    assert resolve_input(reference, MODEL).path == Path(reference)


@pytest.mark.parametrize(
    ("reference", "kind", "words"),
    [
        ("llama-3-8b", MODEL, "Did you mean llama-3.1-8b"),
        ("LLAMA-3.1-8B", MODEL, "Did you mean llama-3.1-8b"),
        ("gpt", MODEL, "Known: llama-3.1-70b, llama-3.1-8b. `placer show` lists all."),
        ("lab", MODEL, "That is a cluster; the model comes first"),  # swapped arguments
        ("llama-3.1-8b", CLUSTER, "That is a model"),
        ("lad", None, "model or cluster: expected a model or cluster of the catalogue, or a file"),
        ("", MODEL, "got ''"),
        ("missing.yaml", MODEL, "missing.yaml: expected a file, got nothing at this path"),
        ("placer-root/models", MODEL, "got a directory"),
        ("x" * 5000, MODEL, "xxx..."),
        ("a\0b", MODEL, r"'a\x00b'"),
    ],
)
def test_says_what_is_wrong_with_a_reference(
    reference: str, kind: CatalogueKind | None, words: str
) -> None:
    with pytest.raises(InputError) as caught:
        resolve_input(reference, kind)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 500


def test_finds_the_kind_of_a_name() -> None:
    assert [find_kind(name) for name in ("lab", "llama-3.1-8b", "x")] == [CLUSTER, MODEL, None]
