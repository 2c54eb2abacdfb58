"""How many units the stages of strategies can hold within a limit, lead layers included exactly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from placer.plan.strategy import IntArray, StrategyBatch

    FloatArray = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]

ROUNDING: Final = 1e-9
"""Relative slack when units are counted, so that an exact fit counts as one."""
IMPOSSIBLE: Final = -1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRoom:
    """Most body units of each stage, counts as floats, below zero where nothing is possible.

    ``tail`` (N, S) of stages behind all lead layers, zero for the others and for missing ones;
    ``head`` (N, H, K) of the first H stages, one column per pair of ``lead_pairs``.
    """

    tail: FloatArray
    head: FloatArray
    num_lead: int

    def take(self, rows: IntArray) -> StageRoom:
        """Rows picked by index."""
        return StageRoom(tail=self.tail[rows], head=self.head[rows], num_lead=self.num_lead)

    def within(self, other: StageRoom) -> StageRoom:
        """What both allow."""
        return StageRoom(
            tail=np.minimum(self.tail, other.tail),
            head=np.minimum(self.head, other.head),
            num_lead=self.num_lead,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRooms:
    """The room of every stage on each of G generations, fastest first.

    ``few`` (N, G - 1): how many stages can stand wholly on the j + 1 fastest generations.
    """

    by_generation: tuple[StageRoom, ...]
    few: IntArray

    def take(self, rows: IntArray) -> StageRooms:
        """Rows picked by index."""
        rooms = tuple(room.take(rows) for room in self.by_generation)
        return StageRooms(by_generation=rooms, few=self.few[rows])

    def within(self, other: StageRooms) -> StageRooms:
        """What both allow."""
        pairs = zip(self.by_generation, other.by_generation, strict=True)
        return replace(self, by_generation=tuple(mine.within(theirs) for mine, theirs in pairs))

    def fits(self, num_body: int) -> BoolArray:
        """Strategies whose stages may hold the whole model; (N,).

        For every set of fast generations: the stages that gain most stand on it, as many as fit,
        the others on the best of the rest.
        """
        best = roomiest(self.by_generation)
        good = np.asarray((best.tail >= 0.0).all(axis=1))
        if self.few.shape[1] == 0:
            return np.asarray(good & (_most_units(best, best, self.few.sum(axis=1)) >= num_body))
        for j in range(self.few.shape[1]):
            rest = roomiest(self.by_generation[j + 1 :])
            good = good & (_most_units(best, rest, self.few[:, j]) >= num_body)
        return good


def roomiest(rooms: Sequence[StageRoom]) -> StageRoom:
    """The most that any of the rooms allows."""
    return StageRoom(
        tail=np.max([room.tail for room in rooms], axis=0),
        head=np.max([room.head for room in rooms], axis=0),
        num_lead=rooms[0].num_lead,
    )


def _most_units(best: StageRoom, rest: StageRoom, few: IntArray) -> FloatArray:
    """Most body units of all stages with at most ``few`` (N,) of them in ``best``; (N,)."""
    gains = -np.sort(rest.tail - best.tail, axis=1)
    gained = np.concatenate([np.zeros((len(few), 1)), np.cumsum(gains, axis=1)], axis=1)
    head = _head_body(best, rest)
    most = np.full(len(few), -np.inf)
    for used in range(head.shape[1]):
        left = np.clip(few - used, 0, gains.shape[1])
        body = head[:, used] + np.take_along_axis(gained, left[:, None], axis=1)[:, 0]
        most = np.maximum(most, np.where(few >= used, body, -np.inf))
    return np.asarray(most + rest.tail.sum(axis=1))


def _head_body(best: StageRoom, rest: StageRoom) -> FloatArray:
    """Most body units of the first stages that hold all lead layers; (N, H + 1).

    By how many of them are in ``best``; stage by stage, over how many lead layers are taken.
    """
    num_stages, num_lead = best.head.shape[1], best.num_lead
    most = np.full((len(best.head), num_stages + 1, num_lead + 1), IMPOSSIBLE)
    most[:, 0, 0] = 0.0
    for stage in range(num_stages):
        after = np.full_like(most, IMPOSSIBLE)
        for column, (before, held) in enumerate(lead_pairs(num_lead)):
            to = after[:, :, before + held]
            np.maximum(to, most[:, :, before] + rest.head[:, stage, column, None], out=to)
            to = after[:, 1:, before + held]
            np.maximum(to, most[:, :-1, before] + best.head[:, stage, column, None], out=to)
        most = after
    return np.asarray(most[:, :, num_lead])


@lru_cache
def lead_pairs(num_lead: int) -> tuple[tuple[int, int], ...]:
    """Lead layers taken before a stage and by it, all pairs."""
    return tuple(
        (before, held) for before in range(num_lead + 1) for held in range(num_lead - before + 1)
    )


def least_units(batch: StrategyBatch, num_stages: int) -> IntArray:
    """One unit per chunk, where the embedding's and the loss's chunk need none; (N, S)."""
    stage = np.arange(num_stages)[None, :]
    pp, vpp = batch.pp[:, None], batch.vpp[:, None]
    ends = ((stage == 0) | (stage == pp - 1)) & (pp > 1)
    return np.where(stage < pp, vpp - ends, 0)


def stage_room(
    columns: FloatArray,
    room: FloatArray,
    batch: StrategyBatch,
    num_body: int,
    least: IntArray,
) -> StageRoom:
    """Room of every stage within ``room`` (N, S) of an affine quantity ``columns`` (N, S or 1, D + 3).

    ``least`` (N, S) units a stage must take.
    """
    lead = columns.shape[2] - 3
    num_stages = room.shape[1]
    stage = np.arange(num_stages)[None, :]
    exists = stage < batch.pp[:, None]
    room = room - np.where(stage == 0, columns[..., lead + 1], 0.0)
    room = room - np.where(stage == batch.pp[:, None] - 1, columns[..., lead + 2], 0.0)
    body = columns[..., lead]
    most = np.minimum(_whole(room / body), num_body)
    most = np.where((room < 0.0) | (most < least), IMPOSSIBLE, most)
    num_head = min(lead + 1, num_stages) if lead else 0
    tail = np.where(exists & (stage >= num_head), most, 0.0)
    head = np.zeros((len(room), 0, 1))
    if num_head:
        kept = slice(0, num_head)
        inside = columns[:, : min(num_head, columns.shape[1]), :]
        head = _head_units(inside, room[:, kept], batch, num_body, least[:, kept])
    return StageRoom(tail=tail, head=head, num_lead=lead)


def _head_units(
    columns: FloatArray, room: FloatArray, batch: StrategyBatch, num_body: int, least: IntArray
) -> FloatArray:
    """Most body units of the first H stages for every pair of ``lead_pairs``; (N, H, K).

    Lead layers fill first chunks in order: a stage that leaves some holds n of them with at most
    n (v - 1) body units; none only when its first chunk is empty, the first stage's, or when none
    are left. A stage that does not exist holds nothing.
    """
    lead = columns.shape[2] - 3
    before, held = np.array(lead_pairs(lead), dtype=np.int64).T
    stage = np.arange(room.shape[1])[None, :, None]
    pp, vpp = batch.pp[:, None, None], batch.vpp[:, None, None]
    reached = np.cumsum(columns[:, :, :lead], axis=2)
    reached = np.concatenate([np.zeros_like(reached[:, :, :1]), reached], axis=2)
    left = room[:, :, None] - (reached[:, :, before + held] - reached[:, :, before])
    units = np.minimum(_whole(left / columns[:, :, lead, None]), num_body)
    units = np.where(left < 0.0, IMPOSSIBLE, units)
    leaves_some = before + held < lead
    empty_first = (stage == 0) & (pp > 1) & (units >= vpp - 1)
    none = np.where(empty_first, vpp - 1.0, IMPOSSIBLE)
    some = np.where(held > 0, np.minimum(units, held * (vpp - 1.0)), none)
    units = np.where(leaves_some, some, units)
    units = np.where(units + held < least[:, :, None], IMPOSSIBLE, units)
    absent = np.where(held == 0, 0.0, IMPOSSIBLE)
    return np.where(stage < pp, units, absent)


def _whole(units: FloatArray) -> FloatArray:
    return np.asarray(np.floor(units + ROUNDING * np.maximum(np.abs(units), 1.0)))
