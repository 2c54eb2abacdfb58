"""What a plan costs: time by component, memory by stage."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """Step time by component, in seconds; the components sum to the step time.

    ``compute`` to ``recompute`` are what the critical (slowest) stage spends exposed over all
    micro-batches; ``bubble`` is the pipeline's fill and drain; ``dp`` and ``optimizer`` come once.
    """

    compute: float = 0.0
    tp: float = 0.0
    cp: float = 0.0
    ep: float = 0.0
    pp: float = 0.0
    bubble: float = 0.0
    dp: float = 0.0
    recompute: float = 0.0
    optimizer: float = 0.0
    cross_site: float = 0.0

    @property
    def total_s(self) -> float:
        """The step time."""
        return math.fsum(getattr(self, f.name) for f in fields(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class StageMemory:
    """Bytes on one GPU of one stage at its peak."""

    weights_bytes: float
    gradients_bytes: float
    optimizer_bytes: float
    activations_bytes: float
    buffers_bytes: float
    framework_bytes: float

    @property
    def total_bytes(self) -> float:
        """Peak bytes of the stage."""
        return math.fsum(getattr(self, f.name) for f in fields(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """The cost model's answer for one strategy on one placement.

    ``mfu`` counts model FLOPs with causal attention halved; ``hfu`` counts what runs, recompute
    included.
    """

    step_time_s: float
    tokens_per_s: float
    tflops_per_gpu: float
    mfu: float
    hfu: float
    breakdown: Breakdown
    stage_time_s: tuple[float, ...]
    memory: tuple[StageMemory, ...]
    memory_limit_bytes: tuple[float, ...]

    @property
    def fits(self) -> bool:
        """Whether each stage's peak is within its limit."""
        pairs = zip(self.memory, self.memory_limit_bytes, strict=True)
        return all(m.total_bytes <= limit for m, limit in pairs)
