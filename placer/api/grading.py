"""``grade``: what changing a configuration would give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from placer.api.explaining import explain
from placer.api.planning import plan as find_plan
from placer.report.grade import beside_best, best_step
from placer.search.options import SearchOptions

if TYPE_CHECKING:
    from pathlib import Path

    from placer.plan.plan import Plan
    from placer.search.result import ProgressListener


@dataclass(frozen=True, slots=True, kw_only=True)
class Grade:
    """Sentences about what a change would give, and the best plan where it was searched for."""

    sentences: tuple[str, ...]
    best: Plan | None = None


def grade(
    estimated: Plan,
    *,
    search: bool = False,
    calibration: str | Path | None = None,
    listener: ProgressListener | None = None,
) -> Grade:
    """What one step along an axis would give, and with ``search`` the best plan.

    Parameters
    ----------
    estimated
        What runs today, of ``estimate``.
    search
        Whether to search for the best plan on as many GPUs, for the same run; this takes as long as
        ``plan`` does. No memory is held back, since none was for the estimate.
    calibration
        The constants ``estimate`` was asked with.
    listener
        Hears of the search's progress.

    Raises
    ------
    InfeasibleError
        When no plan fits at all.
    """
    step = best_step(estimated, explain(estimated).neighbours)
    if not search:
        return Grade(sentences=(step,))
    options = SearchOptions(max_gpus=estimated.strategy.num_gpus, top=1, memory_headroom=0.0)
    best = find_plan(
        estimated.model,
        estimated.cluster,
        estimated.run,
        options,
        calibration=calibration,
        listener=listener,
    )
    return Grade(sentences=(step, *beside_best(estimated, best)), best=best)
