"""How the work is split: one parallelisation strategy, and many of them as columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


class Schedule(StrEnum):
    """Order in which a pipeline stage runs its forward and backward passes."""

    ONE_F_ONE_B = "1f1b"
    INTERLEAVED = "interleaved"
    ZERO_BUBBLE = "zero_bubble"
    DUAL_PIPE = "dualpipe"


class RecomputeGranularity(StrEnum):
    """What is thrown away after the forward pass and computed again in the backward pass."""

    NONE = "none"
    SELECTIVE = "selective"
    FULL = "full"


class CrossSiteMode(StrEnum):
    """What crosses the link between two sites."""

    NONE = "none"
    SYNC_DP = "sync_dp"
    PIPELINE = "pipeline"
    DILOCO = "diloco"
    STREAMING_DILOCO = "streaming_diloco"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recompute:
    """Activation recomputation, in Megatron-LM's terms.

    ``method`` ("uniform", "block" or None) and ``num_layers`` (per pipeline stage and chunk)
    belong to full granularity; ``modules`` to selective.
    """

    granularity: RecomputeGranularity = RecomputeGranularity.NONE
    method: str | None = None
    num_layers: int | None = None
    modules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteShare:
    """What one site holds: ``dp`` whole replicas, or under a pipeline ``pp`` stages of all of them.

    Replicas and stages are numbered through the shares in order.
    """

    site: str
    dp: int
    pp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossSite:
    """The arrangement between sites.

    ``replicas`` counts the copies of the model that sites exchange: one per site, one in all when
    nothing is exchanged or a pipeline runs through the sites. ``shares`` are the sites used, empty
    on a cluster without sites. ``inner_steps`` is DiLoCo's H, None when synchronous;
    ``fragments``, ``overlap_steps`` and ``outer_bits`` (of an outer gradient's element) belong to
    streaming DiLoCo and DiLoCo. ``extra_in_flight`` is what a stage before a site boundary holds of
    micro-batches beyond its schedule's, so that the round trip is covered.
    """

    mode: CrossSiteMode = CrossSiteMode.NONE
    replicas: int = 1
    inner_steps: int | None = None
    shares: tuple[SiteShare, ...] = ()
    fragments: int | None = None
    overlap_steps: int | None = None
    outer_bits: int | None = None
    extra_in_flight: int = 0

    @property
    def is_asynchronous(self) -> bool:
        """Whether sites take steps of their own between exchanges: another meaning of a step."""
        return self.mode in (CrossSiteMode.DILOCO, CrossSiteMode.STREAMING_DILOCO)

    @property
    def by_replica(self) -> bool:
        """Whether each site holds whole replicas and several sites are used."""
        return self.is_asynchronous or self.mode is CrossSiteMode.SYNC_DP


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """One choice of every parallel degree.

    ``dp`` counts replicas of the dense parameters (GPUs = tp * cp * pp * dp); experts live on
    their own grid over the same ranks (GPUs = etp * ep * pp * edp), so ``ep`` may exceed ``dp``.
    ``vpp`` counts model chunks per pipeline stage (1: not interleaved).
    ``zero_stage`` 0 replicates, 1 shards optimizer states, 2 gradients too, 3 parameters too, over
    ``dp_shard`` replicas; ``dp_shard * dp_replicate == dp``.
    """

    tp: int = 1
    cp: int = 1
    ep: int = 1
    etp: int = 1
    pp: int = 1
    vpp: int = 1
    dp: int = 1
    micro_batch_size: int = 1
    num_microbatches: int = 1
    zero_stage: int = 1
    dp_shard: int = 1
    dp_replicate: int = 1
    sequence_parallel: bool = True
    schedule: Schedule = Schedule.ONE_F_ONE_B
    recompute: Recompute = Recompute()
    cross_site: CrossSite = CrossSite()

    @property
    def num_gpus(self) -> int:
        """GPUs the strategy occupies."""
        return self.tp * self.cp * self.pp * self.dp

    @property
    def gpus_per_stage(self) -> int:
        """GPUs that share one pipeline stage."""
        return self.tp * self.cp * self.dp

    @property
    def edp(self) -> int:
        """Replicas of each expert: what is left of a stage after ep and etp."""
        return self.tp * self.cp * self.dp // (self.ep * self.etp)

    @property
    def cell_gpus(self) -> int:
        """GPUs of one cell, the smallest block of a stage that holds whole tp, cp, ep groups."""
        return int(np.lcm(self.tp * self.cp, self.ep * self.etp))

    @property
    def cells_per_stage(self) -> int:
        """Cells of one pipeline stage."""
        return self.gpus_per_stage // self.cell_gpus


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyBatch:
    """Many strategies as columns of equal length, for vectorised costing.

    Degrees are int64; ``recompute`` holds 0 none, 1 selective, 2 full. Row ``i`` is what
    ``Strategy`` says of the i-th candidate.
    """

    tp: IntArray
    cp: IntArray
    ep: IntArray
    etp: IntArray
    pp: IntArray
    vpp: IntArray
    dp: IntArray
    micro_batch_size: IntArray
    num_microbatches: IntArray
    zero_stage: IntArray
    dp_shard: IntArray
    sequence_parallel: IntArray
    recompute: IntArray

    def __len__(self) -> int:
        return len(self.tp)

    @property
    def num_gpus(self) -> IntArray:
        """GPUs each strategy occupies."""
        return self.tp * self.cp * self.pp * self.dp

    @property
    def edp(self) -> IntArray:
        """Replicas of each expert."""
        return self.tp * self.cp * self.dp // (self.ep * self.etp)

    @property
    def cell_gpus(self) -> IntArray:
        """GPUs of one cell, lcm(tp * cp, ep * etp)."""
        return np.asarray(np.lcm(self.tp * self.cp, self.ep * self.etp))

    def take(self, rows: NDArray[np.bool_] | IntArray) -> StrategyBatch:
        """Rows picked by mask or index."""
        return StrategyBatch(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    @classmethod
    def of(cls, strategies: Iterable[Strategy]) -> StrategyBatch:
        """Columns of the given strategies, in order."""
        rows = list(strategies)
        codes = list(RecomputeGranularity)
        columns: dict[str, IntArray] = {
            f.name: np.array([int(getattr(s, f.name)) for s in rows], dtype=np.int64)
            for f in fields(cls)
            if f.name != "recompute"
        }
        columns["recompute"] = np.array(
            [codes.index(s.recompute.granularity) for s in rows], dtype=np.int64
        )
        return cls(**columns)
