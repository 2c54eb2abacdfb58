from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from plan_samples import plan_of

from placer.cli.app import main
from placer.plan.saving import save_plan
from placer.plan.strategy import Strategy

STRATEGY = Strategy(tp=4, pp=2, dp=4, dp_shard=4, num_microbatches=4, sequence_parallel=True)


@pytest.fixture
def plan_file(tmp_path: Path) -> str:
    path = tmp_path / "plan.json"
    save_plan(plan_of(STRATEGY), path)
    return str(path)


def exit_code(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    monkeypatch.setattr(sys, "argv", ["placer", "simulate", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code


def test_prints_both_accounts(
    plan_file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, plan_file) == 0
    out, err = capsys.readouterr()
    assert "small-dense on lab, simulated" in out
    assert "tensor parallel" in out
    assert "NIC" in out
    assert err == ""


def test_json_has_what_the_contract_names(
    plan_file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, plan_file, "--json", "--jitter", "0.02", "--samples", "3") == 0
    document = json.loads(capsys.readouterr().out)
    assert {"step_time_s", "estimate_s", "difference", "links"} <= set(document)
    total = document["estimate_s"] + sum(document["difference"].values())
    assert total == pytest.approx(document["step_time_s"])
    assert len(document["percentiles"]) == 6


def test_writes_a_trace(
    plan_file: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    trace = tmp_path / "trace.json"
    assert exit_code(monkeypatch, plan_file, "--trace", str(trace), "--stragglers", "1") == 0
    assert "ui.perfetto.dev" in capsys.readouterr().out
    assert json.loads(trace.read_text(encoding="utf-8"))["traceEvents"]


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("none.json",), "none.json"),
        (("PLAN", "--trace", "no/such/trace.json"), "--trace: expected a file"),
        (("PLAN", "--jitter", "2"), "--jitter"),
    ],
)
def test_wrong_input_is_exit_code_2(
    plan_file: str,
    arguments: tuple[str, ...],
    what: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = (plan_file if a == "PLAN" else a for a in arguments)
    assert exit_code(monkeypatch, *given) == 2
    assert what in capsys.readouterr().err


def test_a_plan_that_contradicts_itself_is_refused(
    plan_file: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(plan_file)
    document = json.loads(path.read_text(encoding="utf-8"))
    document["strategy"]["num_microbatches"] += 1
    path.write_text(json.dumps(document), encoding="utf-8")
    assert exit_code(monkeypatch, plan_file) == 2
    assert "plan" in capsys.readouterr().err
