"""The person's view of a model."""

from __future__ import annotations

import pytest

from placer.importers.model_source import load_model
from placer.report.show_model import render_model
from placer.spec.catalogue import CatalogueKind, catalogue_names


def view(name: str) -> list[str]:
    return render_model(load_model(name)[0]).splitlines()


def has_row(lines: list[str], *words: str) -> bool:
    return any(line.split() == " ".join(words).split() for line in lines)


def test_deepseek_v3() -> None:
    lines = view("deepseek-v3")
    assert lines[0] == "deepseek-v3"
    assert has_row(
        lines, "experts 256 of 2,048, gated; 8 per token; shared 2,048; from 4 of 8 groups"
    )
    assert has_row(lines, "0-2 3 dense")
    assert has_row(lines, "3-60 58 MoE")
    assert has_row(lines, "routed experts 654B 20.4B")
    assert has_row(lines, "sum 671B 37.6B")
    assert has_row(lines, "11.6B more in MTP modules")


def test_a_dense_model_has_one_column_of_parameters() -> None:
    lines = view("llama-3.1-405b")
    assert has_row(lines, "0-125 126 dense")
    assert has_row(lines, "sum 406B")
    assert not any("per token" in line for line in lines)


def test_a_repeated_pattern_is_written_once() -> None:
    lines = view("gpt-oss-120b")
    assert has_row(lines, "0-35 18 x (1 MoE with a window of 128 tokens, 1 MoE)")


def test_a_pattern_that_does_not_divide_the_layers_shows_its_rest() -> None:
    model, _ = load_model("gpt-oss-120b")
    lines = render_model(model.model_copy(update={"num_layers": 37})).splitlines()
    assert has_row(lines, "36 1 MoE with a window of 128 tokens")


def test_flops_count_half_of_causal_attention() -> None:
    """2 x 405.85B - embedding, times 3, plus 6 x 126 x 16384 x 2048.5 keys x 2: 2.47 TFLOP."""
    matrices = 405_853_388_800 - 128_256 * 16_384 - 253 * 16_384
    attention = 126 * 6 * 2048.5 * 128 * 256
    expected = f"{(6 * matrices + attention) / 1e9:,.1f}"
    assert has_row(view("llama-3.1-405b"), f"at 4,096 tokens {expected} GFLOP")


@pytest.mark.parametrize("name", catalogue_names(CatalogueKind.MODEL))
def test_every_entry_has_a_view(name: str) -> None:
    lines = view(name)
    assert lines[0] == name
    assert all(line == line.rstrip() for line in lines)
    assert not any("None" in line for line in lines)
