"""The few statistics that say how good a prediction is, by their definitions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def mean_absolute(errors: Sequence[float]) -> float:
    """Mean of |error|; of relative errors that is the MAPE."""
    return float(np.abs(np.asarray(errors)).mean())


def mean(errors: Sequence[float]) -> float:
    """Signed mean: the bias."""
    return float(np.asarray(errors).mean())


def median_absolute(errors: Sequence[float]) -> float:
    """Median of |error|."""
    return float(np.median(np.abs(np.asarray(errors))))


def percentile_absolute(errors: Sequence[float], percent: float) -> float:
    """The percentile of |error|, between two errors in proportion."""
    return float(np.percentile(np.abs(np.asarray(errors)), percent))


def ranks(values: Sequence[float]) -> FloatArray:
    """Rank of each value from 1, equal values sharing the mean of theirs; (N,)."""
    _, inverse, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[inverse], dtype=np.float64)


def spearman(left: Sequence[float], right: Sequence[float]) -> float | None:
    """Rank correlation; None for fewer than two values or when one side does not vary."""
    a, b = ranks(left), ranks(right)
    if len(a) < 2 or a.std() == 0.0 or b.std() == 0.0:
        return None
    return float(np.corrcoef(a, b)[0, 1])
