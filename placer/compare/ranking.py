"""Layouts in the order of what they are compared by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.compare.comparison import Row
from placer.compare.difference import difference_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placer.compare.comparison import Layout, RankBy


def ranked(layouts: Sequence[Layout], reference: Layout, rank_by: RankBy) -> tuple[Row, ...]:
    """Rows, best first, then plans without the figure, then layouts without a plan.

    Equal layouts stay in the order given.
    """
    base = reference.figure(rank_by)
    rows = [_row(layout, reference, base, rank_by) for layout in layouts]
    return tuple(
        sorted(
            rows,
            key=lambda row: (row.layout.plan is None, -(row.layout.figure(rank_by) or 0.0)),
        )
    )


def _row(layout: Layout, reference: Layout, base: float | None, rank_by: RankBy) -> Row:
    figure = layout.figure(rank_by)
    return Row(
        layout=layout,
        ratio=None if figure is None or not base else figure / base,
        difference=difference_of(reference, layout),
    )
