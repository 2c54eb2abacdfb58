"""What the user leaves open, and what does not go together."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plan_samples import DENSE_MODEL, LAB

from placer.api.question import RunOptions, ask, complete_run, computes_in, even_batch
from placer.errors import InputError
from placer.spec.accelerator import load_accelerator
from placer.spec.run import Precision, RunSpec


def completed(num_gpus: int = 1024, **options: Any) -> tuple[RunSpec, tuple[str, ...]]:
    return complete_run(RunOptions(**options), DENSE_MODEL, num_gpus)


def test_nothing_is_assumed_of_a_full_question() -> None:
    run, assumptions = completed(global_batch_size=512, seq_len=4096)
    assert (run.global_batch_size, run.seq_len) == (512, 4096)
    assert assumptions == ()


@pytest.mark.parametrize(
    ("num_gpus", "sequences"),
    [(1024, 2048), (16384, 2048), (512, 1024), (8, 16), (1, 2)],
)
def test_the_usual_batch_shrinks_with_the_cluster(num_gpus: int, sequences: int) -> None:
    run, assumptions = completed(num_gpus)
    assert run.global_batch_size == sequences
    assert run.seq_len == 8192
    assert any(text.startswith("global batch:") for text in assumptions)
    assert any(text.startswith("sequence length: 8192") for text in assumptions)


def test_a_short_model_is_not_given_a_long_sequence() -> None:
    short = DENSE_MODEL.model_copy(update={"max_seq_len": 2048})
    run, _ = complete_run(RunOptions(), short, 1024)
    assert (run.seq_len, run.global_batch_size) == (2048, 8192)


@pytest.mark.parametrize(
    ("tokens", "seq_len", "sequences", "said"),
    [
        (4096 * 300, 4096, 300, False),  # whole: taken as it is
        (16e6, 8192, 2048, True),  # 1953.1, people mean 16Mi
        (4e6, 4096, 1024, True),
        (60e6, 4096, 14336, True),
        (100, 4096, 1, True),  # less than one sequence
    ],
)
def test_a_batch_in_tokens(tokens: float, seq_len: int, sequences: int, said: bool) -> None:
    run, assumptions = completed(global_batch_tokens=tokens, seq_len=seq_len)
    assert run.global_batch_size == sequences
    assert bool(assumptions) == said


@given(st.floats(min_value=0.01, max_value=1e6))
def test_an_even_batch_is_near(sequences: float) -> None:
    batch = even_batch(sequences)
    assert batch >= 1
    assert abs(batch - sequences) <= max(0.05 * sequences, 1.0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"global_batch_size": 0}, "--global-batch-size: expected 1 to 2^30 sequences, got 0"),
        ({"global_batch_size": -4}, "--global-batch-size"),
        ({"seq_len": 0}, "--seq-len: expected 1 to 2^30 tokens, got 0"),
        ({"precision": "fp7"}, "--precision: expected one of bf16, fp8, mxfp8, nvfp4, got 'fp7'"),
        ({"framework": "Mega Tron"}, "--framework: expected a name such as megatron"),
        ({"global_batch_size": 8, "global_batch_tokens": 8.0}, "got both"),
    ],
)
def test_impossible_values(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        completed(**options)
    assert words in str(caught.value)


def test_all_impossible_values_are_reported_at_once() -> None:
    with pytest.raises(InputError) as caught:
        completed(global_batch_size=0, seq_len=-1, precision="x")
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    ("accelerator", "precisions"),
    [
        ("a100_80g_sxm", {Precision.BF16}),
        ("h100_sxm", {Precision.BF16, Precision.FP8}),
        ("b200_sxm", set(Precision)),
        ("mi300x", {Precision.BF16, Precision.FP8}),
    ],
)
def test_formats_a_part_computes_in(accelerator: str, precisions: set[Precision]) -> None:
    part = load_accelerator(accelerator)
    assert {p for p in Precision if computes_in(part, p)} == precisions


def test_a_format_the_cluster_lacks_is_refused() -> None:
    with pytest.raises(InputError, match=r"--precision: expected a format that .* got mxfp8"):
        ask(DENSE_MODEL, LAB, RunOptions(precision="mxfp8"))
    with pytest.raises(InputError, match="--precision bf16 or fp8"):
        ask(DENSE_MODEL, LAB, RunOptions(precision="nvfp4"))


@pytest.mark.parametrize("framework", ["megatrom", "megatron@0.0.1", "any@1"])
def test_an_unknown_framework_is_refused(framework: str) -> None:
    with pytest.raises(InputError, match="--framework"):
        ask(DENSE_MODEL, LAB, RunOptions(framework=framework))


def test_sources_say_where_things_come_from() -> None:
    question = ask("llama-3.1-8b", "lab-8x-h100", RunOptions())
    assert question.sources.model.name == "llama-3.1-8b.yaml"
    assert question.sources.cluster.name == "lab-8x-h100.yaml"
    assert question.sources.run.name == "options"
    assert len(question.sources.run.sha256) == 64


def test_model_and_cluster_the_wrong_way_round() -> None:
    with pytest.raises(InputError, match="the model comes first"):
        ask("lab-8x-h100", "llama-3.1-8b", RunOptions())
