"""What every page must hold in a browser, whatever it reports."""

from __future__ import annotations

from pathlib import Path

from browser import Page

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


def check_page(page: Page, path: Path, *, width: int, dark: bool, figures: int) -> None:
    """Open a page: nothing is fetched or complained of, nothing too wide, too small or cut."""
    page.requests.clear()
    page.complaints.clear()
    page.size(width)
    page.media(dark=dark)
    page.open(path)

    assert page.requests == [path.resolve().as_uri()]
    assert page.complaints == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(WORST_FONT) >= SMALLEST_PX - 0.01
    assert page.evaluate(SHOWN_FIGURES) == [1] * figures
    assert page.evaluate(CUT_TEXT) == []
