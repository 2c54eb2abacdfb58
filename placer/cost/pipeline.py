"""Pipeline schedules: step time from stage times, micro-batches in flight from the schedule."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from placer.plan.microbatch_groups import microbatch_group_sizes
from placer.plan.strategy import Schedule

FloatArray = NDArray[np.float64]


def steady_and_bubble_s(
    stage_s: FloatArray, num_microbatches: FloatArray, vpp: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Busy time of the critical stage and the fill and drain around it.

    Parameters
    ----------
    stage_s
        (..., pp) seconds of each stage on one micro-batch, forward and backward.
    num_microbatches, vpp
        (...) micro-batches per step and model chunks per stage.

    Returns
    -------
    steady, bubble
        ``M * max_s t_s`` and ``(sum_s t_s - max_s t_s) / v``: Narayanan et al., "Efficient
        Large-Scale Language Model Training on GPU Clusters" (arXiv 2104.04473), section 2.2,
        written for stages of unequal length.
    """
    critical = stage_s.max(axis=-1)
    bubble = (stage_s.sum(axis=-1) - critical) / vpp
    return num_microbatches * critical, bubble


def bare_crossings(pp: int, vpp: int) -> FloatArray:
    """(pp,) times a step crosses the hop behind each stage with nothing to hide behind.

    The last hop wraps to the first stage. A chunk's first pass waits for every hop before it: while
    a pipeline of v chunks fills, stage 0 has done its pp passes of a chunk when the first of them
    comes around, late by all pp hops. So v times through every hop but v - 1 times through the one
    that wraps, and again while it drains.
    """
    times = np.full(pp, 2.0 * vpp)
    times[-1] -= 2.0
    return times


def bubble_share(schedule: Schedule, pp: int) -> float:
    """Bubble of a schedule over that of 1F1B, forward a third of a micro-batch's time.

    Zero-bubble ZB-H1 leaves (pp - 1) (F + B - 2 W), DualPipe (pp / 2 - 1) (F&B + B - 3 W), with B
    the whole backward pass, W its weight gradients and F&B a forward and a backward overlapped
    (DeepSeek-V3, arXiv 2412.19437, table 2; Qi et al., arXiv 2401.10241): with F = W = t / 3,
    B = 2 t / 3 and F&B = t that is a third, and (pp / 2 - 1) 2 / 3 over pp - 1.
    """
    if schedule is Schedule.ZERO_BUBBLE:
        return 1.0 / 3.0
    if schedule is Schedule.DUAL_PIPE and pp > 1:
        return max(pp / 2.0 - 1.0, 0.0) * (2.0 / 3.0) / (pp - 1.0)
    return 1.0


def in_flight_microbatches(
    pp: FloatArray, vpp: FloatArray, num_microbatches: FloatArray, stage: FloatArray
) -> FloatArray:
    """Micro-batches whose activations a stage holds at its peak.

    1F1B: min(M, pp - stage). Interleaved: the warm-up of Megatron-LM's schedule holds
    2 (pp - stage - 1) + (v - 1) g + 1 chunks, each 1/v of the stage, at most M v, where g is the
    micro-batch group, pp when pp divides M (megatron/core/pipeline_parallel/schedules.py; for
    stage 0 it is then Korthikanti et al.'s 1 + (pp - 1) / (pp v), arXiv 2205.05198, section 4.2.3,
    times pp).
    """
    plain = np.minimum(num_microbatches, pp - stage)
    group = microbatch_group_sizes(pp, num_microbatches)
    chunks = 2.0 * (pp - stage - 1.0) + (vpp - 1.0) * group + 1.0
    interleaved = np.minimum(num_microbatches * vpp, chunks) / vpp
    return np.asarray(np.where(vpp > 1, interleaved, plain))


def exposed_dp_s(
    traffic_s: FloatArray, window_s: FloatArray, drag: FloatArray | float
) -> FloatArray:
    """Data-parallel time a step sees: what does not fit the window, or the drag of what does.

    Collectives that run beside computation take multiprocessors and memory bandwidth from it, so
    even fully hidden traffic costs ``drag`` of its own time.
    """
    return np.asarray(np.maximum(traffic_s - window_s, drag * traffic_s))
