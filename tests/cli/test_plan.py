"""``plan``, ``estimate``, ``explain``: what people type, what they get back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from placer.cli import app as app_module
from placer.plan.serialise import load_plan

SMALL = ("llama-3.1-8b", "lab-8x-h100", "--global-batch-size", "16", "--seq-len", "4096")
QUICK = ("--fix", "tp=2", "--fix", "pp=1", "--top", "2")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Exit code of the command line."""
    monkeypatch.setattr(sys, "argv", ["placer", *arguments])
    with pytest.raises(SystemExit) as caught:
        app_module.main()
    assert isinstance(caught.value.code, int)
    return caught.value.code


def test_plan_prints_a_report_and_writes_the_plan(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    assert run(monkeypatch, "plan", *SMALL, *QUICK, "-o", str(path)) == 0
    out, err = capsys.readouterr()
    assert "proven within" in out
    assert f"placer explain {path}" in out.replace("\n  ", "")
    assert "asked: fix pp=1" in out
    assert "warning" not in err  # progress may be there, on a slow machine
    assert load_plan(path).strategy.tp == 2


def test_json_is_one_document_and_the_same_as_the_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    assert run(monkeypatch, "plan", *SMALL, *QUICK, "--json", "-o", str(path)) == 0
    out = capsys.readouterr().out
    assert json.loads(out)["schema"] == "placer.plan/v1"
    assert out == path.read_text()


def test_what_is_left_open_is_chosen_and_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "estimate", "llama-3.1-8b", "lab-8x-h100", "--tp", "2") == 0
    out = capsys.readouterr().out
    assert "left open: sequence length: 8192 tokens taken" in out
    assert "left open: global batch: 16 sequences of 8192" in out
    assert "left open: dp: 4 taken, 8 of 8 GPUs" in out


def test_estimate_as_json_has_neither_proof_nor_alternatives(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "estimate", *SMALL, "--tp", "2", "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert data["status"] == "estimated"
    assert not {"bound", "alternatives"} & data.keys()
    assert sum(data["estimate"]["breakdown_s"].values()) == pytest.approx(
        data["estimate"]["step_time_s"], rel=1e-12
    )


def test_an_estimate_that_does_not_fit_is_an_answer_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    question = ("llama-3.1-70b", "lab-8x-h100", "--tp", "8", "--global-batch-size", "8")
    assert run(monkeypatch, "estimate", *question) == 0
    out, err = capsys.readouterr()
    assert "DOES NOT FIT: 1 of 1 stages" in out
    assert "warning: this configuration does not fit the memory" in err


def test_a_configuration_file_and_options_before_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("tp: 4\nrecompute: full\nrun: {global_batch_size: 16, seq_len: 2048}\n")
    command = ("estimate", "llama-3.1-8b", "lab-8x-h100", "--config", str(path), "--tp", "2")
    assert run(monkeypatch, *command, "--json") == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["strategy"]["tp"], data["run"]["seq_len"]) == (2, 2048)
    assert data["strategy"]["recompute"]["granularity"] == "full"


def test_explain_reads_the_plan_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    assert run(monkeypatch, "plan", *SMALL, *QUICK, "-o", str(path)) == 0
    capsys.readouterr()
    assert run(monkeypatch, "explain", str(path)) == 0
    out = capsys.readouterr().out
    for title in (
        "Where the time goes",
        "What binds",
        "Next best plans",
        "One step along each axis",
    ):
        assert title in out
    assert run(monkeypatch, "explain", str(path), "--json") == 0
    assert json.loads(capsys.readouterr().out)["schema"] == "placer.explain/v1"


def edited(path: Path, **fields: Any) -> None:
    """Change a plan file by hand."""
    data = json.loads(path.read_text())
    data["estimate"] |= fields
    path.write_text(json.dumps(data))


def test_a_plan_edited_by_hand_is_wrong_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "plan.json"
    assert run(monkeypatch, "estimate", *SMALL, "--tp", "2", "-o", str(path)) == 0
    edited(path, step_time_s=1.0)
    assert run(monkeypatch, "explain", str(path)) == 2
    assert "breakdown_s sums to" in capsys.readouterr().err


WRONG = [
    (("plan", "llama-3.1-8c", "lab-8x-h100"), 2, "Did you mean llama-3.1-8b"),
    (("plan", *SMALL, "--fix", "tp"), 2, "--fix"),
    (("plan", *SMALL, "--fix", "tp=two"), 2, "--fix"),
    (("plan", *SMALL, "--fix", "xp=2"), 2, "expected one of tp, cp"),
    (("plan", *SMALL, "--forbid", "tp", "--fix", "tp=2"), 2, "one value of tp"),
    (("plan", *SMALL, "--top", "0"), 2, "--top: expected >= 1, got 0"),
    (("plan", *SMALL, "--gap", "-1"), 2, "--gap: expected >= 0"),
    (("plan", *SMALL, "--gap", "nan"), 2, "--gap"),
    (("plan", *SMALL, "--time-limit", "0"), 2, "--time-limit: expected > 0 s"),
    (("plan", *SMALL, "--time-limit", "nan"), 2, "--time-limit"),
    (("plan", *SMALL, "--gpus", "0"), 2, "--gpus: expected >= 1, got 0"),
    (("plan", *SMALL, "--precision", "mxfp8"), 2, "Use --precision bf16 or fp8"),
    (("plan", *SMALL, "--framework", "megatrom"), 2, "--framework: expected one of"),
    (("plan", *SMALL, "--global-batch-tokens", "1M"), 2, "got both"),
    (("plan", *SMALL[:2], "--global-batch-tokens", "16 GB"), 2, "--global-batch-tokens"),
    (("estimate", *SMALL, "--tp", "3"), 2, "num_attention_heads 32 % tp 3 = 2"),
    (("estimate", *SMALL, "--dp", "3"), 2, "Use --global-batch-size 15"),
    (("estimate", *SMALL, "--tp", "8", "--dp", "2"), 3, "16 GPUs > 8 usable"),
    (("estimate", *SMALL, "--config", "missing.yaml"), 2, "missing.yaml"),
    (("explain", "missing.json"), 2, "missing.json: expected a plan file"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), WRONG)
def test_wrong_input_and_impossible_questions(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    words: str,
) -> None:
    assert run(monkeypatch, *arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert "Traceback" not in err


def test_a_place_that_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "none" / "plan.json"
    assert run(monkeypatch, "estimate", *SMALL, "--tp", "2", "-o", str(path)) == 2
    assert "Choose another file with -o" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("estimate", *SMALL, "--tp", "2"), 0),
        (("estimate", *SMALL, "--tp", "3"), 2),
        (("estimate", *SMALL, "--tp", "8", "--dp", "2"), 3),
        (("plan", *SMALL[:2], "--tpp", "2"), 2),
    ],
)
def test_exit_codes_of_the_real_command(arguments: tuple[str, ...], code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "placer", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert bool(done.stdout) == (code == 0)
