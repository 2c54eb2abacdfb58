"""Reports in headless Chromium: nothing fetched, nothing complained of, nothing too wide or small."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Page, new_page
from plan_samples import LAB, MOE_MODEL

import placer
from placer.api import Configuration, RunOptions, estimate
from placer.spec.run import RunSpec

pytestmark = pytest.mark.browser

MOST_BYTES = 3_000_000
SMALLEST_PX = 11.0

WORST_FONT = """
(() => {
  const shown = [...document.querySelectorAll('body *')].filter(e =>
    [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) &&
    e.tagName.toLowerCase() !== 'title' && e.getClientRects().length);
  const size = e => {
    const svg = e.closest('svg');
    const drawn = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
    return parseFloat(getComputedStyle(e).fontSize) * (drawn || 1);
  };
  return Math.min(...shown.map(size));
})()
"""
"""Pixels of the smallest text on the screen; pictures that are scaled down count as drawn."""

SHOWN_FIGURES = """
[...document.querySelectorAll('figure')].map(f =>
  [...f.querySelectorAll(':scope > div > svg')].filter(s => s.getBoundingClientRect().width > 200)
    .length)
"""

CUT_TEXT = """
(() => [...document.querySelectorAll('figure > div > svg')]
  .filter(svg => svg.getBoundingClientRect().width)
  .flatMap(svg => [...svg.querySelectorAll('text')].filter(t => {
    const outer = svg.getBoundingClientRect(), inner = t.getBoundingClientRect();
    return inner.left < outer.left - 2 || inner.right > outer.right + 2;
  }).map(t => t.textContent)))()
"""
"""Words of a picture that stick out of it."""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with new_page() as opened:
        yield opened


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small one and one of a cluster of 16,384 accelerators."""
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
    return paths


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["small", "large"])
def test_page(page: Page, reports: dict[str, Path], name: str, width: int, dark: bool) -> None:
    page.requests.clear()
    page.complaints.clear()
    page.size(width)
    page.media(dark=dark)
    page.open(reports[name])

    assert page.requests == [reports[name].resolve().as_uri()]
    assert page.complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(WORST_FONT) >= SMALLEST_PX - 0.01
    figures = page.evaluate(SHOWN_FIGURES)
    assert len(figures) >= 6
    assert set(figures) == {1}
    assert page.evaluate(CUT_TEXT) == []


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
