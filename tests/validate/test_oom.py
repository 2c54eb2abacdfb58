from __future__ import annotations

import pytest
from validate_samples import rows_of

from placer.cost.constants import load_constants
from placer.report.validation_text import render_validation
from placer.validate.oom import OOM_REPORTS, JudgedReport, judge_oom_reports
from placer.validate.table import TIME_COLUMNS, read_rows
from placer.validate.validation import validate

JUDGED_NOT_TO_FIT = 0.85
"""104 of 120; oom_reports.md says which are missed and why."""


@pytest.fixture(scope="module")
def reports() -> tuple[JudgedReport, ...]:
    return judge_oom_reports(load_constants())


def test_reports_are_many_distinct_sourced_and_never_timed() -> None:
    rows = read_rows(OOM_REPORTS)
    assert len(rows) >= 20
    assert len({row.text("id") for row in rows}) == len(rows)
    assert len({row.text("source") for row in rows}) >= 4
    for row in rows:
        assert row.text("source")
        assert row.text("note")
        assert row.text("recompute")
        assert not any(row.has(name) for name in TIME_COLUMNS)


def test_most_reports_are_judged_not_to_fit(reports: tuple[JudgedReport, ...]) -> None:
    share = sum(not report.fits for report in reports) / len(reports)
    assert share >= JUDGED_NOT_TO_FIT


def test_a_report_fits_when_its_fullest_stage_does(reports: tuple[JudgedReport, ...]) -> None:
    for report in reports:
        assert report.fits == (report.needs_bytes <= report.limit_bytes)


def test_what_nearly_fits_is_judged_close(reports: tuple[JudgedReport, ...]) -> None:
    missed = [report for report in reports if report.fits]
    close = [report for report in missed if report.needs_bytes > 0.8 * report.limit_bytes]
    assert len(missed) - len(close) <= 3


def test_the_page_counts_reports_and_names_the_misjudged() -> None:
    def report(name: str, needs: float) -> JudgedReport:
        return JudgedReport(
            name=name, source="here", needs_bytes=needs, limit_bytes=2e9, fits=needs <= 2e9
        )

    validation = validate("runs.csv", rows_of({"id": "none"} | EMPTY), load_constants())
    two = (report("caught", 3e9), report("missed", 1e9))
    page = render_validation(validation, colour=False, reports=two)
    assert "Out of memory: 1 of 2 published reports judged not to fit" in page
    assert "missed" in page
    assert "caught" not in page
    assert "Out of memory" not in render_validation(validation, colour=False)


EMPTY = dict.fromkeys(
    (
        "gpus",
        "accelerator",
        "global_batch",
        "micro_batch",
        "n_layers",
        "hidden",
        "heads",
        "vocab",
        "seq_len",
        "step_time_s",
    ),
    "",
)
