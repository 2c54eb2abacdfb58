"""What a plan rests on: versions, limits, the user's restrictions, the constants used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer import __version__
from placer.plan.plan import ConstantRecord, Limits, Provenance

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
        constants=constants_used(question),
    )


def restrictions_of(options: SearchOptions) -> tuple[str, ...]:
    """The user's own restrictions, as they would be typed."""
    fixed = [
        f"fix {axis}={_RECOMPUTE[value] if axis == 'recompute' else value}"
        for axis, value in sorted(options.fix.items())
    ]
    gpus = [f"gpus {options.max_gpus}"] if options.max_gpus is not None else []
    return (*fixed, *gpus)


def constants_used(question: Question) -> tuple[ConstantRecord, ...]:
    """All constants but those of links the cluster lacks, in name order."""
    likeness = dict(question.constants.likeness)
    links: set[str] = set()
    for level in question.topology.levels:
        link = level.link
        while link and link not in links:
            links.add(link)
            link = likeness.get(link, "")
    return tuple(
        ConstantRecord(
            name=constant.name,
            value=constant.value,
            unit=constant.unit,
            kind=constant.kind.value,
            source=constant.source,
        )
        for constant in question.constants.entries
        if not constant.name.startswith("links.") or constant.name.split(".")[1] in links
    )
