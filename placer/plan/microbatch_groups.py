"""How many consecutive micro-batches a chunk of an interleaved schedule runs."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from placer.plan.strategy import IntArray


@lru_cache(maxsize=1 << 16)
def microbatch_group_size(pp: int, num_microbatches: int) -> int:
    """Consecutive micro-batches of one chunk, as few as allowed.

    Megatron-LM takes any number from pp to the number of micro-batches that leaves a last group of
    none or at least pp (``core/pipeline_parallel/schedules.py``).
    """
    return next(
        (size for size in range(pp, num_microbatches) if not 0 < num_microbatches % size < pp),
        max(num_microbatches, pp),
    )


def microbatch_group_sizes(
    pp: NDArray[np.float64], num_microbatches: NDArray[np.float64]
) -> IntArray:
    """``microbatch_group_size`` of every element of two arrays that broadcast together."""
    stages, total = np.broadcast_arrays(pp, num_microbatches)
    if np.all(total % stages == 0):
        return np.asarray(stages, dtype=np.int64)
    pairs = np.stack([stages.ravel(), total.ravel()], axis=1).astype(np.int64)
    distinct, where = np.unique(pairs, axis=0, return_inverse=True)
    sizes = np.array([microbatch_group_size(int(p), int(m)) for p, m in distinct], dtype=np.int64)
    return sizes[where.ravel()].reshape(stages.shape)
