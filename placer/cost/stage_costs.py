"""What a pipeline stage costs, as coefficients: everything is affine in the layers it holds."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Part(IntEnum):
    """Components of a stage's time on one micro-batch, in breakdown order."""

    COMPUTE = 0
    TP = 1
    CP = 2
    EP = 3
    RECOMPUTE = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCosts:
    """Coefficients of N strategies on one accelerator generation.

    A stage is a vector ``counts`` over ``items``: how many layers of each class, then MTP layers,
    whether it holds the embedding, whether it holds the loss (``item_names`` lists them in order,
    I of them). N rows, I items, L cluster levels, P parts.

    Time of a stage on one micro-batch, forward and backward (s): ``(time_s.sum(1) @ counts) +
    hop_steady_s[:, level]`` where ``level`` is the innermost level that contains the stage and its
    neighbours. ``time_s`` is (N, P, I) exposed seconds; ``flops`` (N, I) what runs per micro-batch.

    Once per step: data-parallel traffic ``D = dp_s @ counts + dp_latency_s`` (N, I) and (N,), of
    which ``max(dp_drag * D, D - dp_window * (critical stage time))`` is exposed: what is hidden
    still slows computation by ``dp_drag`` (the window is less by that). The optimizer takes
    ``optimizer_s @ counts + optimizer_fixed_s``.

    Memory of a stage (bytes): ``(weights + gradients + optimizer) @ counts + in_flight *
    (activation_bytes @ counts) + transient_bytes + fixed_bytes`` where ``in_flight`` comes from
    ``pipeline.in_flight_microbatches``, and ``buffer_bytes @ counts``, the logits of the loss item.
    """

    item_names: tuple[str, ...]
    time_s: FloatArray
    flops: FloatArray
    hop_steady_s: FloatArray
    hop_fill_s: FloatArray
    dp_s: FloatArray
    dp_latency_s: FloatArray
    dp_window: FloatArray
    dp_drag: FloatArray
    optimizer_s: FloatArray
    optimizer_fixed_s: float
    weights_bytes: FloatArray
    gradients_bytes: FloatArray
    optimizer_bytes: FloatArray
    activation_bytes: FloatArray
    buffer_bytes: FloatArray
    transient_bytes: FloatArray
    fixed_bytes: float

    def row(self, index: int) -> StageCosts:
        """Coefficients of one strategy of the batch."""
        columns: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        for name, column in columns.items():
            if isinstance(column, np.ndarray):
                columns[name] = column[index : index + 1]
        return StageCosts(**columns)
