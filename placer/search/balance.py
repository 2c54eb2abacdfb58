"""Layers balanced over stages whose generations and places are known."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from placer.plan.strategy import IntArray
    from placer.search.instance import Instance, StageOptions

    FloatArray = NDArray[np.float64]

BISECTIONS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choices:
    """Options of one stage of one kind and ``lead_start`` that fit in memory, fewest units first."""

    index: tuple[int, ...]
    units: tuple[int, ...]
    time_s: tuple[float, ...]


class Balance:
    """The options that fill stages of given kinds (S,) with the least critical time."""

    def __init__(self, instance: Instance, kinds: IntArray) -> None:
        self._instance = instance
        self._kinds = kinds.tolist()
        self._choices = [
            _choices(table, kind) for table, kind in zip(instance.options, self._kinds, strict=True)
        ]

    def options(self, hop_s: FloatArray) -> tuple[int, ...] | None:
        """Options of the smallest critical stage time found; None when the model does not fit.

        What is too much in the end is taken from the dearest stages.
        """
        hops = hop_s.tolist()
        low = 0.0
        high = max(
            float(table.time_s.max(initial=0.0)) + hop
            for table, hop in zip(self._instance.options, hops, strict=True)
        )
        if self._filled(hops, high) is None:
            return None
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            if self._filled(hops, middle) is None:
                low = middle
            else:
                high = middle
        filled = self._filled(hops, high)
        return None if filled is None else self._of_units(self._without_surplus(filled))

    def _filled(self, hops: Sequence[float], critical: float) -> list[int] | None:
        """Most units of each stage in turn within a critical time; None when they do not suffice."""
        instance = self._instance
        units: list[int] = []
        start = 0
        for s, hop in enumerate(hops):
            choices = self._choices[s].get(start)
            count = 0 if choices is None else bisect_right(choices.time_s, critical - hop)
            if choices is None or count == 0:
                return None
            units.append(choices.units[count - 1])
            start += int(instance.options[s].lead[choices.index[count - 1]])
        enough = sum(units) >= instance.num_units and start == instance.num_lead
        return units if enough else None

    def _without_surplus(self, units: list[int]) -> list[int]:
        """Take surplus units from slow stages, then from those with most parameters, lead ones last."""
        units = list(units)
        instance = self._instance
        least = [int(table.units.min()) for table in instance.options]
        for _ in range(sum(units) - instance.num_units):
            options = self._of_units(units)
            movable = [s for s in range(instance.pp) if units[s] > least[s]]
            if options is None or not movable:
                break
            behind = [s for s in movable if instance.options[s].lead[options[s]] == 0] or movable
            weight = {
                s: (self._kinds[s], float(instance.options[s].optimizer_s[options[s]]), s)
                for s in behind
            }
            units[max(behind, key=lambda s: weight[s])] -= 1
        return units

    def _of_units(self, units: Sequence[int]) -> tuple[int, ...] | None:
        """The option of each stage that takes these units, lead layers in order; None without one."""
        chosen: list[int] = []
        start = 0
        for s, count in enumerate(units):
            choices = self._choices[s].get(start)
            if choices is None or count not in choices.units:
                return None
            chosen.append(choices.index[choices.units.index(count)])
            start += int(self._instance.options[s].lead[chosen[-1]])
        return tuple(chosen)


def _choices(table: StageOptions, kind: int) -> dict[int, _Choices]:
    """By lead layers taken before the stage."""
    found = {}
    mine = (table.kind == kind) & table.fits
    for start in np.unique(table.lead_start[mine]).tolist():
        rows = np.flatnonzero(mine & (table.lead_start == start))
        rows = rows[np.argsort(table.units[rows], kind="stable")]
        found[start] = _Choices(
            index=tuple(rows.tolist()),
            units=tuple(table.units[rows].tolist()),
            time_s=tuple(table.time_s[rows].tolist()),
        )
    return found
