"""Why another plan is worse: what it does differently, and the component that costs it most."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final

from placer.plan.estimate import Breakdown
from placer.report.palette import COMPONENTS
from placer.report.strategy_text import differences
from placer.units import format_percent

if TYPE_CHECKING:
    from placer.plan.strategy import Strategy

_MOST_DIFFERENCES: Final = 3


def loss_between(chosen: Breakdown, other: Breakdown) -> Breakdown:
    """``other`` minus ``chosen``, component by component; positive where ``other`` is slower."""
    names = [f.name for f in fields(Breakdown)]
    return Breakdown(**{name: getattr(other, name) - getattr(chosen, name) for name in names})


def why_not(chosen: Strategy, step_time_s: float, other: Strategy, loss: Breakdown) -> str:
    """One sentence: ``tp 8 instead of 4: +1.9 % exposed tensor-parallel communication``.

    Percentages are of the chosen plan's step time. A gain that offsets a third of the loss or more
    is named too.
    """
    ranked = sorted(COMPONENTS, key=lambda c: -c.seconds(loss))
    worst, best = ranked[0], ranked[-1]
    what = ", ".join(differences(chosen, other)[:_MOST_DIFFERENCES]) or "another placement"
    costs = worst.seconds(loss)
    if costs <= 0.0:
        return f"{what}: no slower in any component"
    sentence = f"{what}: {signed_percent(costs / step_time_s)} {worst.phrase}"
    gains = best.seconds(loss)
    if gains < -costs / 3.0:
        sentence += f" against {signed_percent(gains / step_time_s)} {best.phrase}"
    return sentence


def signed_percent(fraction: float) -> str:
    """``+1.9 %``."""
    return f"{'+' if fraction >= 0.0 else ''}{format_percent(fraction)}"
