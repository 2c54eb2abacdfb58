"""What replicas of a stage send each other: weights, gradients, and when they do it all the time."""

from __future__ import annotations

from dataclasses import dataclass

from placer.cost.sections import FeatureConstants
from placer.plan.strategy import Strategy
from placer.simulate.collectives import Duration, Operation
from placer.simulate.ops import Pass
from placer.simulate.passes import ItemPass, PassTime
from placer.simulate.scene import Job
from placer.spec.run import GradientRecipe, RunSpec

WEIGHT_BYTES = 2.0
NARROW_GRADIENT_BYTES = 2.0
FULL_GRADIENT_BYTES = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaGroup:
    """The replicas of one kind of parameter at one stage: numbered ways to ring and to reduce."""

    ring: tuple[int, Operation]
    reductions: tuple[tuple[int, Operation], ...]
    size: int

    def ring_job(self, payload_bytes: float) -> tuple[Job, ...]:
        """A gather or scatter of a buffer."""
        return _jobs((self.ring,), payload_bytes, self.size)

    def reduce_job(self, payload_bytes: float) -> tuple[Job, ...]:
        """An all-reduce of a buffer, by the fastest way."""
        return _jobs(self.reductions, payload_bytes, self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaTraffic:
    """Collectives between the replicas of one stage, by ZeRO stage (arXiv 1910.02054, section 7).

    ZeRO 1 and 2 gather weights before the first pass and scatter gradients after the last; plain
    data parallelism all-reduces gradients; ZeRO 3 gathers on every pass and scatters on every
    backward pass.
    """

    strategy: Strategy
    run: RunSpec
    features: FeatureConstants
    dense: ReplicaGroup
    expert: ReplicaGroup

    def gathers(self, dense: float, expert: float) -> tuple[Job, ...]:
        """Collectives before the first pass of parameters ``dense`` and ``expert``."""
        if self.strategy.zero_stage not in (1, 2):
            return ()
        return self._both(WEIGHT_BYTES * dense, WEIGHT_BYTES * expert)

    def scatters(self, dense: float, expert: float) -> tuple[Job, ...]:
        """Collectives after the last pass."""
        if self.strategy.zero_stage >= 3:
            return ()
        in_full = self.run.features.gradients is not GradientRecipe.NARROW
        size = FULL_GRADIENT_BYTES if in_full else NARROW_GRADIENT_BYTES
        if self.strategy.zero_stage == 0:
            return (*self.dense.reduce_job(size * dense), *self.expert.reduce_job(size * expert))
        return self._both(size * dense, size * expert)

    def with_sharded_weights(self, item: ItemPass, kind: Pass) -> PassTime:
        """A pass with what ZeRO 3 adds to it: traffic beside it as far as that goes, and its drag.

        Backward gathers once more and scatters 16-bit gradients (Zhao et al., PyTorch FSDP, arXiv
        2304.11277, section 3.3).
        """
        time = item.forward if kind is Pass.FORWARD else item.backward
        if self.strategy.zero_stage < 3:
            return time
        jobs = list(
            self._both(WEIGHT_BYTES * item.dense_parameters, WEIGHT_BYTES * item.expert_parameters)
        )
        if kind is not Pass.FORWARD:
            jobs += self._both(
                NARROW_GRADIENT_BYTES * item.dense_parameters,
                NARROW_GRADIENT_BYTES * item.expert_parameters,
            )
        traffic_s = sum(job.duration.total_s for job in jobs)
        overlaps = self.run.features.dp_overlap
        hidden_s = min(traffic_s, self.features.stream_overlap_hidden * time.total_s) * overlaps
        return time + PassTime(dp=traffic_s - hidden_s + self.features.drag * hidden_s)

    def _both(self, dense_bytes: float, expert_bytes: float) -> tuple[Job, ...]:
        return (*self.dense.ring_job(dense_bytes), *self.expert.ring_job(expert_bytes))


def _jobs(
    ways: tuple[tuple[int, Operation], ...], payload_bytes: float, size: int
) -> tuple[Job, ...]:
    if size == 1 or payload_bytes == 0.0:
        return ()

    def total_s(way: tuple[Duration, int]) -> float:
        return way[0].total_s

    duration, number = min(
        ((operation.duration(payload_bytes), number) for number, operation in ways), key=total_s
    )
    return (Job(operation=number, duration=duration, payload_bytes=payload_bytes),)
