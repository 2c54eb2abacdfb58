"""Good assignments without the solver: what bounds the search from above and hints the solver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.search.balance import Balance
from placer.search.filling import fillings
from placer.search.instance import Assignment, half_hops_s, problems_of, step_s

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from placer.plan.strategy import IntArray
    from placer.search.instance import Instance

WAYS_TURNED: Final = 3
"""Ways to fill the pods that are tried with the kinds of stages in every order."""


def best_assignment(instance: Instance, promising: IntArray | None = None) -> Assignment | None:
    """The best of a few natural placements, each with its layers balanced; None if none is feasible.

    Of each kind of stages there are as many as fit on the fastest generations. All ways to fill the
    pods are tried with the kinds in order, the best few with the kinds in other orders; and all
    with the ``promising`` kinds (S,) where they are given.
    """
    blocks = np.repeat(np.arange(len(instance.kinds)), _stages_by_kind(instance))
    first, *others = _arrangements(blocks)
    ways = sorted(_balanced(instance, _filled(instance, blocks), blocks, first))
    found = list(ways)
    for kinds in others:
        found += _balanced(instance, [way.cells for way in ways[:WAYS_TURNED]], blocks, kinds)
    if promising is not None and len(promising):
        blocks = np.sort(promising)
        found += _balanced(instance, _filled(instance, blocks), blocks, promising)
    for way in sorted(found):
        if not problems_of(instance, way.assignment):
            return way.assignment
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """An assignment with its step time, and the cells (R, S) it was arranged from."""

    step_s: float
    assignment: Assignment
    cells: IntArray

    def __lt__(self, other: _Way) -> bool:
        return self.step_s < other.step_s


def _balanced(
    instance: Instance, filled: Iterable[IntArray], blocks: IntArray, kinds: IntArray
) -> list[_Way]:
    """The ways to fill that hold the model, layers balanced, with the kinds of stages arranged."""
    balance = Balance(instance, kinds)
    ways = []
    for block_cells in filled:
        cells = _arranged(instance, block_cells, blocks, kinds)
        options = balance.options(half_hops_s(instance, cells, kinds))
        if options is not None:
            assignment = Assignment(options=options, cells=cells)
            step = step_s(instance, assignment)
            ways.append(_Way(step_s=step, assignment=assignment, cells=block_cells))
    return ways


def _stages_by_kind(instance: Instance) -> IntArray:
    """Stages of each kind, as many as fit on the fastest generations; (K,).

    What fits nowhere as a whole stage is of the last kind, which has every generation.
    """
    counts = np.zeros(len(instance.kinds), dtype=np.int64)
    free = instance.part_cells.copy()
    for kind in range(len(instance.kinds)):
        mine = np.flatnonzero(instance.allowed[kind])
        stages = int(free[mine].sum()) // instance.cells_per_stage
        counts[kind] = min(stages, instance.pp - int(counts.sum()))
        free[mine] -= _taken(free[mine], int(counts[kind]) * instance.cells_per_stage)
    counts[-1] += instance.pp - int(counts.sum())
    return counts


def _taken(room: IntArray, cells: int) -> IntArray:
    """So many cells from the parts in order, each as far as it goes."""
    before = np.cumsum(room) - room
    return np.asarray(np.clip(cells - before, 0, room))


def _filled(instance: Instance, blocks: IntArray) -> Iterator[IntArray]:
    """Cells (R, S) of the stages, kind after kind into what is left, way after way."""
    way, more, allowed = 0, True, instance.allowed
    known: dict[tuple[int, bytes], list[IntArray]] = {}
    while more:
        cells = np.zeros((instance.num_parts, instance.pp), dtype=np.int64)
        free, more = instance.part_cells, False
        for kind in np.unique(blocks).tolist():
            room = np.where(allowed[kind], free, 0)
            stages = np.flatnonzero(blocks == kind)
            key = (kind, room.tobytes())
            if key not in known:
                known[key] = fillings(room, len(stages), instance.cells_per_stage)
            ways = known[key]
            if not ways:
                return
            cells[:, stages] = ways[min(way, len(ways) - 1)]
            free = instance.part_cells - cells.sum(axis=1)
            more |= way + 1 < len(ways)
        yield cells
        way += 1


def _arrangements(blocks: IntArray) -> Iterator[IntArray]:
    """Kinds of the stages, (S,): each kind a block, turned by whole and half blocks."""
    counts = np.bincount(blocks)
    used = counts[counts > 0].tolist()
    turns = {0, *used, *(count // 2 for count in used)} if len(used) > 1 else {0}
    for turn in sorted({turn % len(blocks) for t in turns for turn in (t, -t)}):
        yield np.roll(blocks, turn)


def _arranged(instance: Instance, cells: IntArray, blocks: IntArray, kinds: IntArray) -> IntArray:
    """The cells of each kind's stages where ``kinds`` has that kind.

    Parts that are alike come as the solver's symmetry rule wants them: earliest stages first.
    """
    arranged = np.zeros_like(cells)
    for kind in np.unique(blocks).tolist():
        arranged[:, kinds == kind] = cells[:, blocks == kind]
    weight = arranged @ np.arange(instance.pp, 0, -1)
    ordered = arranged.copy()
    alike = instance.part_class
    for number in np.unique(alike):
        parts = np.flatnonzero(alike == number)
        ordered[parts] = arranged[parts[np.argsort(-weight[parts], kind="stable")]]
    return ordered
