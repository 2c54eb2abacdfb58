"""Progress on stderr: quiet where nobody watches, one line a second in a log."""

from __future__ import annotations

import io
import math
from typing import Any

import pytest
from rich.console import Console

from placer.cli import progress as progress_module
from placer.cli.progress import ProgressLine, progress_text
from placer.search.result import Progress


def progress_at(elapsed_s: float, **fields: Any) -> Progress:
    settings: dict[str, Any] = {
        "incumbent_s": 6.124,
        "lower_bound_s": 6.1,
        "gap": 0.0039,
        "candidates": 1_045_935,
        "solved": 4,
    } | fields
    return Progress(elapsed_s=elapsed_s, **settings)


def test_the_line() -> None:
    assert progress_text(progress_at(1.83)) == (
        "best 6.12 s, bound 6.10 s, gap 0.39 %, 1,045,935 candidates, 4 placed, 1.8 s"
    )


def test_before_the_first_plan() -> None:
    text = progress_text(progress_at(0.2, incumbent_s=math.inf, gap=math.inf, solved=0))
    assert text.startswith("no plan yet, bound 6.10 s, 1,045,935 candidates")


def test_a_log_gets_a_line_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressLine() as line:
        for tenth in range(35):
            line(progress_at(tenth / 10))
    out, err = capsys.readouterr()
    assert out == ""
    assert [text.split(", ")[-1] for text in err.splitlines()] == ["1.0 s", "2.0 s", "3.0 s"]


def test_a_terminal_gets_one_line_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(force_terminal=True, width=100, record=True, file=io.StringIO())
    monkeypatch.setattr(progress_module, "talk_console", lambda: console)
    with ProgressLine() as line:
        line(progress_at(0.1))
        line(progress_at(0.2))
    assert "best 6.12 s" in console.export_text()


def test_the_line_is_given_back_after_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(force_terminal=True, width=100, file=io.StringIO())
    monkeypatch.setattr(progress_module, "talk_console", lambda: console)
    with pytest.raises(RuntimeError), ProgressLine():
        raise RuntimeError
    assert console.show_cursor()
