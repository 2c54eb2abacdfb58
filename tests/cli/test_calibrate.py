from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from validate_samples import DENSE, table_text

from placer.cli.app import main


def exit_code(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    monkeypatch.setattr(sys, "argv", ["placer", "calibrate", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code


def test_one_step_becomes_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs, output = tmp_path / "runs.csv", tmp_path / "mine.yaml"
    runs.write_text(table_text(DENSE), encoding="utf-8")
    assert exit_code(monkeypatch, "--runs", str(runs), "-o", str(output)) == 0
    text = capsys.readouterr().out
    assert "measured steps" in text
    assert "compute.sustained_hopper" in text
    assert max(len(line) for line in text.splitlines()) <= 100
    assert output.read_text(encoding="utf-8").startswith("# Written by placer calibrate")
    assert exit_code(monkeypatch, "--runs", str(runs), "-o", str(output), "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["errors"][0]["after"] < document["errors"][0]["before"]
    assert document["calibration"]["schema"] == "placer.calibration/v1"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("-o", "x.yaml"), "expected a measurement or a derate"),
        (("-o", "x.yaml", "--runs", "none.csv"), "none.csv: expected a file"),
        (("-o", "no/such/x.yaml", "--clock", "0.9"), "--output: expected a file"),
        (("-o", "x.yaml", "--clock", "-1"), "--clock"),
    ],
)
def test_wrong_input_is_exit_code_2(
    arguments: tuple[str, ...],
    what: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert exit_code(monkeypatch, *arguments) == 2
    assert what in capsys.readouterr().err
