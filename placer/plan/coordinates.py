"""Where a rank stands on each axis of the two meshes, in the order all frameworks build groups.

``rank = tp + TP * (cp + CP * (dp + DP * pp))`` and, for experts, over the same ranks
``rank = etp + ETP * (ep + EP * (edp + EDP * pp))``: Megatron-LM's default order
(``core/parallel_state.py``, RankGenerator, order tp-cp-ep-dp-pp).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from placer.plan.strategy import IntArray, Strategy


class Axis(StrEnum):
    """The mesh axes that form groups; ``dp_cp`` is the two together, which reduce gradients."""

    TP = "tp"
    CP = "cp"
    EP = "ep"
    ETP = "etp"
    PP = "pp"
    DP = "dp"
    DP_CP = "dp_cp"
    EDP = "edp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinates:
    """(N,) coordinates of ranks 0 to N - 1.

    ``dp = dp_shard + DP_SHARD * dp_replicate``; ``replica`` is the cross-site replica, an outermost
    slice of dp (0 everywhere without one).
    """

    tp: IntArray
    cp: IntArray
    ep: IntArray
    etp: IntArray
    pp: IntArray
    dp: IntArray
    dp_shard: IntArray
    dp_replicate: IntArray
    edp: IntArray
    replica: IntArray


def coordinates_of(strategy: Strategy) -> Coordinates:
    """Coordinates of all ranks of a strategy."""
    rank = np.arange(strategy.num_gpus, dtype=np.int64)
    local = rank % strategy.gpus_per_stage
    dp = local // (strategy.tp * strategy.cp)
    return Coordinates(
        tp=local % strategy.tp,
        cp=local // strategy.tp % strategy.cp,
        ep=local // strategy.etp % strategy.ep,
        etp=local % strategy.etp,
        pp=rank // strategy.gpus_per_stage,
        dp=dp,
        dp_shard=dp % strategy.dp_shard,
        dp_replicate=dp // strategy.dp_shard,
        edp=local // (strategy.etp * strategy.ep),
        replica=_site_replica(strategy, dp),
    )


def _site_replica(strategy: Strategy, dp: IntArray) -> IntArray:
    """The cross-site replica that holds each data-parallel coordinate."""
    cross_site = strategy.cross_site
    if not cross_site.by_replica or not cross_site.shares:
        return dp * cross_site.replicas // strategy.dp
    ends = np.cumsum([share.dp for share in cross_site.shares])
    replica: IntArray = np.searchsorted(ends, dp, side="right")
    return replica


def axis_strides(strategy: Strategy) -> dict[Axis, tuple[int, int]]:
    """Degree of each axis, and the distance in ranks between neighbours along it."""
    return {
        Axis.TP: (strategy.tp, 1),
        Axis.CP: (strategy.cp, strategy.tp),
        Axis.EP: (strategy.ep, strategy.etp),
        Axis.ETP: (strategy.etp, 1),
        Axis.PP: (strategy.pp, strategy.gpus_per_stage),
        Axis.DP: (strategy.dp, strategy.tp * strategy.cp),
        Axis.DP_CP: (strategy.dp * strategy.cp, strategy.tp),
        Axis.EDP: (strategy.edp, strategy.etp * strategy.ep),
    }


def first_members(strategy: Strategy, axis: Axis) -> IntArray:
    """(N,) the lowest rank of each rank's group along an axis; it names the group."""
    degree, stride = axis_strides(strategy)[axis]
    rank = np.arange(strategy.num_gpus, dtype=np.int64)
    first: IntArray = rank - rank // stride % degree * stride
    return first
