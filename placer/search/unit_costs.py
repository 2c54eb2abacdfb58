"""Stage coefficients per unit of the model instead of per item, and what a split into units costs.

Every quantity of a stage is affine in its units; the columns are the leading dense layers one by
one, then one body unit, what the first stage holds beside units, what the last one does.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from placer.cost.pipeline import in_flight_microbatches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from placer.cost.stage_costs import StageCosts
    from placer.plan.strategy import IntArray, StrategyBatch
    from placer.search.model_units import ModelUnits

    FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitCosts:
    """Costs of N strategies, each (N, D + 3): lead layers, body, first, last.

    ``time_s`` one micro-batch without hops; ``dp_s`` once per step; ``optimizer_s``;
    ``static_bytes`` weights, gradients, optimizer states, buffers; ``activation_bytes`` per
    micro-batch in flight. Columns (N,): ``dp_latency_s``, ``dp_window``, ``dp_drag``, ``fixed_s``
    (the optimizer's), ``transient_bytes``; (N, L): ``hop_steady_s`` and ``hop_fill_s`` by the level
    a hop crosses.
    """

    time_s: FloatArray
    dp_s: FloatArray
    optimizer_s: FloatArray
    static_bytes: FloatArray
    activation_bytes: FloatArray
    dp_latency_s: FloatArray
    dp_window: FloatArray
    dp_drag: FloatArray
    fixed_s: FloatArray
    hop_steady_s: FloatArray
    hop_fill_s: FloatArray
    transient_bytes: FloatArray

    def __len__(self) -> int:
        return len(self.time_s)

    @property
    def num_lead(self) -> int:
        """Leading dense layers."""
        return int(self.time_s.shape[1]) - 3

    def take(self, rows: NDArray[np.bool_] | IntArray) -> UnitCosts:
        """Rows picked by mask or index."""
        return UnitCosts(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def least_of(costs: Sequence[UnitCosts]) -> UnitCosts:
    """Each cost where it is least, of the same strategies on several generations."""
    if len(costs) == 1:
        return costs[0]
    names = [f.name for f in fields(UnitCosts)]
    return UnitCosts(**{n: np.min([getattr(c, n) for c in costs], axis=0) for n in names})


def unit_costs(costs: StageCosts, units: ModelUnits) -> UnitCosts:
    """Express item coefficients in units."""
    basis = np.vstack([units.lead, units.body, units.first, units.last]).T
    static = costs.weights_bytes + costs.gradients_bytes + costs.optimizer_bytes
    static = static + costs.buffer_bytes
    return UnitCosts(
        time_s=costs.time_s.sum(axis=1) @ basis,
        dp_s=costs.dp_s @ basis,
        optimizer_s=costs.optimizer_s @ basis,
        static_bytes=static @ basis,
        activation_bytes=costs.activation_bytes @ basis,
        dp_latency_s=costs.dp_latency_s,
        dp_window=costs.dp_window,
        dp_drag=costs.dp_drag,
        fixed_s=np.full(len(costs.dp_window), costs.optimizer_fixed_s),
        hop_steady_s=costs.hop_steady_s,
        hop_fill_s=costs.hop_fill_s,
        transient_bytes=costs.transient_bytes + costs.fixed_bytes,
    )


def in_flight(batch: StrategyBatch, num_stages: int) -> FloatArray:
    """Micro-batches in flight of stages 0 .. num_stages - 1, (N, num_stages).

    Stages a strategy does not have get zero.
    """
    stage = np.arange(num_stages, dtype=np.float64)[None, :]
    pp = batch.pp.astype(np.float64)[:, None]
    held = in_flight_microbatches(
        pp,
        batch.vpp.astype(np.float64)[:, None],
        batch.num_microbatches.astype(np.float64)[:, None],
        np.minimum(stage, pp - 1.0),
    )
    return np.where(stage < pp, held, 0.0)


def memory_columns(costs: UnitCosts, held: FloatArray) -> FloatArray:
    """Bytes per column and stage, (N, S, D + 3), for ``held`` (N, S) micro-batches in flight."""
    activations = held[:, :, None] * costs.activation_bytes[:, None, :]
    return np.asarray(costs.static_bytes[:, None, :] + activations)
