"""Robust nonlinear least squares: Levenberg and Marquardt's damped steps under a soft-L1 loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

FIRST_DAMPING: Final = 1e-2
MOST_DAMPING: Final = 1e4
ENOUGH: Final = 1e-4
"""Relative gain of a step below which the fit has arrived."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """Where a fit ended: parameters, the Jacobian near them, the cost, and the steps taken."""

    parameters: FloatArray
    jacobian: FloatArray
    cost: float
    num_steps: int


def soft_l1_weights(residuals: FloatArray) -> FloatArray:
    """Derivative of 2 (sqrt(1 + r^2) - 1) by r^2: 1 / sqrt(1 + r^2)."""
    return np.asarray(1.0 / np.sqrt(1.0 + residuals**2))


def soft_l1_cost(residuals: FloatArray) -> float:
    """Sum of 2 (sqrt(1 + r^2) - 1): quadratic near 0, linear far out."""
    return float((2.0 * (np.sqrt(1.0 + residuals**2) - 1.0)).sum())


def damped_step(
    residuals: FloatArray, jacobian: FloatArray, plain: int, damping: float
) -> FloatArray:
    """The step of (J' W J + damping diag) d = -J' W r.

    The last ``plain`` residuals (priors) count squared, the others under the soft-L1 loss.
    """
    weights = soft_l1_weights(residuals)
    weights[len(weights) - plain :] = 1.0
    normal = jacobian.T @ (weights[:, None] * jacobian)
    normal += damping * np.diag(np.diag(normal))
    return np.asarray(np.linalg.solve(normal, -jacobian.T @ (weights * residuals)))


def cost_of(residuals: FloatArray, plain: int) -> float:
    """The loss: soft-L1 but for the last ``plain`` residuals, which count squared."""
    rows = len(residuals) - plain
    return soft_l1_cost(residuals[:rows]) + float((residuals[rows:] ** 2).sum())


def minimise(
    residuals_of: Callable[[FloatArray], FloatArray],
    jacobian_of: Callable[[FloatArray], FloatArray],
    start: FloatArray,
    *,
    plain: int,
    max_steps: int,
) -> Fitted:
    """Fit from ``start``; a step that does not lower the cost is damped and tried again.

    Parameters
    ----------
    residuals_of
        (P,) parameters to (R,) residuals, the last ``plain`` of them priors.
    jacobian_of
        (P,) to (R, P) derivatives.
    """
    parameters, damping = start, FIRST_DAMPING
    residuals, jacobian = residuals_of(start), jacobian_of(start)
    cost, steps = cost_of(residuals, plain), 0
    while steps < max_steps and damping < MOST_DAMPING:
        trial = parameters + damped_step(residuals, jacobian, plain, damping)
        trial_residuals = residuals_of(trial)
        trial_cost = cost_of(trial_residuals, plain)
        if trial_cost >= cost:
            damping *= 10.0
            continue
        gain, damping, steps = 1.0 - trial_cost / cost, damping / 10.0, steps + 1
        parameters, residuals, cost = trial, trial_residuals, trial_cost
        if gain < ENOUGH:
            break
        jacobian = jacobian_of(parameters)
    return Fitted(parameters=parameters, jacobian=jacobian, cost=cost, num_steps=steps)
