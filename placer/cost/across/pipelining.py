"""Pipeline parallelism over sites: activations cross, gradients stay."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """One place where a pipeline leaves a site, seen by one micro-batch.

    ``activation_bytes`` go one way in the forward pass and as many come back in the backward pass;
    ``bandwidth_bytes_per_s`` is the link's, one direction, whole: pipelines take turns on it
    (Atlas's temporal bandwidth sharing, arXiv 2411.14458, section 4).
    """

    activation_bytes: float
    bandwidth_bytes_per_s: float
    latency_s: float

    @property
    def transfer_s(self) -> float:
        """Time on the wire in one direction."""
        return self.activation_bytes / self.bandwidth_bytes_per_s

    @property
    def delay_s(self) -> float:
        """From the last byte computed to the last byte there, one direction: ``RTT / 2 + A / B``."""
        return self.latency_s + self.transfer_s


def extra_in_flight(crossing: Crossing, stage_s: float) -> int:
    """Micro-batches a pipeline must hold beyond 1F1B's so that a crossing stalls nothing.

    Forward and back take ``2 x`` longer than inside a site, in which ``2 x / t`` micro-batches of
    ``stage_s`` (forward and backward) pass.
    """
    return math.ceil(2.0 * crossing.delay_s / stage_s - 1e-9)


def extra_activation_bytes(extra: int, bytes_per_microbatch: float) -> float:
    """Memory on each stage before the cut for the micro-batches held in addition."""
    return extra * bytes_per_microbatch


def stretched_s(crossing: Crossing, stage_s: float, *, downstream: int, extra: int) -> float:
    """Time per micro-batch in the steady phase.

    With ``downstream`` stages behind the cut, 1F1B holds ``downstream + 1`` micro-batches on the
    stage before it, and a micro-batch comes back after ``(downstream + 1) t + 2 x``; with ``extra``
    more in flight, ``max(t, ((d + 1) t + 2 x) / (d + 1 + extra))``. With none it is Narayanan et
    al.'s 1F1B (arXiv 2104.04473) with a slow hop.
    """
    held = downstream + 1
    loop_s = held * stage_s + 2.0 * crossing.delay_s
    return max(stage_s, loop_s / (held + extra))


def fill_s(crossing: Crossing) -> float:
    """What a crossing adds once to filling and draining the pipeline: ``2 x``."""
    return 2.0 * crossing.delay_s


def link_bound_s(crossing: Crossing, num_pipelines: int) -> float:
    """Least time per micro-batch at which a link carries all pipelines' activations, one direction."""
    return num_pipelines * crossing.transfer_s


def pipeline_exposed_s(
    crossing: Crossing,
    *,
    stage_s: float,
    num_microbatches: int,
    downstream: int,
    extra: int,
    num_pipelines: int = 1,
) -> float:
    """What one crossing adds to a step: fill and drain, and a steady phase that may stretch.

    Parameters
    ----------
    stage_s
        Seconds of the slowest stage per micro-batch, forward and backward.
    num_microbatches
        Per step and pipeline.
    downstream
        Stages behind the cut.
    extra
        Micro-batches held beyond 1F1B's (``extra_in_flight`` hides the delay).
    num_pipelines
        Pipelines whose activations share the link.
    """
    steady = stretched_s(crossing, stage_s, downstream=downstream, extra=extra)
    steady = max(steady, link_bound_s(crossing, num_pipelines))
    return fill_s(crossing) + num_microbatches * (steady - stage_s)
