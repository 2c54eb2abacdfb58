"""Build, solve and read back the model of one instance."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np
from ortools.sat.python import cp_model

from placer.errors import InternalError
from placer.search.cpsat.constraints import Constraints
from placer.search.cpsat.hint import add_hint
from placer.search.cpsat.objective import minimise_step_time
from placer.search.cpsat.scaling import scale_for, with_least_window
from placer.search.cpsat.variables import new_variables
from placer.search.instance import Assignment

if TYPE_CHECKING:
    from collections.abc import Callable

    from placer.search.cpsat.variables import Variables
    from placer.search.instance import Instance

POLL_S: Final = 0.1


class SolveStatus(StrEnum):
    """What the solver can say of one instance.

    ``proven``: an assignment within the gap of the bound; ``feasible``: an assignment, a limit came
    first; ``infeasible``: nothing below the cut; ``unknown``: a limit came before anything.
    """

    PROVEN = "proven"
    FEASIBLE = "feasible"
    INFEASIBLE = "infeasible"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveLimits:
    """When one solve ends; ``seconds`` is the wall-clock safety net.

    ``presolve`` allows what of it is sound, see ``new_solver``; hard models want it.
    """

    gap: float
    deterministic: float
    seconds: float | None
    seed: int
    workers: int
    presolve: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """The solver's answer: ``bound_s`` no assignment of the instance is faster than."""

    status: SolveStatus
    assignment: Assignment | None
    objective_s: float
    bound_s: float
    deterministic_work: float
    wall_clock_cut: bool
    slack_s: float


def solve(
    instance: Instance,
    *,
    critical_s: float,
    lower_s: float,
    upper_s: float,
    hint: Assignment | None,
    limits: SolveLimits,
    tick: Callable[[], None] = lambda: None,
) -> Solution:
    """Find the fastest assignment of an instance between two bounds on its step time.

    ``critical_s`` is a lower bound on the critical stage's time, ``lower_s`` on the step time;
    assignments slower than ``upper_s`` are cut off. ``tick`` is called about ten times a second; an
    exception from it, or an interrupt, stops the solver and passes through.
    """
    instance = with_least_window(instance, critical_s)
    scale = scale_for(instance, critical_s=critical_s, lower_s=lower_s, upper_s=upper_s)
    model = cp_model.CpModel()
    upper_s += scale.slack_s(instance)
    variables = new_variables(model, instance, scale, lower_s, upper_s)
    model.add(variables.step.critical >= scale.down(critical_s))
    Constraints(model, instance, scale, variables).add_constraints()
    minimise_step_time(model, variables)
    if hint is not None:
        add_hint(model, instance, scale, variables, hint)
    solver = new_solver(limits)
    found = _status_of(_run(solver, model, tick))
    has_answer = found in (SolveStatus.PROVEN, SolveStatus.FEASIBLE)
    slack_s = scale.slack_s(instance)
    bound_s = np.inf
    if found is not SolveStatus.INFEASIBLE:
        bound_s = max(lower_s, scale.step_s(solver.best_objective_bound) - slack_s)
    return Solution(
        status=found,
        assignment=_assignment(instance, variables, solver) if has_answer else None,
        objective_s=scale.step_s(solver.objective_value) if has_answer else np.inf,
        bound_s=float(bound_s),
        deterministic_work=float(solver.response_proto.deterministic_time),
        wall_clock_cut=limits.seconds is not None and solver.wall_time >= limits.seconds,
        slack_s=slack_s,
    )


def new_solver(limits: SolveLimits) -> cp_model.CpSolver:
    """A solver whose answer depends on its limits, seed and workers, not on luck.

    Presolve stays off: that of OR-Tools 9.15.6755 calls some of these models infeasible although
    they have solutions (as in google/or-tools issue 5274), and models this small are solved sooner
    without it. Where it is asked for, probing and the detection of included constraints, which
    together do that, stay off.
    """
    solver = cp_model.CpSolver()
    parameters = solver.parameters
    parameters.num_workers = limits.workers
    parameters.interleave_search = limits.workers > 1
    parameters.random_seed = limits.seed
    parameters.max_deterministic_time = limits.deterministic
    parameters.relative_gap_limit = limits.gap
    parameters.catch_sigint_signal = False
    parameters.cp_model_presolve = limits.presolve
    parameters.cp_model_probing_level = 0
    parameters.presolve_inclusion_work_limit = 0
    if limits.seconds is not None:
        parameters.max_time_in_seconds = limits.seconds
    return solver


def _run(
    solver: cp_model.CpSolver, model: cp_model.CpModel, tick: Callable[[], None]
) -> cp_model.CpSolverStatus:
    """Solve in a thread of its own, so that this one can report and be interrupted."""
    result: list[cp_model.CpSolverStatus] = []
    thread = threading.Thread(target=lambda: result.append(solver.solve(model)), daemon=True)
    thread.start()
    try:
        while thread.is_alive():
            thread.join(POLL_S)
            tick()
    except BaseException:
        solver.stop_search()
        thread.join()
        raise
    if not result:
        raise InternalError("CP-SAT ended without a status")
    return result[0]


def _status_of(status: cp_model.CpSolverStatus) -> SolveStatus:
    if status == cp_model.MODEL_INVALID:
        raise InternalError("CP-SAT calls the model invalid")
    if status == cp_model.OPTIMAL:
        return SolveStatus.PROVEN
    if status == cp_model.FEASIBLE:
        return SolveStatus.FEASIBLE
    return SolveStatus.INFEASIBLE if status == cp_model.INFEASIBLE else SolveStatus.UNKNOWN


def _assignment(instance: Instance, variables: Variables, solver: cp_model.CpSolver) -> Assignment:
    options = tuple(
        next(o for o, literal in enumerate(stage.options) if solver.boolean_value(literal))
        for stage in variables.stages
    )
    if not variables.pods:
        cells = np.full((1, instance.pp), instance.cells_per_stage, dtype=np.int64)
    else:
        rows = [[solver.value(count) for count in part] for part in variables.parts]
        cells = np.array(rows, dtype=np.int64)
    return Assignment(options=options, cells=cells)
