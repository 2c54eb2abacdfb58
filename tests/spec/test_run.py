from __future__ import annotations

import pytest
from pydantic import ValidationError

from placer.spec.run import Features, Optimizer, Precision, RunSpec


def test_defaults_are_a_plain_bf16_run() -> None:
    run = RunSpec(global_batch_size=2048, seq_len=8192)
    assert (run.precision, run.optimizer) == (Precision.BF16, Optimizer.ADAM)
    assert run.tokens_per_step == 16_777_216
    assert run.features == Features()


@pytest.mark.parametrize(
    ("framework", "name", "release"),
    [
        ("megatron", "megatron", ""),
        ("megatron@0.17.1", "megatron", "0.17.1"),
        ("torchtitan@0.3.0rc1", "torchtitan", "0.3.0rc1"),
        ("any", "any", ""),
    ],
)
def test_a_framework_is_a_name_and_perhaps_a_release(
    framework: str, name: str, release: str
) -> None:
    run = RunSpec(global_batch_size=1, seq_len=1, framework=framework)
    assert (run.framework_name, run.framework_release) == (name, release)


@pytest.mark.parametrize(
    "change",
    [
        {"global_batch_size": 0},  # no step
        {"global_batch_size": 1.5},  # no half sequence
        {"global_batch_size": True},
        {"global_batch_size": "8"},
        {"seq_len": -1},
        {"seq_len": 1 << 40},
        {"precision": "bf17"},
        {"optimizer": "lion"},
        {"framework": ""},
        {"framework": "megatron@"},
        {"framework": "Megatron LM"},
        {"framework": "x" * 101},
        {"features": {"tp_overlap": True}},  # unknown
        {"features": {"dp_overlap": 1}},
        {"batch": 1},  # unknown
    ],
)
def test_refuses(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RunSpec.model_validate({"global_batch_size": 8, "seq_len": 128} | change)


def test_a_run_survives_json() -> None:
    run = RunSpec(
        global_batch_size=8, seq_len=128, precision=Precision.FP8, features=Features(compile=True)
    )
    assert RunSpec.model_validate_json(run.model_dump_json()) == run
