"""A crossover study on a terminal: who wins where, and what each way over the link waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from placer.report.crossover.words import RANKINGS, distance_text, finding, told, why
from placer.report.text.canvas import WIDTH, lines, rendered, section, table
from placer.units import format_bit_rate, format_count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType
    from rich.table import Table

    from placer.compare.crossover import Crossover
    from placer.report.crossover.words import Ranking


def render_crossover(crossover: Crossover, *, colour: bool = False, width: int = WIDTH) -> str:
    """The page."""
    return rendered(_parts(crossover), colour=colour, width=width)


def _parts(crossover: Crossover) -> Iterator[RenderableType]:
    yield Text(finding(crossover), style="bold")
    yield lines([about(crossover)])
    for ranking in RANKINGS:
        yield section(f"{ranking.title} (times the best site alone)", _grid(crossover, ranking))
    yield section("Share of the step that waits between sites", _waits(crossover))


def about(crossover: Crossover) -> str:
    """What was asked, in a sentence."""
    run = crossover.run
    tokens = run.global_batch_size * run.seq_len
    gap = max((cell.gap for cell in crossover.cells), default=0.0)
    return (
        f"{crossover.num_gpus:,} GPUs, batch {run.global_batch_size} x {run.seq_len}"
        f" ({format_count(tokens)} tokens), {run.precision}, framework {run.framework}, DiLoCo with"
        f" {crossover.inner_steps} inner steps; each cell searched, the synchronous winner proven"
        f" within {100 * gap:.2f} % or better"
        + "".join(f"; loss of DiLoCo by {note}" for note in crossover.notes)
    )


def _grid(crossover: Crossover, ranking: Ranking) -> Table:
    headers = [(distance_text(metres), "left") for metres in crossover.distances]
    grid = table(("link", "right"), *headers)
    for row, bandwidth in enumerate(crossover.bandwidths):
        cells = [crossover.cell(row, column) for column in range(len(crossover.distances))]
        grid.add_row(format_bit_rate(bandwidth), *(told(cell, ranking) for cell in cells))
    return grid


def _waits(crossover: Crossover) -> Table:
    grid = table(("link", "right"), ("length", "right"), ("of each way's best plan", "left"))
    for row, bandwidth in enumerate(crossover.bandwidths):
        for column in sorted({0, len(crossover.distances) - 1}):
            grid.add_row(
                format_bit_rate(bandwidth),
                distance_text(crossover.distances[column]),
                why(crossover, row, column),
            )
    return grid
