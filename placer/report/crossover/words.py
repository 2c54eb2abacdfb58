"""What the ways over a link are called and coloured, and what won where, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from placer.plan.strategy import CrossSiteMode
from placer.units import format_bit_rate, format_percent

if TYPE_CHECKING:
    from collections.abc import Callable

    from placer.compare.crossover import Crossover, CrossoverCell, Technique

NAMES: Final = {
    CrossSiteMode.NONE: "one site",
    CrossSiteMode.SYNC_DP: "sync DP",
    CrossSiteMode.PIPELINE: "pipeline",
    CrossSiteMode.DILOCO: "DiLoCo",
    CrossSiteMode.STREAMING_DILOCO: "streaming",
}
COLOURS: Final = {
    CrossSiteMode.NONE: "#999999",
    CrossSiteMode.SYNC_DP: "#009E73",
    CrossSiteMode.PIPELINE: "#CC79A7",
    CrossSiteMode.DILOCO: "#E69F00",
    CrossSiteMode.STREAMING_DILOCO: "#56B4E9",
}
"""Okabe and Ito's palette for colour-blind readers, as in ``report.palette``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """One way to name a winner: what the panel says, who wins, by how many tokens a second."""

    title: str
    winner: Callable[[CrossoverCell], Technique | None]
    rate: Callable[[Technique], float]


RANKINGS: Final = (
    Ranking(
        title="Every step synchronous",
        winner=lambda cell: cell.synchronous,
        rate=lambda technique: technique.tokens_per_s,
    ),
    Ranking(
        title="DiLoCo too, by computation of equal loss",
        winner=lambda cell: cell.equivalent,
        rate=lambda technique: technique.equivalent_tokens_per_s,
    ),
)


def distance_text(metres: float) -> str:
    """``1,000 km``."""
    return f"{metres / 1000:,.4g} km" if metres < 1e6 else f"{metres / 1000:,.0f} km"


def gain(cell: CrossoverCell, ranking: Ranking) -> float | None:
    """The winner's rate over that of the best site alone; None where one of them is missing."""
    winner, alone = ranking.winner(cell), cell.alone
    if winner is None or alone is None:
        return None
    return ranking.rate(winner) / alone.tokens_per_s


def gain_text(cell: CrossoverCell, ranking: Ranking) -> str:
    """``1.28x``, empty where nothing can be said."""
    value = gain(cell, ranking)
    return "" if value is None else f"{value:.2f}x"


def told(cell: CrossoverCell, ranking: Ranking) -> str:
    """``sync DP 1.28x``, or that there is no plan."""
    winner = ranking.winner(cell)
    if winner is None:
        return "no plan"
    return f"{NAMES[winner.mode]} {gain_text(cell, ranking)}".strip()


def finding(crossover: Crossover) -> str:
    """The title: from which bandwidth on each way over the link wins, at the longest distance."""
    ranking, last = RANKINGS[0], len(crossover.distances) - 1
    changes: list[str] = []
    before = None
    for index, bandwidth in enumerate(crossover.bandwidths):
        winner = ranking.winner(crossover.cell(index, last))
        mode = winner.mode if winner is not None else None
        if mode is not None and mode != before:
            start = "" if not changes else f" from {format_bit_rate(bandwidth)}"
            changes.append(f"{NAMES[mode]}{start}")
            before = mode
    where = distance_text(crossover.distances[last])
    return f"{crossover.model} on {crossover.cluster}: at {where}, {', '.join(changes)}"


def why(crossover: Crossover, bandwidth: int, distance: int) -> str:
    """How much of a step each way over the link waits in one cell."""
    cell = crossover.cell(bandwidth, distance)
    if cell.reason:
        return cell.reason
    best: dict[CrossSiteMode, Technique] = {}
    for technique in cell.techniques:
        known = best.get(technique.mode)
        if known is None or technique.tokens_per_s > known.tokens_per_s:
            best[technique.mode] = technique
    return ", ".join(
        f"{NAMES[mode]} {format_percent(best[mode].exposed_s / best[mode].step_time_s)}"
        for mode in CrossSiteMode
        if mode in best and mode is not CrossSiteMode.NONE
    )
