"""What the figures rest on: what the user left open, what the cluster file and constants assume."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from placer.units import format_percent

if TYPE_CHECKING:
    from placer.plan.plan import Plan

MEAN_ERROR: Final = "accuracy.mean_error"


def assumption_lines(plan: Plan) -> tuple[str, ...]:
    """One sentence per assumption, the user's own first."""
    return (
        *(f"asked: {text}" for text in plan.provenance.restrictions),
        *(f"left open: {text}" for text in plan.provenance.assumptions),
        *cluster_line(plan),
        constants_line(plan),
        *accuracy_line(plan),
    )


def cluster_line(plan: Plan) -> tuple[str, ...]:
    """How much of the cluster's description is assumed, and where to read it."""
    count, name = len(plan.cluster.assumed), plan.cluster.name
    things = "1 assumption" if count == 1 else f"{count} assumptions"
    return (f"{things} in the description of the cluster: placer show {name}",) if count else ()


def constants_line(plan: Plan) -> str:
    """``constants of the cost model: 30 measured, 8 assumed, 3 fitted``."""
    kinds = Counter(constant.kind for constant in plan.provenance.constants)
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items(), key=_by_count))
    return f"constants of the cost model: {told} (in the plan file)"


def accuracy_line(plan: Plan) -> tuple[str, ...]:
    """How far the cost model is off on measured runs, where the plan records it."""
    recorded = {constant.name: constant.value for constant in plan.provenance.constants}
    if MEAN_ERROR not in recorded:
        return ()
    error = format_percent(recorded[MEAN_ERROR])
    return (f"step times of published runs are off by {error} on average: placer validate",)


def _by_count(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]
