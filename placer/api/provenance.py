"""What a plan rests on: versions, limits, the user's own restrictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer import __version__
from placer.cost.recorded import constant_records
from placer.plan.plan import Limits, Provenance

if TYPE_CHECKING:
    from placer.api.question import Question
    from placer.search.options import SearchOptions

UNSEARCHED: Final = Limits(gap=0.0, time_limit_s=None, deterministic_limit=0.0, workers=0, top=0)
"""The limits of an estimate: nothing was searched."""

_RECOMPUTE: Final = ("none", "selective", "full")


def estimate_provenance(question: Question, assumptions: tuple[str, ...]) -> Provenance:
    """What an estimate rests on; ``assumptions`` are about the configuration."""
    return Provenance(
        placer_version=__version__,
        solver="none",
        solver_version="",
        seed=0,
        limits=UNSEARCHED,
        assumptions=(*question.assumptions, *assumptions),
        constants=constant_records(question.constants, question.topology.levels),
    )


def restrictions_of(options: SearchOptions) -> tuple[str, ...]:
    """The user's own restrictions, as they would be typed."""
    fixed = [
        f"fix {axis}={_RECOMPUTE[value] if axis == 'recompute' else value}"
        for axis, value in sorted(options.fix.items())
    ]
    gpus = [f"gpus {options.max_gpus}"] if options.max_gpus is not None else []
    return (*fixed, *gpus)
