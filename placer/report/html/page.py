"""A whole page: head, key figures, contents, sections, footer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from placer.report.html.environment import rendered, stylesheet

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A titled part of the page; its body comes from ``placer.report.html.parts``."""

    title: str
    body: tuple[Markup, ...]

    @property
    def anchor(self) -> str:
        """What a link to the section ends in: ``where-the-time-goes``."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")


def page(
    *,
    title: str,
    lead: Sequence[str],
    sections: Sequence[Section],
    facts: Sequence[tuple[str, str]] = (),
    warnings: Sequence[str] = (),
    footer: Sequence[str] = (),
) -> str:
    """One self-contained HTML document; equal arguments give equal bytes.

    Parameters
    ----------
    title
        Of the document and its first heading.
    lead
        Sentences under the title: what was asked, what came out, how sure it is.
    sections
        In the order a reader asks; their titles differ, since links point to them.
    facts
        Pairs of a figure with its unit and what it is, shown large.
    warnings
        What must not be overlooked.
    footer
        Where the page comes from.
    """
    return rendered(
        "page.html.j2",
        title=title,
        lead=lead,
        facts=facts,
        warnings=warnings,
        sections=sections,
        footer=footer,
        style=stylesheet(),
    )
