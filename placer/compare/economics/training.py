"""A whole training run on one layout: days, money, energy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from placer.compare.economics.goodput import Goodput

DAY_S: Final = 86400.0
HOUR_S: Final = 3600.0
J_PER_KWH: Final = 3.6e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """So many tokens on one layout, failures included; None where a price or power is unknown."""

    tokens: float
    days: float
    cost: float | None
    energy_j: float | None
    goodput: Goodput


def training_of(
    tokens: float,
    tokens_per_s: float,
    goodput: Goodput,
    *,
    per_hour: float | None,
    power_w: float | None,
) -> Training:
    """Train ``tokens`` at a speed that holds for the goodput's share of the time."""
    seconds = tokens / (tokens_per_s * goodput.share)
    return Training(
        tokens=tokens,
        days=seconds / DAY_S,
        cost=None if per_hour is None else per_hour * seconds / HOUR_S,
        energy_j=None if power_w is None else power_w * seconds,
        goodput=goodput,
    )
