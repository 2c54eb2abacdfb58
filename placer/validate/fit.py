"""Fit the cost model's constants to measured runs: ``python -m placer.validate.fit``.

Residuals are logarithms of predicted over measured step time, in units of ``NOISE`` and under a
soft-L1 loss, so that no single odd row decides; each group family x accelerator counts by the
square root of its rows. Every constant is held near its physical value (data/fit_priors.yaml) by a
squared residual of its own. The error of a family that the fit has not seen is printed beside the
fitted one; those fits start from the full one and keep its Jacobian.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from placer.cost.constants import Constants, load_constants
from placer.validate.datasets import DATASETS
from placer.validate.grouping import family_accelerator
from placer.validate.least_squares import Fitted, damped_step, minimise
from placer.validate.measured_run import MeasuredRun, interpret
from placer.validate.predict import predict
from placer.validate.priors import load_priors
from placer.validate.statistics import mean, mean_absolute
from placer.validate.table import read_rows

FloatArray = NDArray[np.float64]

NOISE: Final = 0.08
"""Relative error beyond which a row counts less: repeated runs and rounding, not the model."""

SMALL_GROUP: Final = 4
"""Groups below this size count as if they had it."""

STEP: Final = 1e-3
"""Step of the numeric derivative, in logarithms."""

CHORD_STEPS: Final = 2
"""Steps of a fit without one family, from the full fit and with its Jacobian."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitProblem:
    """Runs to fit, the constants to move (logarithms are the parameters) and what holds them."""

    runs: tuple[MeasuredRun, ...]
    weights: FloatArray
    constants: Constants
    names: tuple[str, ...]
    centre: FloatArray
    sigma: FloatArray
    most: FloatArray

    def constants_at(self, parameters: FloatArray) -> Constants:
        """The table with the fitted constants in place."""
        values = np.minimum(np.exp(parameters), self.most)
        return self.constants.replace(
            dict(zip(self.names, values.tolist(), strict=True)), source="fitted to measured runs"
        )

    def log_ratios(self, parameters: FloatArray, runs: Sequence[MeasuredRun]) -> FloatArray:
        """Logarithm of predicted over measured step time of each run."""
        outcomes = predict(runs, self.constants_at(parameters))
        return np.log([1.0 + outcome.error for outcome in outcomes])

    def residuals(self, parameters: FloatArray) -> FloatArray:
        """One per run, then one per constant."""
        ratios = self.log_ratios(parameters, self.runs)
        held = (parameters - self.centre) / self.sigma
        return np.concatenate([self.weights * ratios / NOISE, held])

    def without(self, family: str) -> FitProblem:
        """The same without one family's runs."""
        kept = np.array([run.family != family for run in self.runs])
        return replace(
            self, runs=tuple(np.array(self.runs, dtype=object)[kept]), weights=self.weights[kept]
        )


def fit_problem(runs: Sequence[MeasuredRun], constants: Constants) -> FitProblem:
    """Weights by group, priors from the data file."""
    priors = load_priors()
    sizes = Counter(family_accelerator(run) for run in runs)
    counts = np.array([sizes[family_accelerator(run)] for run in runs], dtype=np.float64)
    weights = 1.0 / np.sqrt(np.maximum(counts, SMALL_GROUP))
    return FitProblem(
        runs=tuple(runs),
        weights=weights / weights.mean(),
        constants=constants,
        names=tuple(priors),
        centre=np.log([prior.value for prior in priors.values()]),
        sigma=np.array([prior.sigma for prior in priors.values()]),
        most=np.array([prior.most for prior in priors.values()]),
    )


class _Derivatives:
    """Numeric Jacobian, one column per task of a pool of processes.

    Runs that a constant does not touch at first (an A100 run by Hopper's) are not costed for it
    again.
    """

    def __init__(self, problem: FitProblem, pool: Executor) -> None:
        self.problem, self.pool = problem, pool
        shape = (len(problem.runs), len(problem.names))
        self.touched = np.ones(shape, dtype=np.bool_)

    def __call__(self, parameters: FloatArray) -> FloatArray:
        base = self.problem.log_ratios(parameters, self.problem.runs)
        indices = range(len(parameters))
        columns = self.pool.map(
            _moved_ratios,
            (parameters + STEP * (np.arange(len(parameters)) == i) for i in indices),
            (self.touched[:, i] for i in indices),
        )
        slopes = np.zeros(self.touched.shape)
        for index, column in enumerate(columns):
            rows = self.touched[:, index]
            slopes[rows, index] = (column - base[rows]) / STEP
        self.touched = slopes != 0.0
        scale = (self.problem.weights / NOISE)[:, None]
        return np.concatenate([scale * slopes, np.diag(1.0 / self.problem.sigma)])


_PROBLEMS: list[FitProblem] = []
"""The problem each worker process was started with."""


def _remember(problem: FitProblem) -> None:
    _PROBLEMS[:] = [problem]


def _moved_ratios(parameters: FloatArray, rows: NDArray[np.bool_]) -> FloatArray:
    """Logarithms of predicted over measured of the chosen runs."""
    problem = _PROBLEMS[0]
    runs = [run for run, wanted in zip(problem.runs, rows.tolist(), strict=True) if wanted]
    return problem.log_ratios(parameters, runs)


def fit(problem: FitProblem, *, max_steps: int, workers: int) -> Fitted:
    """Fit all constants that have a prior, from their present values."""
    start = np.log([problem.constants.value(name) for name in problem.names])
    with ProcessPoolExecutor(workers, initializer=_remember, initargs=(problem,)) as pool:
        return minimise(
            problem.residuals,
            _Derivatives(problem, pool),
            start,
            plain=len(problem.names),
            max_steps=max_steps,
        )


def left_out_errors(problem: FitProblem, fitted: Fitted, family: str) -> list[float]:
    """Errors of one family's runs under constants fitted to all others."""
    rest = problem.without(family)
    plain = len(problem.names)
    held = [run.family != family for run in problem.runs]
    jacobian = fitted.jacobian[np.array([*held, *[True] * plain])]
    parameters = fitted.parameters
    for _ in range(CHORD_STEPS):
        parameters = parameters + damped_step(rest.residuals(parameters), jacobian, plain, 0.0)
    unseen = [run for run in problem.runs if run.family == family]
    return [outcome.error for outcome in predict(unseen, rest.constants_at(parameters))]


def load_runs(tables: Iterable[Path]) -> list[MeasuredRun]:
    """Runs of all tables that can be costed."""
    found = [run for table in tables for run in interpret(read_rows(table))]
    return [run for run in found if isinstance(run, MeasuredRun)]


def report(problem: FitProblem, fitted: Fitted) -> Iterable[str]:
    """Lines: constants before and after, errors before, after and with each family left out."""
    after = problem.constants_at(fitted.parameters)
    yield f"{'constant':<46}{'prior':>10}{'before':>10}{'fitted':>10}{'sigmas':>8}"
    pulls = (fitted.parameters - problem.centre) / problem.sigma
    for name, centre, pull in zip(problem.names, problem.centre, pulls, strict=True):
        before, value = problem.constants.value(name), after.value(name)
        yield f"{name:<46}{np.exp(centre):>10.3g}{before:>10.3g}{value:>10.3g}{pull:>8.1f}"
    yield f"\n{'family':<24}{'rows':>6}{'before':>9}{'fitted':>9}{'bias':>9}{'left out':>9}"
    old = [outcome.error for outcome in predict(problem.runs, problem.constants)]
    new = [outcome.error for outcome in predict(problem.runs, after)]
    unseen: list[float] = []
    families = [run.family for run in problem.runs]
    for family in sorted(set(families)):
        rows = [index for index, name in enumerate(families) if name == family]
        left_out = left_out_errors(problem, fitted, family)
        unseen += left_out
        yield _line(family, [old[i] for i in rows], [new[i] for i in rows], left_out)
    yield _line("all", old, new, unseen)


def _line(name: str, old: list[float], new: list[float], left_out: list[float]) -> str:
    shown = (mean_absolute(old), mean_absolute(new), mean(new), mean_absolute(left_out))
    return f"{name:<24}{len(old):>6}" + "".join(f"{100 * value:>8.1f}%" for value in shown)


def main() -> None:
    """Fit and print; the constants file is edited by hand, so that each change is reviewed."""
    import sys

    parser = argparse.ArgumentParser(prog="python -m placer.validate.fit", description=__doc__)
    parser.add_argument("tables", nargs="*", type=Path, default=list(DATASETS.values()))
    parser.add_argument("--steps", type=int, default=6, help="most steps of the fit")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    arguments = parser.parse_args()
    problem = fit_problem(load_runs(arguments.tables), load_constants())
    fitted = fit(problem, max_steps=arguments.steps, workers=arguments.workers)
    for line in report(problem, fitted):
        sys.stdout.write(line + "\n")


if __name__ == "__main__":
    main()
