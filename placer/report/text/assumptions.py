"""What the figures rest on: what the user left open, what the cluster file and constants assume."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from placer.plan.plan import Plan


def assumption_lines(plan: Plan) -> tuple[str, ...]:
    """One sentence per assumption, the user's own first."""
    return (
        *(f"asked: {text}" for text in plan.provenance.restrictions),
        *(f"left open: {text}" for text in plan.provenance.assumptions),
        *cluster_line(plan),
        constants_line(plan),
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
    return f"constants of the cost model: {told} (listed in the plan file)"


def _by_count(pair: tuple[str, int]) -> tuple[int, str]:
    return -pair[1], pair[0]
