"""The words that every rendering of a comparison uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.compare.comparison import RankBy
from placer.compare.difference import IDLE
from placer.report.loss import signed_percent
from placer.report.palette import COMPONENTS
from placer.units import format_count

if TYPE_CHECKING:
    from placer.compare.comparison import Comparison, Layout, Row

_PHRASES: Final = {c.field: c.phrase for c in COMPONENTS} | {IDLE: "accelerators left idle"}
RANKED_BY: Final = {
    RankBy.GPU: "tokens/s per accelerator",
    RankBy.TOKENS: "tokens/s",
    RankBy.DOLLAR: "tokens for the money",
    RankBy.JOULE: "tokens per joule",
}


def question(comparison: Comparison) -> str:
    """What was asked: model, batch, precision."""
    run = comparison.run
    tokens = format_count(run.tokens_per_step)
    return (
        f"{comparison.model}, batch {run.global_batch_size} x {run.seq_len} tokens ({tokens}),"
        f" {run.precision.value}, {run.optimizer.value}, {run.framework}"
    )


def ranking(comparison: Comparison) -> str:
    """What the order means."""
    same = {"": "", "gpus": "accelerators", "power": "power", "capex": "purchase"}[
        comparison.budget
    ]
    budget = f", each at the {same} of the reference" if same else ""
    return f"ranked by {RANKED_BY[comparison.rank_by]}, against {comparison.reference.name}{budget}"


def headline(comparison: Comparison) -> str:
    """The finding in one line: which layout wins, by how much."""
    best = comparison.rows[0]
    if best.layout.plan is None:
        return f"no layout holds {comparison.model}"
    what = RANKED_BY[comparison.rank_by]
    if best.layout.name == comparison.reference.name:
        return f"{best.layout.name} comes first by {what}"
    if best.ratio is None:
        return f"{best.layout.name} comes first by {what}; {comparison.reference.name} has no plan"
    return f"{best.layout.name} comes first by {what}: {times(best)} {comparison.reference.name}"


def times(row: Row) -> str:
    """``1.83x``; nothing where there is nothing to compare with."""
    return "" if row.ratio is None else f"{row.ratio:.2f}x"


def why(comparison: Comparison, row: Row) -> str:
    """``-31.4 % accelerator time per token: -24.0 % computation, -5.9 % pipeline bubble``."""
    if row.layout.name == comparison.reference.name:
        return "the reference"
    if row.difference is None:
        return "not comparable"
    terms = ", ".join(
        f"{signed_percent(term.share)} {_PHRASES[term.name]}" for term in row.difference.telling
    )
    whole = f"{signed_percent(row.difference.total)} accelerator time per token"
    beside = _beside(comparison, row.layout)
    return f"{whole}: {terms}{beside}" if terms else f"{whole}{beside}"


def _beside(comparison: Comparison, layout: Layout) -> str:
    """``; 1.29x the power of each accelerator``: what else the ranked figure depends on."""
    mine, theirs = layout, comparison.reference
    pairs = {
        RankBy.GPU: ("", None, None),
        RankBy.TOKENS: ("accelerators", float(mine.num_gpus), float(theirs.num_gpus)),
        RankBy.DOLLAR: (
            "cost of an accelerator-hour",
            each(mine.cost_per_hour, mine),
            each(theirs.cost_per_hour, theirs),
        ),
        RankBy.JOULE: (
            "power of each accelerator",
            each(mine.power_w, mine),
            each(theirs.power_w, theirs),
        ),
    }
    what, ours, base = pairs[comparison.rank_by]
    return f"; {ours / base:.2f}x the {what}" if ours and base else ""


def each(total: float | None, layout: Layout) -> float | None:
    """A layout's figure over its accelerators."""
    return None if total is None else total / layout.num_gpus
