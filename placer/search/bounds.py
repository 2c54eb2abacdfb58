"""Lower bounds on the step time of strategies, cheapest first; no placement can beat them.

L0 knows layer times and counts; L1 adds what memory lets each stage hold, the ends of the pipeline
and the traffic between replicas. Both minimise ``M tau + (sum t - tau) / v`` over what the critical
stage time tau can be; network placements enter as variants, of which the caller takes the best.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.cost.pipeline import exposed_dp_s
from placer.search.stage_room import (
    ROUNDING,
    StageRooms,
    lead_pairs,
    least_units,
    roomiest,
    stage_room,
)
from placer.search.unit_costs import in_flight, memory_columns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from placer.plan.strategy import IntArray, StrategyBatch
    from placer.search.generations import Mix
    from placer.search.unit_costs import UnitCosts

    FloatArray = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]

BISECTIONS: Final = 20
CRITICAL_STEPS: Final = (
    1.0,
    1.0005,
    1.001,
    1.002,
    1.003,
    1.005,
    1.008,
    1.012,
    1.02,
    1.035,
    1.06,
    1.1,
)
"""Multiples of the least critical time between which what fast stages hold is bounded anew."""


def total_s(costs: UnitCosts, num_body: int) -> FloatArray:
    """Time of the whole model on one micro-batch, without hops; (N,)."""
    return _total(costs.time_s, num_body)


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerChoice:
    """What the families of one layer choice have in common, columns (K,) or (F,).

    Seconds on one micro-batch: ``total_s`` of the model, ``body_s`` of one unit, ``saved_s`` what
    lead layers are cheaper in all, ``last_s`` the last stage without units. Bytes: ``static_bytes``
    and ``activation_bytes`` of one body unit, ``first_bytes`` and ``last_bytes`` of the ends
    without activations, ``room_bytes`` of an accelerator for all that.
    """

    total_s: FloatArray
    body_s: FloatArray
    saved_s: FloatArray
    last_s: FloatArray
    static_bytes: FloatArray
    activation_bytes: FloatArray
    first_bytes: FloatArray
    last_bytes: FloatArray
    room_bytes: FloatArray

    def take(self, rows: IntArray) -> LayerChoice:
        """Rows picked by index."""
        return LayerChoice(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def layer_choices(costs: UnitCosts, num_body: int, limit_bytes: float) -> LayerChoice:
    """Reduce the costs of each layer choice to what L0 reads."""
    lead = costs.num_lead
    body = costs.time_s[:, lead]
    return LayerChoice(
        total_s=total_s(costs, num_body),
        body_s=body,
        saved_s=np.maximum(body[:, None] - costs.time_s[:, :lead], 0.0).sum(axis=1),
        last_s=costs.time_s[:, lead + 2],
        static_bytes=costs.static_bytes[:, lead],
        activation_bytes=costs.activation_bytes[:, lead],
        first_bytes=costs.static_bytes[:, lead + 1],
        last_bytes=costs.static_bytes[:, lead + 2],
        room_bytes=limit_bytes - costs.transient_bytes,
    )


def layer_bound_s(
    choice: LayerChoice,
    num_units: int,
    *,
    pp: IntArray,
    num_microbatches: IntArray,
    most_chunks: IntArray,
    mix: Mix,
) -> FloatArray:
    """L0: the critical stage holds its share of the time, and its share of whole units; (F,).

    ``tau >= max(total / pp, ceil(units / pp) body - what lead layers save, last stage alone)``,
    step ``>= M tau + (total - tau) / v`` for the most chunks v.
    """
    share = -(-num_units // pp)
    mean = mix.mean_stage_s(choice.total_s, np.zeros(len(pp)), pp)
    tau = np.maximum(mean, share * choice.body_s - choice.saved_s)
    tau = np.maximum(tau, choice.last_s)
    return np.asarray(num_microbatches * tau + (choice.total_s - tau) / most_chunks)


def may_fit(
    choice: LayerChoice, num_body: int, *, pp: IntArray, num_microbatches: IntArray
) -> BoolArray:
    """L0 for memory: whether the stages could hold the body units, were units divisible; (F,).

    Stage s holds (room - ends) / (a + f b) units with f = min(M, pp - s) micro-batches in flight,
    the fewest of any schedule here. The sum over f = 1 .. m of the convex 1 / (a + f b) is at most
    its integral from 1/2 to m + 1/2, ``ln((a + (m + 1/2) b) / (a + b / 2)) / b``.
    """
    a, b = choice.static_bytes, np.maximum(choice.activation_bytes, 1.0)
    deepest = np.minimum(num_microbatches, pp)
    stages = np.log((a + (deepest + 0.5) * b) / (a + 0.5 * b)) / b
    stages = stages + (pp - deepest) / (a + deepest * b)
    ends = choice.first_bytes / (a + deepest * b) + choice.last_bytes / (a + b)
    return np.asarray(choice.room_bytes * stages - ends >= num_body * (1.0 - ROUNDING))


def memory_room(
    costs: Sequence[UnitCosts],
    batch: StrategyBatch,
    *,
    num_stages: int,
    num_body: int,
    limits_bytes: Sequence[FloatArray | float],
    few: IntArray,
) -> StageRooms:
    """What memory lets ``num_stages`` stages hold, generation by generation, fastest first."""
    held = in_flight(batch, num_stages)
    least = least_units(batch, num_stages)
    rooms = []
    for cost, limit in zip(costs, limits_bytes, strict=True):
        columns = memory_columns(cost, held)
        room = np.broadcast_to((limit - cost.transient_bytes)[:, None], columns.shape[:2])
        rooms.append(stage_room(columns, room, batch, num_body, least))
    return StageRooms(by_generation=tuple(rooms), few=few)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTime:
    """What stages take on each generation, fastest first, and wait for hops, (N, S) each."""

    batch: StrategyBatch
    costs: Sequence[UnitCosts]
    hops_s: Sequence[FloatArray]
    num_body: int

    def take(self, rows: IntArray) -> StageTime:
        """Rows picked by index."""
        return replace(
            self,
            batch=self.batch.take(rows),
            costs=[cost.take(rows) for cost in self.costs],
            hops_s=[hops[rows] for hops in self.hops_s],
        )

    def room(self, critical: FloatArray, few: IntArray) -> StageRooms:
        """What stages can hold that take at most ``critical`` (N,)."""
        least = least_units(self.batch, self.hops_s[0].shape[1])
        rooms = (
            stage_room(
                cost.time_s[:, None, :], critical[:, None] - hops, self.batch, self.num_body, least
            )
            for cost, hops in zip(self.costs, self.hops_s, strict=True)
        )
        return StageRooms(by_generation=tuple(rooms), few=few)


def most_spared_s(rooms: StageRooms, mix: Mix, batch: StrategyBatch) -> FloatArray:
    """Most time that stages save which stand on each set of fast generations; (N, G - 1).

    The roomiest stages stand on the set, as many as fit.
    """
    before, held = np.array(lead_pairs(rooms.by_generation[0].num_lead), dtype=np.int64).T
    most = np.zeros(rooms.few.shape)
    for j in range(rooms.few.shape[1]):
        columns = mix.spared_s[:, j]
        lead = columns.shape[1] - 3
        reached = np.cumsum(columns[:, :lead], axis=1)
        reached = np.concatenate([np.zeros_like(columns[:, :1]), reached], axis=1)
        room = roomiest(rooms.by_generation[: j + 1])
        spared = np.maximum(room.tail, 0.0) * columns[:, lead, None]
        first = (reached[:, before + held] - reached[:, before])[:, None, :]
        head = np.maximum(room.head, 0.0) * columns[:, lead, None, None] + first
        spared[:, : head.shape[1]] = head.max(axis=2)
        spared[:, 0] += columns[:, lead + 1]
        spared[np.arange(len(spared)), batch.pp - 1] += columns[:, lead + 2]
        summed = np.cumsum(-np.sort(-spared, axis=1), axis=1)
        last = np.clip(rooms.few[:, j], 1, spared.shape[1]) - 1
        some = rooms.few[:, j] > 0
        most[:, j] = np.where(some, np.take_along_axis(summed, last[:, None], axis=1)[:, 0], 0.0)
    return most


def mean_stage_s(
    costs: UnitCosts, batch: StrategyBatch, hop_s: FloatArray, num_body: int, mix: Mix
) -> FloatArray:
    """Mean stage time, or the last stage's without units if longer; (N,)."""
    stages = np.arange(hop_s.shape[1])[None, :] < batch.pp[:, None]
    hops = np.where(stages, hop_s, 0.0).sum(axis=1)
    mean = mix.mean_stage_s(total_s(costs, num_body), hops, batch.pp)
    return np.asarray(np.maximum(mean, costs.time_s[:, costs.num_lead + 2]))


def critical_s(times: StageTime, memory: StageRooms, low_s: FloatArray) -> FloatArray:
    """Smallest critical stage time under which the stages hold the whole model; (N,).

    Bisected from below, from ``low_s`` (N,): the returned time is one the model does not fit under,
    or that. Meaningless where ``memory`` has no room.
    """
    low = low_s
    high = np.max([total_s(cost, times.num_body) for cost in times.costs], axis=0)
    high = high + np.max([hops.max(axis=1) for hops in times.hops_s], axis=0)

    def fits(tau: FloatArray) -> BoolArray:
        return times.room(tau, memory.few).within(memory).fits(times.num_body)

    high = np.where(fits(low), low, high)
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        good = fits(middle)
        low, high = np.where(good, low, middle), np.where(good, middle, high)
    return np.asarray(low)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepBound:
    """L1: step time of N strategies whose critical stage takes at least so long.

    The slowest stage's replica traffic and optimizer are at least those of a mean stage and of the
    first and last stage's own ends; traffic hides under ``window * tau``, and slow stages that hold
    less shorten the pipeline, so tau may rather grow, to the whole model's time at most: the bound
    is the least. ``hop_s`` (N, S) is what each stage waits for its hops, ``fill_s`` (N,) the hops
    of the pipeline's fill and drain.
    """

    costs: UnitCosts
    batch: StrategyBatch
    hop_s: FloatArray
    fill_s: FloatArray
    num_body: int
    mix: Mix

    def at_least_s(self, critical: FloatArray) -> FloatArray:
        """The bound, from a lower bound on the critical stage's time; (N,)."""
        work = total_s(self.costs, self.num_body)
        traffic = self._traffic_s()
        window, drag = self.costs.dp_window, self.costs.dp_drag
        hides = (1.0 - drag) * traffic
        hidden_at = np.divide(hides, window, out=np.zeros_like(traffic), where=window > 0)
        turns = [critical, np.minimum(hidden_at, work + self._hops_s())]
        turns += self.mix.turning_points(work)
        steps = [self._step_s(np.maximum(critical, tau), work, traffic) for tau in turns]
        return np.asarray(np.min(steps, axis=0))

    def between_s(self, times: StageTime, memory: StageRooms, critical: float) -> FloatArray:
        """The bound, from ``critical`` upwards in steps, each with what fast stages then hold; (N,)."""
        taus = [np.full(len(self.batch), critical * more) for more in CRITICAL_STEPS]
        if self.mix.few.shape[1] == 0:
            return self.at_least_s(taus[0])
        rooms = [times.room(tau, memory.few) for tau in taus[1:]]
        held = [*(room.within(memory) for room in rooms), memory]
        steps = []
        for tau, room in zip(taus, held, strict=True):
            spared = most_spared_s(room, self.mix, self.batch)
            bound = replace(self, mix=replace(self.mix, most_spared_s=spared))
            steps.append(bound.at_least_s(tau))
        return np.asarray(np.min(steps, axis=0))

    def _step_s(self, tau: FloatArray, work: FloatArray, traffic: FloatArray) -> FloatArray:
        costs, batch = self.costs, self.batch
        total = self.mix.total_s(work, tau) + self._hops_s()
        exposed = exposed_dp_s(traffic, costs.dp_window * tau, costs.dp_drag)
        optimizer = _worst_stage(costs.optimizer_s, batch.pp, self.num_body)
        step = batch.num_microbatches * tau + (total - tau) / batch.vpp
        return np.asarray(step + exposed + optimizer + costs.fixed_s + self.fill_s)

    def _hops_s(self) -> FloatArray:
        stages = np.arange(self.hop_s.shape[1])[None, :] < self.batch.pp[:, None]
        return np.asarray(np.where(stages, self.hop_s, 0.0).sum(axis=1))

    def _traffic_s(self) -> FloatArray:
        costs = self.costs
        return _worst_stage(costs.dp_s, self.batch.pp, self.num_body) + costs.dp_latency_s


def _total(columns: FloatArray, num_body: int) -> FloatArray:
    lead = columns.shape[1] - 3
    ends = columns[:, lead + 1] + columns[:, lead + 2]
    return np.asarray(columns[:, :lead].sum(axis=1) + num_body * columns[:, lead] + ends)


def _worst_stage(columns: FloatArray, pp: IntArray, num_body: int) -> FloatArray:
    """At least what the worst stage has of an affine quantity; (N,)."""
    lead = columns.shape[1] - 3
    ends = np.maximum(columns[:, lead + 1], columns[:, lead + 2])
    return np.maximum(_total(columns, num_body) / pp, ends)
