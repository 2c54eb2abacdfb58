"""Natural ways to fill parts of pods with the cells of stages."""

from __future__ import annotations

import numpy as np

from placer.plan.strategy import IntArray
from placer.search.bands import two_bands


def fillings(room: IntArray, num_stages: int, cells_per_stage: int) -> list[IntArray]:
    """Cells (R, S) by part and stage where ``room`` (R,) cells fit.

    Whole stages, all stages everywhere, stage after stage, in two bands; those that hold every
    cell. Empty when nothing does.
    """
    ways = [
        _whole_stages(room, num_stages, cells_per_stage),
        _all_stages(room, num_stages, cells_per_stage),
        _in_order(room, num_stages, cells_per_stage),
    ]
    if np.count_nonzero(room) > 1:
        ways += two_bands(room, num_stages, cells_per_stage)
    complete = [cells for cells in ways if (cells.sum(axis=0) == cells_per_stage).all()]
    return complete[:1] if np.count_nonzero(room) == 1 else complete


def _whole_stages(room: IntArray, num_stages: int, cells_per_stage: int) -> IntArray:
    """Stages in order, each in one part; parts in order, as many stages as fit."""
    cells = np.zeros((len(room), num_stages), dtype=np.int64)
    stage = 0
    for part, capacity in enumerate(room):
        fitting = min(int(capacity) // cells_per_stage, num_stages - stage)
        cells[part, stage : stage + fitting] = cells_per_stage
        stage += fitting
    return cells


def _all_stages(room: IntArray, num_stages: int, cells_per_stage: int) -> IntArray:
    """The same replicas of every stage in each part."""
    cells = np.zeros((len(room), num_stages), dtype=np.int64)
    rest = cells_per_stage
    for part, share in enumerate(_shares((room // num_stages).tolist(), cells_per_stage)):
        taken = min(share, rest)
        cells[part, :] = taken
        rest -= taken
    return cells


def _shares(room: list[int], cells_per_stage: int) -> list[int]:
    """Replicas of all stages each part hosts: as even as the capacities allow, no part to spare."""
    if sum(room) < cells_per_stage:
        return room
    needed, total = 0, 0
    for share in sorted(room, reverse=True):
        if total >= cells_per_stage:
            break
        needed, total = needed + 1, total + share
    widest = sorted(room, reverse=True)[:needed]
    even = -(-cells_per_stage // max(needed, 1))
    level = next(
        n
        for n in range(even, max(room) + 1)
        if sum(min(share, n) for share in widest) >= cells_per_stage
    )
    used = sorted(range(len(room)), key=lambda p: (-room[p], p))[:needed]
    return [min(room[p], level) if p in used else 0 for p in range(len(room))]


def _in_order(room: IntArray, num_stages: int, cells_per_stage: int) -> IntArray:
    """Stage after stage through the parts, split where one ends."""
    cells = np.zeros((len(room), num_stages), dtype=np.int64)
    free = room.copy()
    part = 0
    for stage in range(num_stages):
        rest = cells_per_stage
        while rest and part < len(room):
            taken = min(rest, int(free[part]))
            cells[part, stage] += taken
            free[part] -= taken
            rest -= taken
            if free[part] == 0:
                part += 1
    return cells
