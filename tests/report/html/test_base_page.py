"""The page that reports are made of: nothing breaks out, nothing is fetched, nothing is missing."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from report_samples import NASTY, TABLE, bar_figure

from placer.report.html.page import Section, page
from placer.report.html.parts import bullets, definitions, figure, folded, paragraphs, table

VOID = {"meta", "link", "br", "img"}


class Outline(HTMLParser):
    """Tags in order; fails where they do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag


def nasty_page() -> str:
    body = (
        paragraphs([NASTY]),
        bullets([NASTY]),
        definitions([(NASTY, NASTY)]),
        table(TABLE),
        figure(bar_figure(NASTY)),
        folded(NASTY, paragraphs([NASTY])),
    )
    return page(
        title=NASTY,
        lead=[NASTY],
        facts=[(NASTY, NASTY)],
        warnings=[NASTY],
        sections=[Section(title=NASTY, body=body)],
        footer=[NASTY],
    )


def outline(html: str) -> Outline:
    parsed = Outline()
    parsed.feed(html)
    parsed.close()
    assert not parsed.open
    return parsed


def test_names_of_users_stay_text() -> None:
    tags = {tag for tag, _ in outline(nasty_page()).seen}

    assert "script" not in tags
    assert "img" not in tags


def test_nothing_is_fetched() -> None:
    html = nasty_page()
    addresses = [
        value
        for _, attributes in outline(html).seen
        for name, value in attributes.items()
        if name in ("href", "src") and value
    ]

    assert all(value.startswith(("#", "data:")) for value in addresses)
    assert "default-src 'none'" in html
    assert not re.search(r"url\(|@import", html)


def test_contents_point_to_sections() -> None:
    sections = [Section(title=title, body=()) for title in ("Where the time goes", "What binds?")]
    parsed = outline(page(title="t", lead=(), sections=sections))
    links = [attributes["href"] for tag, attributes in parsed.seen if tag == "a"]
    anchors = [attributes["id"] for tag, attributes in parsed.seen if tag == "section"]

    assert links == ["#where-the-time-goes", "#what-binds"]
    assert anchors == ["where-the-time-goes", "what-binds"]


def test_a_figure_comes_for_wide_and_narrow_pages_and_as_a_table() -> None:
    html = figure(bar_figure())

    assert html.count("<svg xmlns") == 2
    assert 'width="880"' in html
    assert 'width="340"' in html
    assert "<caption>Seconds by component</caption>" in html


def test_figures_stand_right() -> None:
    html = table(TABLE)

    assert '<th scope="col" class="right">time (s)</th>' in html
    assert 'class="right">0.48</td>' in html


def test_same_page_same_bytes() -> None:
    assert nasty_page() == nasty_page()
