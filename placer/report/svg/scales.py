"""Axes: from a value to its pixel, and the values worth a tick."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Protocol

from placer.report.svg.elements import joined, line, text, text_width

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from markupsafe import Markup


class Scale(Protocol):
    """Values to pixels along one axis."""

    def pixel(self, value: float) -> float:
        """Where a value stands."""
        ...

    def ticks(self) -> tuple[float, ...]:
        """Round values on the axis, ascending."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearScale:
    """Values ``low`` to ``high`` from pixel ``start`` to pixel ``end``, which may lie before it.

    ``most`` bounds the number of steps between ticks.
    """

    low: float
    high: float
    start: float
    end: float
    most: int = 6

    def pixel(self, value: float) -> float:
        """Where a value stands."""
        span = self.high - self.low
        share = (value - self.low) / span if span else 0.0
        return self.start + share * (self.end - self.start)

    def ticks(self) -> tuple[float, ...]:
        """Multiples of 1, 2 or 5 times a power of ten."""
        step = round_step((self.high - self.low) / self.most)
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        return tuple(index * step for index in range(first, last + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class LogScale:
    """Values ``low`` to ``high``, both above 0, by their logarithm."""

    low: float
    high: float
    start: float
    end: float

    def pixel(self, value: float) -> float:
        """Where a value stands."""
        span = log10(self.high / self.low)
        share = log10(value / self.low) / span if span else 0.0
        return self.start + share * (self.end - self.start)

    def ticks(self) -> tuple[float, ...]:
        """1, 2 and 5 of every decade inside; 1 only over more than three decades."""
        steps = (1.0,) if self.high / self.low > 1e3 else (1.0, 2.0, 5.0)
        decades = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
        values = (step * 10.0**decade for decade, step in product(decades, steps))
        return tuple(v for v in values if self.low * (1 - 1e-9) <= v <= self.high * (1 + 1e-9))


def round_step(raw: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is at least ``raw``; 1 where it is 0."""
    if raw <= 0.0:
        return 1.0
    decade = 10.0 ** floor(log10(raw))
    return next(m * decade for m in (1.0, 2.0, 5.0, 10.0) if m * decade >= raw * (1 - 1e-9))


def spanning(values: Iterable[float], start: float, end: float, *, log: bool = False) -> Scale:
    """A scale over all values with a twentieth to spare on either side.

    A logarithmic one takes values above 0 only.
    """
    known = sorted(values)
    low, high = (known[0], known[-1]) if known else (0.0, 1.0)
    if log:
        room = max((high / low) ** 0.05, 1.05)
        return LogScale(low=low / room, high=high * room, start=start, end=end)
    room = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
    floor_ = 0.0 if low >= 0.0 and low - room < 0.0 else low - room
    return LinearScale(low=floor_, high=high + room, start=start, end=end)


def bottom_axis(
    scale: Scale,
    top: float,
    bottom: float,
    label: str,
    tell: Callable[[float], str],
) -> Markup:
    """Grid lines with their values below, and what the axis measures, which names the unit.

    Values that would touch the one before are left out.
    """
    parts = []
    free = float("-inf")
    ticks = sorted(scale.ticks(), key=scale.pixel)
    for tick in ticks:
        x, words = scale.pixel(tick), tell(tick)
        parts.append(line(x, top, x, bottom))
        half = text_width(words) / 2.0
        if x - half > free:
            parts.append(text(x, bottom + 15.0, words, anchor="middle", css="quiet"))
            free = x + half + 6.0
    middle = (scale.pixel(ticks[0]) + scale.pixel(ticks[-1])) / 2.0 if ticks else 0.0
    centre = max(middle, text_width(label) / 2.0)
    parts.append(text(centre, bottom + 33.0, label, anchor="middle"))
    return joined(parts)


def left_axis(
    scale: Scale, left: float, right: float, label: str, tell: Callable[[float], str]
) -> Markup:
    """Grid lines with their values left of them, and the label along the axis."""
    parts = []
    ticks = scale.ticks()
    for tick in ticks:
        y = scale.pixel(tick)
        parts.append(line(left, y, right, y))
        parts.append(text(left - 6.0, y + 4.0, tell(tick), anchor="end", css="quiet"))
    middle = (scale.pixel(ticks[0]) + scale.pixel(ticks[-1])) / 2.0 if ticks else 0.0
    parts.append(text(12.0, middle, label, anchor="middle", turned=True))
    return joined(parts)
