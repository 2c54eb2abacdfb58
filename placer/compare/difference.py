"""Where two layouts differ: an accelerator's time per token, term by term."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from placer.plan.estimate import Breakdown

if TYPE_CHECKING:
    from placer.compare.comparison import Layout

IDLE: Final = "idle"
"""Term of the accelerators that a plan leaves idle."""
SECOND_TERM: Final = 1.0 / 3.0
"""A further term is told where it is at least this share of the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One component of the step (or ``idle``): what it adds to the reference's time, as a share."""

    name: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Accelerator time per token beside the reference's, over the reference's whole time.

    ``terms`` sum to ``total``; negative is time saved. Largest first by size.
    """

    total: float
    terms: tuple[Term, ...]

    @property
    def telling(self) -> tuple[Term, ...]:
        """The terms that explain the sign of the difference, the first and what comes near it."""
        same = [t for t in self.terms if t.share != 0.0 and (t.share < 0.0) == (self.total < 0.0)]
        return tuple(t for t in same if abs(t.share) >= SECOND_TERM * abs(same[0].share))


def gpu_seconds_per_token(layout: Layout) -> dict[str, float] | None:
    """Accelerator-seconds per token by component of the step, and of idle accelerators.

    ``component / tokens_per_step * gpus_used``; they sum to ``num_gpus / tokens_per_s``. None
    without a plan.
    """
    if layout.plan is None:
        return None
    plan, used = layout.plan, layout.plan.placement.gpus_used
    tokens = plan.run.tokens_per_step
    terms = {
        f.name: getattr(plan.estimate.breakdown, f.name) * used / tokens for f in fields(Breakdown)
    }
    return terms | {IDLE: plan.estimate.step_time_s * (layout.num_gpus - used) / tokens}


def difference_of(reference: Layout, layout: Layout) -> Difference | None:
    """What the layout spends otherwise than the reference; None where either has no plan."""
    before, after = gpu_seconds_per_token(reference), gpu_seconds_per_token(layout)
    if before is None or after is None:
        return None
    whole = sum(before.values())
    terms = [Term(name=name, share=(after[name] - before[name]) / whole) for name in before]
    return Difference(
        total=sum(after.values()) / whole - 1.0,
        terms=tuple(sorted(terms, key=lambda term: (-abs(term.share), term.name))),
    )
