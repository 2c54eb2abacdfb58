"""Replicas that cannot be told apart: cells of a stage whose surroundings are alike.

A cell (the ranks of whole tensor-, context- and expert-parallel groups) works in lockstep, and cell
i of a stage passes its micro-batches on to cell i of the next. Such a chain is a lane. Lanes whose
cells sit alike behave alike, so one of each kind is simulated, with the traffic of all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placer.plan.strategy import Strategy
from placer.simulate.link_table import IntArray, LinkTable

MAX_LANES = 8
"""Kinds of lane told apart; what is more is thrown together, and then as slow as its worst."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """Lanes that are alike: the cells in them, and the generations each stage's cells touch."""

    cells: IntArray
    generations: tuple[tuple[int, ...], ...]

    def gpus(self, gpu: IntArray, strategy: Strategy, stage: int) -> IntArray:
        """(cells, GPUs per cell) accelerators of one stage, in rank order."""
        own = gpu.reshape(strategy.pp, strategy.cells_per_stage, strategy.cell_gpus)
        chosen: IntArray = own[stage, self.cells]
        return chosen


def lanes_of(strategy: Strategy, gpu: IntArray, table: LinkTable) -> tuple[Lane, ...]:
    """All lanes of a plan, by what tells them apart: generations, then distances.

    ``gpu`` (N,) is the accelerator of each rank.
    """
    cells = gpu.reshape(strategy.pp, strategy.cells_per_stage, strategy.cell_gpus)
    generation = table.topology.domain_generation[table.units[table.domain_level, cells]]
    kinds = np.concatenate([generation.min(axis=2), generation.max(axis=2)]).T
    distances = np.concatenate([_hops(cells, table), _spread(cells, table)]).T
    labels = _labels(np.concatenate([kinds, distances], axis=1))
    if labels.max() >= MAX_LANES:
        labels = _labels(kinds)
    if labels.max() >= MAX_LANES:
        labels = np.zeros_like(labels)
    return tuple(
        _lane(np.flatnonzero(labels == label), generation) for label in range(labels.max() + 1)
    )


def _lane(cells: IntArray, generation: IntArray) -> Lane:
    touched = tuple(tuple(np.unique(stage[cells]).tolist()) for stage in generation)
    return Lane(cells=cells, generations=touched)


def _labels(features: IntArray) -> IntArray:
    """Equal rows get equal numbers, in order of first appearance."""
    _, first, inverse = np.unique(features, axis=0, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    numbered: IntArray = rank[inverse.ravel()]
    return numbered


def _hops(cells: IntArray, table: LinkTable) -> IntArray:
    """(pp, R) level over which each cell reaches the next stage's; the last wraps to the first."""
    following = np.roll(cells, -1, axis=0)
    meeting = table.meeting_level(cells.ravel(), following.ravel()).reshape(cells.shape)
    farthest: IntArray = meeting.max(axis=2)
    return farthest


def _spread(cells: IntArray, table: LinkTable) -> IntArray:
    """(pp, R) innermost level that holds the whole of each cell."""
    first = np.broadcast_to(cells[:, :, :1], cells.shape)
    meeting = table.meeting_level(first.ravel(), cells.ravel()).reshape(cells.shape)
    farthest: IntArray = meeting.max(axis=2)
    return farthest
