"""What the search did: candidates by fate, the bound, the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.units import format_time

if TYPE_CHECKING:
    from placer.plan.plan import Bound, Plan

_MOST_REASONS: Final = 6


def effort_lines(plan: Plan, bound: Bound, wall_s: float | None) -> tuple[str, ...]:
    """Candidates, then what they were dropped for, then limits and time."""
    candidates = bound.candidates
    dropped = sum(candidates.pruned.values())
    first = (
        f"{candidates.considered:,} strategies considered, {dropped:,} pruned,"
        f" {candidates.solved:,} placed"
    )
    limits = plan.provenance.limits
    last = (
        f"no plan is faster than {bound.lower_bound_s:.5g} s: gap {100 * bound.gap:.2f} %"
        f" (asked {100 * limits.gap:g} %); {limits.workers} solver worker{'s' if limits.workers > 1 else ''}, seed"
        f" {plan.provenance.seed}, deterministic work {bound.deterministic_work:.3g}"
    )
    if wall_s is not None:
        last += f", {format_time(wall_s)} in all"
    return (first, *_reasons(candidates.pruned), last)


def _reasons(pruned: dict[str, int]) -> list[str]:
    """The commonest reasons, the rest summed."""
    ranked = sorted(pruned.items(), key=lambda pair: (-pair[1], pair[0]))
    told = [f"{name} {count:,}" for name, count in ranked[:_MOST_REASONS]]
    rest = sum(count for _, count in ranked[_MOST_REASONS:])
    if rest:
        told.append(f"other reasons {rest:,}")
    return [f"pruned by: {', '.join(told)}"] if told else []
