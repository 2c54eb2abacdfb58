from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from validate_samples import DENSE, EXPERTS, table_text

from placer.cli.app import main


@pytest.fixture
def runs(tmp_path: Path) -> str:
    path = tmp_path / "runs.csv"
    path.write_text(table_text(DENSE, EXPERTS, DENSE | {"complete": "0"}), encoding="utf-8")
    return str(path)


def exit_code(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> object:
    monkeypatch.setattr(sys, "argv", ["placer", "validate", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code


def test_prints_tables(
    runs: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, runs) == 0
    out, err = capsys.readouterr()
    assert "2 of 3 runs of runs.csv" in out
    assert err == ""


def test_json_is_all_there_is_on_stdout(
    runs: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, runs, "--json", "--all") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["overall"]["rows"] == 3


def test_writes_markdown_and_picture(
    runs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    table, picture, page = (tmp_path / n for n in ("table.md", "picture.svg", "page.html"))
    files = ["--markdown", str(table), "--svg", str(picture), "--html", str(page)]
    assert exit_code(monkeypatch, runs, *files) == 0
    assert table.read_text(encoding="utf-8").startswith("# Predicted against measured")
    assert picture.read_text(encoding="utf-8").startswith("<svg")
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "wrote" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("none.csv",), "none.csv: expected a file, got nothing at this path"),
        (("measured",), "Did you mean measured_runs"),
        (("measured_runs", "--svg", "no/such/folder.svg"), "--svg: expected a file"),
    ],
)
def test_wrong_input_is_exit_code_2(
    arguments: tuple[str, ...],
    what: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert exit_code(monkeypatch, *arguments) == 2
    assert what in capsys.readouterr().err


def test_default_table_is_costed_almost_completely(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """At most 2 % of the complete rows that travel with placer are skipped, each with a reason."""
    assert exit_code(monkeypatch, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    overall = document["overall"]
    complete = overall["rows"] + overall["complete_skipped"]
    assert overall["complete_skipped"] <= 0.02 * complete
    assert overall["rows"] + overall["skipped"] == len(document["rows"])
    assert all((row["predicted_s"] is None) == bool(row["skipped"]) for row in document["rows"])


def test_collectives_are_printed_with_their_misses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, "nccl_measured") == 0
    page = capsys.readouterr().out
    assert "316 of 360 collectives" in page
    assert "EFA takes about 360 us up to 16 MiB" in page
    assert max(len(line) for line in page.splitlines()) <= 100


def test_collectives_as_json_count_every_row(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, "nccl_measured", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["rows"]) + len(document["skipped"]) == 360
    assert {group["name"] for group in document["groups"]} >= {"64 MiB and more", "below 1 MiB"}


def test_options_about_runs_are_refused_for_collectives(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, "nccl_measured", "--svg", "x.svg", "--all") == 2
    errors = capsys.readouterr().err
    assert "--svg: expected no --svg" in errors
    assert "--all: expected no --all" in errors


def test_bandwidths_between_sites_are_printed_beside_ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, "bandwidth_for_utilisation") == 0
    page = capsys.readouterr().out
    assert "66 of 74 cells within 15.0 %, 74 within 40.0 %" in page
    assert "the bandwidth reached is not published" in " ".join(page.split())
    assert max(len(line) for line in page.splitlines()) <= 100
    assert exit_code(monkeypatch, "bandwidth_for_utilisation", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["cells"]) == 74
    assert len(document["runs"]) == 4


def test_out_of_memory_reports_are_in_the_document(
    runs: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(monkeypatch, runs, "--json") == 0
    reports = json.loads(capsys.readouterr().out)["out_of_memory"]
    assert reports["reports"] == len(reports["rows"]) >= 20
    assert reports["judged_not_to_fit"] == sum(not row["fits"] for row in reports["rows"])
