"""Placements in two bands: the first stages spread over the pods in one way, the rest in another.

Only two hops of a pipeline then leave a pod, and pods of odd sizes are filled by the mixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from placer.plan.strategy import IntArray

MOST_ROWS: Final = 3000
"""Rows of the tables below to fill in all; fewer places to part the stages are tried beyond."""
NOT_REACHED: Final = -(1 << 30)


def two_bands(part_cells: IntArray, pp: int, cells_per_stage: int) -> Iterator[IntArray]:
    """Cells (P, S) of two-band placements, parted at evenly spaced stages where one exists."""
    rows = max(1, len(part_cells) * (cells_per_stage + 1))
    tries = min(pp - 1, max(1, MOST_ROWS // rows))
    for part in sorted({round((i + 1) * pp / (tries + 1)) for i in range(tries)}):
        if 0 < part < pp:
            spread = _spread(part_cells, part, pp - part, cells_per_stage)
            if spread is not None:
                first, rest = spread
                yield np.repeat(np.stack([first, rest], axis=1), [part, pp - part], axis=1)


def _spread(
    part_cells: IntArray, first: int, rest: int, replicas: int
) -> tuple[IntArray, IntArray] | None:
    """Replicas of ``first`` stages and of the ``rest`` each part hosts; None if they do not fit.

    Pod by pod, ``best[a]`` is the most replicas of the rest beside a replicas of the first.
    """
    best = np.full(replicas + 1, NOT_REACHED, dtype=np.int64)
    best[0] = 0
    taken = np.zeros((len(part_cells), replicas + 1), dtype=np.int64)
    for pod, cells in enumerate(part_cells.tolist()):
        after = np.full_like(best, NOT_REACHED)
        for mine in range(min(replicas, cells // first) + 1):
            beside = min(replicas, (cells - first * mine) // rest)
            value = best[: replicas + 1 - mine] + beside
            better = value > after[mine:]
            after[mine:] = np.where(better, value, after[mine:])
            taken[pod, mine:] = np.where(better, mine, taken[pod, mine:])
        best = after
    if best[replicas] < replicas:
        return None
    return _read_back(part_cells, taken, first, rest, replicas)


def _read_back(
    part_cells: IntArray, taken: IntArray, first: int, rest: int, replicas: int
) -> tuple[IntArray, IntArray]:
    """Follow the table back from all replicas; what is too many of the rest is left out at the end."""
    mine = np.zeros(len(part_cells), dtype=np.int64)
    left = replicas
    for pod in range(len(part_cells) - 1, -1, -1):
        mine[pod] = taken[pod, left]
        left -= int(mine[pod])
    beside = np.minimum((part_cells - first * mine) // rest, replicas)
    surplus = np.maximum(np.cumsum(beside) - replicas, 0)
    return mine, beside - np.diff(surplus, prepend=0)
