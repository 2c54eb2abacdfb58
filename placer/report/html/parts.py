"""What stands in a section: paragraphs, lists, tables, figures, and parts that fold away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from placer.report.html.environment import rendered
from placer.report.svg.figure import inline_svg

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placer.report.svg.figure import Figure
    from placer.report.tabular import Table


def paragraphs(sentences: Sequence[str], *, quiet: bool = False) -> Markup:
    """One paragraph per text; ``quiet`` ones are notes."""
    return _part("paragraphs.html.j2", sentences=sentences, quiet=quiet)


def bullets(items: Sequence[str]) -> Markup:
    """A list."""
    return _part("bullets.html.j2", items=items)


def definitions(pairs: Sequence[tuple[str, str]]) -> Markup:
    """Terms with what they are, such as the fields of a strategy."""
    return _part("definitions.html.j2", pairs=pairs)


def table(data: Table) -> Markup:
    """A table; where it is wider than the page, it scrolls by itself."""
    return _part("table.html.j2", table=data)


def figure(drawn: Figure) -> Markup:
    """A picture for wide pages and one for narrow ones, its legend, and the same as a table."""
    return _part(
        "figure.html.j2",
        figure=drawn,
        wide=inline_svg(drawn.wide),
        narrow=inline_svg(drawn.narrow),
        table=table(drawn.table),
    )


def folded(summary: str, *body: Markup) -> Markup:
    """What only some readers want: opened by a click or a key, always open on paper."""
    return _part("folded.html.j2", summary=summary, body=body)


def _part(template: str, **values: object) -> Markup:
    return Markup(rendered(template, **values))  # noqa: S704 (made with autoescape)
