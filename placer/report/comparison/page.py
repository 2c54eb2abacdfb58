"""A comparison as one self-contained page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.report.comparison.figures import time_figure
from placer.report.comparison.sections import notes, sections
from placer.report.comparison.tables import solved
from placer.report.comparison.wording import headline, question, ranking, times
from placer.report.html.page import Section, page
from placer.report.html.parts import bullets, figure, table
from placer.units import format_count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from placer.compare.comparison import Comparison


def comparison_page(comparison: Comparison) -> str:
    """The page; equal comparisons give equal bytes."""
    return page(
        title=f"{comparison.model}: layouts compared",
        lead=(f"{headline(comparison)}.", f"{question(comparison)}; {ranking(comparison)}."),
        facts=_facts(comparison),
        sections=tuple(_sections(comparison)),
        footer=(f"placer {comparison.placer_version}",),
    )


def _facts(comparison: Comparison) -> list[tuple[str, str]]:
    found = solved(comparison)
    if not found:
        return []
    row, plan = found[0]
    facts = [
        (row.layout.name, "comes first"),
        (f"{row.layout.tokens_per_s_per_gpu:,.0f}", "tokens per second and GPU there"),
        (format_count(plan.estimate.tokens_per_s), "tokens per second there"),
    ]
    ratio = times(row)
    return [*facts, (ratio, f"of {comparison.reference.name}")] if ratio else facts


def _sections(comparison: Comparison) -> Iterator[Section]:
    for number, data in enumerate(sections(comparison)):
        picture = (figure(time_figure(comparison)),) if number == 0 and solved(comparison) else ()
        yield Section(title=data.caption, body=(*picture, table(data)))
    yield Section(title="What was assumed", body=(bullets(notes(comparison)),))
