"""A sweep as one self-contained page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.report.html.page import Section, page
from placer.report.html.parts import figure, folded, paragraphs, table
from placer.report.sweep.figures import figures
from placer.report.sweep.tables import (
    axes_table,
    effects_table,
    headline,
    layouts_table,
    refusals_table,
)
from placer.units import format_percent, format_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from placer.compare.sweep.result import Sweep

MOST_ROWS: Final = 50


def sweep_page(sweep: Sweep) -> str:
    """The page; equal sweeps give equal bytes."""
    best = sweep.best
    facts: list[tuple[str, str]] = []
    lead = [f"{headline(sweep)}."]
    if best is not None and best.plan is not None:
        values = ", ".join(
            f"{axis.key} {value}" for axis, value in zip(sweep.axes, best.point, strict=True)
        )
        lead.append(f"Most tokens per second and GPU: {values or sweep.template}.")
        facts = [
            (f"{best.tokens_per_s_per_gpu:,.1f}", "tokens per second and GPU at best"),
            (format_time(best.plan.step_time_s), "step time there"),
            (format_percent(best.plan.mfu), "MFU there"),
            (f"{best.num_gpus:,}", "GPUs there"),
        ]
    warnings = [f"{sweep.num_open:,} layouts were not solved."] if sweep.num_open else []
    return page(
        title=f"{sweep.model} over layouts of {sweep.template}",
        lead=lead,
        facts=facts,
        warnings=warnings,
        sections=tuple(_sections(sweep)),
        footer=(f"placer {sweep.placer_version}",),
    )


def _sections(sweep: Sweep) -> Iterator[Section]:
    if sweep.axes:
        yield Section(title="Fields varied", body=(table(axes_table(sweep.axes)),))
    drawn = figures(sweep)
    if drawn:
        yield Section(title="What stands out", body=tuple(figure(one) for one in drawn))
    ranked = sweep.ranked()
    if ranked:
        title = "Best layouts"
        best = layouts_table(title, sweep.axes, ranked[:MOST_ROWS])
        rest = layouts_table("The other layouts", sweep.axes, ranked[MOST_ROWS:])
        more = (folded(f"{len(rest.rows):,} more layouts", table(rest)),) if rest.rows else ()
        yield Section(title=title, body=(table(best), *more))
        yield Section(title="What each value does", body=(table(effects_table(sweep)),))
    if any(row.refusal for row in sweep.rows):
        yield Section(title="Without a plan", body=(table(refusals_table(sweep)),))
    if sweep.assumptions:
        yield Section(title="Assumed", body=(paragraphs(sweep.assumptions),))
