"""Lower bounds on the step time of strategies, cheapest first; no placement can beat them.

L0 knows layer times and counts; L1 adds what memory lets each stage hold, the ends of the pipeline
and the traffic between replicas. Both minimise ``M tau + (sum t - tau) / v`` over what the critical
stage time tau can be; network placements enter as variants, of which the caller takes the best.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.cost.pipeline import exposed_dp_s
from placer.search.unit_costs import in_flight, memory_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from placer.plan.strategy import IntArray, StrategyBatch
    from placer.search.unit_costs import UnitCosts

    FloatArray = NDArray[np.float64]
    BoolArray = NDArray[np.bool_]

BISECTIONS: Final = 26
ROUNDING: Final = 1e-9
"""Relative slack when units are counted, so that an exact fit counts as one."""


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
) -> FloatArray:
    """L0: the critical stage holds its share of the time, and its share of whole units; (F,).

    ``tau >= max(total / pp, ceil(units / pp) body - what lead layers save, last stage alone)``,
    step ``>= M tau + (total - tau) / v`` for the most chunks v.
    """
    share = -(-num_units // pp)
    tau = np.maximum(choice.total_s / pp, share * choice.body_s - choice.saved_s)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRoom:
    """Units each stage may hold at most and at least, (N, S); zero for stages that do not exist."""

    most: IntArray
    least: IntArray

    def take(self, rows: IntArray) -> StageRoom:
        """Rows picked by index."""
        return StageRoom(most=self.most[rows], least=self.least[rows])

    def fits(self, num_units: int) -> BoolArray:
        """Strategies whose stages can hold the whole model; (N,)."""
        enough = self.most.sum(axis=1) >= num_units
        return np.asarray((self.most >= self.least).all(axis=1) & enough)


def least_units(batch: StrategyBatch, num_stages: int) -> IntArray:
    """One unit per chunk, where the embedding's and the loss's chunk need none; (N, S)."""
    stage = np.arange(num_stages)[None, :]
    pp, vpp = batch.pp[:, None], batch.vpp[:, None]
    ends = ((stage == 0) | (stage == pp - 1)) & (pp > 1)
    return np.where(stage < pp, vpp - ends, 0)


def memory_room(
    costs: UnitCosts, batch: StrategyBatch, num_units: int, limit_bytes: FloatArray | float
) -> StageRoom:
    """Units that memory lets each stage hold."""
    num_stages = int(batch.pp.max(initial=1))
    columns = memory_columns(costs, in_flight(batch, num_stages))
    limit = np.broadcast_to(np.asarray(limit_bytes, dtype=np.float64), (len(batch),))
    room = np.broadcast_to((limit - costs.transient_bytes)[:, None], columns.shape[:2])
    most = _most_units(columns, room, batch, num_units)
    return StageRoom(most=most, least=least_units(batch, num_stages))


def critical_s(
    costs: UnitCosts, batch: StrategyBatch, room: StageRoom, hop_s: FloatArray, num_body: int
) -> FloatArray:
    """Smallest critical stage time under which the stages hold the whole model; (N,).

    Bisected from below: the returned time is one the model does not fit under, or the mean stage.
    ``hop_s`` (N, S) is what each stage waits for its hops. Meaningless where memory has no room.
    """
    num_units = num_body + costs.num_lead
    stages = np.arange(hop_s.shape[1])[None, :] < batch.pp[:, None]
    total = total_s(costs, num_body)
    hops = np.where(stages, hop_s, 0.0)
    low = (total + hops.sum(axis=1)) / batch.pp
    high = total + hops.max(axis=1)
    columns = costs.time_s[:, None, :]

    def fits(tau: FloatArray) -> BoolArray:
        allowed = _most_units(columns, tau[:, None] - hops, batch, num_units)
        both = np.minimum(allowed, room.most)
        return StageRoom(most=both, least=room.least).fits(num_units)

    high = np.where(fits(low), low, high)
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        good = fits(middle)
        low, high = np.where(good, low, middle), np.where(good, middle, high)
    return np.asarray(low)


def step_bound_s(
    costs: UnitCosts,
    batch: StrategyBatch,
    *,
    critical: FloatArray,
    hop_s: FloatArray,
    fill_s: FloatArray,
    num_body: int,
) -> FloatArray:
    """L1: step time of strategies whose critical stage takes at least ``critical``; (N,).

    The slowest stage's replica traffic and optimizer are at least those of a mean stage and of the
    first and last stage's own ends; traffic hides under ``window * tau``, so tau may rather grow,
    to the whole model's time at most: the bound is the least of the two. ``fill_s`` (N,) is the
    hops of the pipeline's fill and drain.
    """
    stages = np.arange(hop_s.shape[1])[None, :] < batch.pp[:, None]
    total = total_s(costs, num_body) + np.where(stages, hop_s, 0.0).sum(axis=1)
    traffic = _worst_stage(costs.dp_s, batch.pp, num_body) + costs.dp_latency_s
    optimizer = _worst_stage(costs.optimizer_s, batch.pp, num_body)
    window = costs.dp_window
    hides = (1.0 - costs.dp_drag) * traffic
    hidden_at = np.divide(hides, window, out=np.zeros_like(traffic), where=window > 0)
    grows = batch.num_microbatches - 1.0 / batch.vpp - window < 0.0
    tau = np.where(grows, np.maximum(critical, np.minimum(hidden_at, total)), critical)
    exposed = exposed_dp_s(traffic, window * tau, costs.dp_drag)
    step = batch.num_microbatches * tau + (total - tau) / batch.vpp
    return np.asarray(step + exposed + optimizer + costs.fixed_s + fill_s)


def _total(columns: FloatArray, num_body: int) -> FloatArray:
    lead = columns.shape[1] - 3
    ends = columns[:, lead + 1] + columns[:, lead + 2]
    return np.asarray(columns[:, :lead].sum(axis=1) + num_body * columns[:, lead] + ends)


def _worst_stage(columns: FloatArray, pp: IntArray, num_body: int) -> FloatArray:
    """At least what the worst stage has of an affine quantity; (N,)."""
    lead = columns.shape[1] - 3
    ends = np.maximum(columns[:, lead + 1], columns[:, lead + 2])
    return np.maximum(_total(columns, num_body) / pp, ends)


def _most_units(
    columns: FloatArray, room: FloatArray, batch: StrategyBatch, num_units: int
) -> IntArray:
    """Most units each stage may hold within ``room`` (N, S) of an affine quantity.

    ``columns`` (N, S or 1, D + 3). Lead layers fill the first chunks in order, so stage 0 holds n
    of them only with at most ``n v`` units unless it holds all; a later stage s may hold any up to
    D - s + 1 of the cheapest. An upper bound where D > 0, exact otherwise.
    """
    lead = columns.shape[2] - 3
    stage = np.arange(room.shape[1])[None, :]
    pp, vpp = batch.pp[:, None], batch.vpp[:, None]
    room = room - np.where(stage == 0, columns[..., lead + 1], 0.0)
    room = room - np.where(stage == pp - 1, columns[..., lead + 2], 0.0)
    body = columns[..., lead]
    most = _whole(room / body)
    if lead:
        most = _with_lead(columns, room, most, stage, vpp)
    most = np.clip(most, -1, num_units)
    return np.where(stage < pp, most, 0).astype(np.int64)


def _with_lead(
    columns: FloatArray, room: FloatArray, without: FloatArray, stage: IntArray, vpp: IntArray
) -> FloatArray:
    lead = columns.shape[2] - 3
    body, leads = columns[..., lead], columns[..., :lead]
    cheapest = leads.min(axis=2)
    most = np.where(stage == 0, np.minimum(without, np.maximum(vpp - 1, 0)), without)
    for held in range(1, lead + 1):
        first = leads[..., :held].sum(axis=2)
        cost = np.where(stage == 0, first, held * cheapest)
        reached = np.where(room >= cost * (1.0 - ROUNDING), held + _whole((room - cost) / body), -1)
        if held < lead:
            reached = np.where(stage == 0, np.minimum(reached, held * vpp), reached)
        may = (stage == 0) | (held <= lead - stage + 1)
        most = np.where(may, np.maximum(most, reached), most)
    return most


def _whole(units: FloatArray) -> FloatArray:
    return np.asarray(np.floor(units + ROUNDING * np.maximum(np.abs(units), 1.0)))
