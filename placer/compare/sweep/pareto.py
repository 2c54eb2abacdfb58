"""Pareto fronts: the layouts that nothing beats in both of two figures."""

from __future__ import annotations

from collections.abc import Sequence


def pareto_front(gains: Sequence[float | None], prices: Sequence[float | None]) -> tuple[int, ...]:
    """Numbers of the points that no other point equals or beats in both figures, cheapest first.

    ``gains`` are better when larger, ``prices`` when smaller; a point that lacks one is in no
    front. Of points alike in both the first stands for all.
    """
    known = [
        (price, -gain, index)
        for index, (gain, price) in enumerate(zip(gains, prices, strict=True))
        if gain is not None and price is not None
    ]
    front: list[int] = []
    most = float("-inf")
    for _, loss, index in sorted(known):
        if -loss > most:
            most = -loss
            front.append(index)
    return tuple(front)
