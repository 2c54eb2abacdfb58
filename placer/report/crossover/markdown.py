"""A crossover study as Markdown tables, one per ranking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.report.crossover.terminal import about
from placer.report.crossover.words import RANKINGS, distance_text, finding, told, why
from placer.units import format_bit_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placer.compare.crossover import Crossover


def crossover_markdown(crossover: Crossover) -> str:
    """Who wins where, times the best site alone; then what each way over the link waits."""
    lengths = [distance_text(metres) for metres in crossover.distances]
    parts = [f"{finding(crossover)}. {about(crossover)}."]
    for ranking in RANKINGS:
        rows = [
            [
                format_bit_rate(bandwidth),
                *(told(crossover.cell(row, c), ranking) for c in range(len(lengths))),
            ]
            for row, bandwidth in enumerate(crossover.bandwidths)
        ]
        parts += [f"{ranking.title}:", _table(["link", *lengths], rows)]
    waits = [
        [format_bit_rate(bandwidth), lengths[column], why(crossover, row, column)]
        for row, bandwidth in enumerate(crossover.bandwidths)
        for column in sorted({0, len(lengths) - 1})
    ]
    parts += [
        "Share of the step that waits between sites, in the best plan of each way:",
        _table(["link", "length", "waits"], waits),
    ]
    return "\n\n".join(parts) + "\n"


def _table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
