"""Floats to integers and back, in one place.

Stage times and traffic become whole multiples of ``unit_s``, a millionth of the critical stage's
lower bound; only the step time is coarser, ``quantum`` units, so that the solver does not crawl
through improvements nobody can see. Costs round up and capacities down: an integer solution never
promises more than the floats hold, and the integer optimum exceeds the true one by less than
``slack_s``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from placer.errors import InternalError

if TYPE_CHECKING:
    from placer.search.instance import Instance

UNITS_PER_CRITICAL_STAGE: Final = 1_000_000
FEWEST_UNITS: Final = 1_000
"""Units of the critical stage's lower bound below which rounding would spoil the proof."""
QUANTA_PER_STEP: Final = 4_000
WINDOW_DENOMINATOR: Final = 1 << 16
LARGEST_SUM: Final = 1 << 60
"""Any linear sum of the model stays below this; CP-SAT adds in 64 bits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeScale:
    """The integer scale of one instance."""

    unit_s: float
    quantum: int

    def up(self, seconds: float) -> int:
        """Whole units that are at least as long."""
        return math.ceil(self._units(seconds))

    def down(self, seconds: float) -> int:
        """Whole units that are at most as long."""
        return math.floor(self._units(seconds))

    def step_up(self, seconds: float) -> int:
        """Whole quanta that are at least as long as a step."""
        return -(-self.up(seconds) // self.quantum)

    def step_down(self, seconds: float) -> int:
        """Whole quanta that are at most as long as a step."""
        return self.down(seconds) // self.quantum

    def step_s(self, quanta: float) -> float:
        """Seconds of so many quanta."""
        return quanta * self.quantum * self.unit_s

    def slack_s(self, instance: Instance) -> float:
        """How much rounding may add to a step: a unit per rounded term, and one quantum."""
        terms = 4.0 * instance.num_microbatches + 4.0 * instance.pp + 64.0 + instance.window
        return (terms + self.quantum) * self.unit_s

    def _units(self, seconds: float) -> float:
        if not math.isfinite(seconds) or seconds < 0.0:
            raise InternalError(f"time to scale: expected finite and >= 0 s, got {seconds}")
        return seconds / self.unit_s


def scale_for(
    instance: Instance, *, critical_s: float, lower_s: float, upper_s: float
) -> TimeScale:
    """The scale of an instance whose step time lies between two bounds.

    The unit grows where steps have so many micro-batches that sums would leave 64 bits.

    Raises
    ------
    InternalError
        When that leaves the critical stage too few units.
    """
    largest = max(float(table.traffic_s.max(initial=0.0)) for table in instance.options)
    hidden = instance.window * (upper_s / instance.num_microbatches + largest)
    terms = WINDOW_DENOMINATOR * (2.0 * largest + hidden)
    terms += 4.0 * instance.vpp * (upper_s + largest)
    unit_s = max(critical_s / UNITS_PER_CRITICAL_STAGE, terms / LARGEST_SUM)
    if critical_s < FEWEST_UNITS * unit_s:
        raise InternalError(
            f"CP-SAT model: sums reach {terms:.3g} s, too many units of a critical stage of"
            f" {critical_s:.3g} s; the step time is between {lower_s:.3g} s and {upper_s:.3g} s"
        )
    quantum = max(1, math.floor(lower_s / unit_s) // QUANTA_PER_STEP)
    return TimeScale(unit_s=unit_s, quantum=quantum)


def with_least_window(instance: Instance, critical_s: float) -> Instance:
    """The same instance with a window no longer than what hides the most traffic there can be."""
    largest = max(float(table.traffic_s.max(initial=0.0)) for table in instance.options)
    enough = largest / critical_s + 1.0 / WINDOW_DENOMINATOR
    return replace(instance, window=min(instance.window, enough))
