"""Reports in headless Chromium: nothing fetched, nothing complained of, nothing too wide or small."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Page, new_page
from browser_checks import check_page
from compare_samples import RUN, layout
from plan_samples import DENSE_MODEL, LAB, MOE_MODEL

import placer
from placer import api
from placer.api import Configuration, RunOptions, SearchOptions, estimate
from placer.compare.sweep.result import Sweep
from placer.report.comparison.page import comparison_page
from placer.report.html.validation_page import validation_page
from placer.report.sweep.page import sweep_page
from placer.spec.run import RunSpec
from placer.validate.validation import validate_table

pytestmark = pytest.mark.browser

MOST_BYTES = 3_000_000
FIGURES = {"small": 6, "large": 7, "sweep": 2, "compare": 1, "validate": 2}
"""Pictures on each page."""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with new_page() as opened:
        yield opened


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small plan's, one of a cluster of 16,384 accelerators, a sweep's, a comparison's, ..."""
    folder = tmp_path_factory.mktemp("reports")
    small = estimate(
        MOE_MODEL,
        LAB,
        Configuration(tp=2, ep=8, etp=1, pp=2),
        RunSpec(global_batch_size=256, seq_len=4096),
    )
    options = RunOptions(global_batch_size=2048, seq_len=8192)
    large = placer.plan("llama-3.1-405b", "dgx-h100-superpod-16k", options)
    paths = {}
    for name, plan in (("small", small), ("large", large)):
        paths[name] = folder / f"{name}.html"
        paths[name].write_text(placer.report(plan).html, encoding="utf-8")
    paths["sweep"] = folder / "sweep.html"
    paths["sweep"].write_text(sweep_page(swept(folder)), encoding="utf-8")
    paths["compare"] = folder / "compare.html"
    compared = api.compare(DENSE_MODEL, [layout("slow", nic="100 Gbit/s"), layout("fast")], RUN)
    paths["compare"].write_text(comparison_page(compared), encoding="utf-8")
    paths["validate"] = folder / "validate.html"
    validation = validate_table("measured_small_models")
    paths["validate"].write_text(validation_page(validation, ()), encoding="utf-8")
    return paths


def swept(folder: Path) -> Sweep:
    """Four layouts of eight accelerators, and what a tenth more buys the best."""
    varied = ("scale_up.bandwidth=100 GB/s,450 GB/s", "accelerator=h100_sxm,h200_sxm")
    return api.sweep(
        "llama-3.1-8b",
        "lab-8x-h100",
        api.parse_axes(varied),
        RunOptions(global_batch_size=64, seq_len=2048),
        SearchOptions(gap=0.05, top=1),
        store=api.sweep_store(folder / "store"),
        sensitivity=True,
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", list(FIGURES))
def test_page(page: Page, reports: dict[str, Path], name: str, width: int, dark: bool) -> None:
    check_page(page, reports[name], width=width, dark=dark, figures=FIGURES[name])


def test_a_report_of_16384_accelerators_is_small(reports: dict[str, Path]) -> None:
    assert reports["large"].stat().st_size < MOST_BYTES


def test_paper_shows_what_is_folded_and_wide_pictures(
    page: Page, reports: dict[str, Path], tmp_path: Path
) -> None:
    page.size(1280)
    page.media(printed=True)
    page.open(reports["small"])

    wide = "getComputedStyle(document.querySelector('.wide')).display"
    assert page.evaluate(wide) == "block"
    assert page.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    folded = "document.querySelector('#what-was-assumed details table').getBoundingClientRect()"
    assert page.evaluate(f"{folded}.height") > 0
    target = tmp_path / "report.pdf"
    page.pdf(target)
    assert target.read_bytes().startswith(b"%PDF")
