"""Fit the constants to what a user measured: collectives, matrix products, steps of a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from placer.cost.collectives import all_gather_s, all_reduce_s, all_to_all_s, reduce_scatter_s
from placer.cost.compute import gemm_s
from placer.cost.constants import Constants
from placer.cost.rates import device_rates
from placer.errors import InputError, Problem
from placer.plan.strategy import IntArray
from placer.spec.accelerator import Accelerator
from placer.spec.run import RunSpec
from placer.topology.tree import Topology
from placer.validate.calibration import Calibration, Derates, apply, changed
from placer.validate.gemm_table import MeasuredGemm
from placer.validate.knobs import Knob, LogRatios, fit_knobs, gemm_knobs, link_knobs, step_knobs
from placer.validate.measured_run import MeasuredRun
from placer.validate.nccl_output import Collective, CollectiveTimes
from placer.validate.predict import predict
from placer.workload.operators import Gemm, GemmRole

FloatArray = NDArray[np.float64]

MANY_STEPS: Final = 4
"""Measured steps from which more than one factor is fitted."""

_COLLECTIVES = {
    Collective.ALL_REDUCE: all_reduce_s,
    Collective.ALL_GATHER: all_gather_s,
    Collective.REDUCE_SCATTER: reduce_scatter_s,
    Collective.ALL_TO_ALL: all_to_all_s,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurements:
    """What a user measured; empty where they did not.

    ``topology`` is the cluster the collectives ran on and, in order of preference, the one whose
    accelerator the products ran on.
    """

    topology: Topology | None = None
    collectives: tuple[CollectiveTimes, ...] = ()
    gemms: tuple[MeasuredGemm, ...] = ()
    runs: tuple[MeasuredRun, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Improvement:
    """Mean absolute error of one kind of measurement, before and after."""

    kind: str
    rows: int
    before: float
    after: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibrated:
    """A calibration and what it is worth."""

    calibration: Calibration
    improvements: tuple[Improvement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """One fit: measurements of a kind, the knobs they may turn, how to predict them."""

    kind: str
    rows: int
    knobs: tuple[Knob, ...]
    log_ratios: LogRatios


def calibrate(measured: Measurements, constants: Constants, derates: Derates) -> Calibrated:
    """Fit link constants to collectives, then rates to products, then the rest to whole steps.

    Later fits start from earlier ones, so that steps only explain what parts did not.

    Raises
    ------
    InputError
        When there is nothing to calibrate with, or the cluster is missing.
    """
    tasks = _tasks(measured, constants, derates)
    if not tasks and derates == Derates():
        raise _problem("a measurement or a derate", "Give --nccl, --gemm, --runs, --clock.")
    fitted, sources = constants, {}
    for task in tasks:
        before = fitted
        fitted = fit_knobs(task.knobs, fitted, task.log_ratios)
        moved = [c.name for c in before.entries if fitted.value(c.name) != c.value]
        sources.update(dict.fromkeys(moved, f"{task.rows} {task.kind}"))
    return Calibrated(
        calibration=Calibration(derates=derates, constants=changed(constants, fitted, sources)),
        improvements=tuple(_improvement(task, constants, fitted) for task in tasks),
    )


def _tasks(measured: Measurements, constants: Constants, derates: Derates) -> tuple[_Task, ...]:
    tasks = []
    if measured.collectives:
        tasks.append(_collective_task(measured.collectives, _cluster(measured), constants))
    if measured.gemms:
        part = _cluster(measured).accelerators[0]
        tasks.append(_gemm_task(measured.gemms, part, constants))
    if measured.runs:
        tasks.append(_step_task(measured.runs, constants, derates))
    return tuple(tasks)


def _cluster(measured: Measurements) -> Topology:
    if measured.topology is None:
        raise _problem(
            "a cluster for collectives and matrix products",
            "Give --cluster, a name of the catalogue or a YAML file.",
        )
    return measured.topology


def _problem(expected: str, remedy: str) -> InputError:
    problem = Problem(source="calibrate", expected=expected, found="none", remedy=remedy)
    return InputError([problem])


def _collective_task(
    runs: Sequence[CollectiveTimes], topology: Topology, constants: Constants
) -> _Task:
    measured = np.log(np.concatenate([run.times_s for run in runs]))

    def log_ratios(trial: Constants) -> FloatArray:
        parts = [_collective_s(run, topology, trial) for run in runs]
        return np.asarray(np.log(np.concatenate(parts)) - measured)

    spanned = max(int((spans_of_ranks(run, topology) > 1).nonzero()[1].max()) for run in runs)
    links = [level.link for level in topology.levels[: spanned + 1]]
    return _Task(
        kind="collective times",
        rows=len(measured),
        knobs=link_knobs(constants, links),
        log_ratios=log_ratios,
    )


def _collective_s(run: CollectiveTimes, topology: Topology, constants: Constants) -> FloatArray:
    sizes = np.array(run.sizes_bytes)
    spans = np.repeat(spans_of_ranks(run, topology), len(sizes), axis=0)
    return _COLLECTIVES[run.collective](sizes, spans, topology.levels, constants)


def spans_of_ranks(run: CollectiveTimes, topology: Topology) -> IntArray:
    """Spans (1, L) of ranks on consecutive hosts.

    Raises
    ------
    InputError
        When the ranks are fewer than two, or more than the cluster has accelerators.
    """
    if not 2 <= run.ranks <= topology.num_accelerators:
        problem = Problem(
            source=run.source,
            field="ranks",
            expected=f"2 to the cluster's {topology.num_accelerators} accelerators",
            found=str(run.ranks),
            remedy="Give the cluster the collective ran on.",
        )
        raise InputError([problem])
    spans, covered, inner = [], run.ranks, 1
    used_of_host = max(run.ranks_of_host) / topology.gpus_per_host
    for depth, level in enumerate(topology.levels):
        children = level.num_accelerators // inner
        room = max(round(children * used_of_host), 1) if depth == 0 else children
        units = min(covered, room)
        spans.append(units)
        covered, inner = -(-covered // units), level.num_accelerators
    return np.array([spans], dtype=np.int64)


def _gemm_task(gemms: Sequence[MeasuredGemm], part: Accelerator, constants: Constants) -> _Task:
    measured = np.log([gemm.time_s for gemm in gemms])

    def log_ratios(trial: Constants) -> FloatArray:
        return np.log([_gemm_time_s(gemm, part, trial) for gemm in gemms]) - measured

    return _Task(
        kind="matrix products",
        rows=len(gemms),
        knobs=gemm_knobs(constants),
        log_ratios=log_ratios,
    )


def _gemm_time_s(gemm: MeasuredGemm, part: Accelerator, constants: Constants) -> float:
    """One product on its own: its operands are in their format already, nothing is quantised."""
    run = RunSpec(global_batch_size=1, seq_len=1, precision=gemm.precision, framework="any")
    rates = device_rates(part, run, constants)
    m, n, k = (np.array([float(size)]) for size in (gemm.m, gemm.n, gemm.k))
    product = Gemm(name="measured", m=m, n=n, k=k, copies=np.ones(1))
    time_s = float(gemm_s(product, rates).forward_s[0])
    if rates.operand_bytes[GemmRole.LINEAR] < 2.0:
        time_s -= rates.kernels.quantise_bytes * gemm.m * gemm.k / rates.hbm_bytes_per_s
    return time_s


def _step_task(runs: Sequence[MeasuredRun], constants: Constants, derates: Derates) -> _Task:
    slowed = Calibration(derates=derates)

    def log_ratios(trial: Constants) -> FloatArray:
        outcomes = predict(runs, apply(trial, slowed))
        return np.log([1.0 + outcome.error for outcome in outcomes])

    return _Task(
        kind="measured steps",
        rows=len(runs),
        knobs=step_knobs(constants, many=len(runs) >= MANY_STEPS),
        log_ratios=log_ratios,
    )


def _improvement(task: _Task, before: Constants, after: Constants) -> Improvement:
    def error(constants: Constants) -> float:
        return float(np.abs(np.expm1(task.log_ratios(constants))).mean())

    return Improvement(kind=task.kind, rows=task.rows, before=error(before), after=error(after))
