"""The solver against plain enumeration, rule by rule and as a whole."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ortools.sat.python import cp_model
from search_samples import assignments, fastest_s, instance, only

from placer.errors import InternalError
from placer.search.cpsat.constraints import Constraints
from placer.search.cpsat.core import binding_rules
from placer.search.cpsat.hint import add_hint
from placer.search.cpsat.model import Solution, SolveLimits, SolveStatus, solve
from placer.search.cpsat.scaling import LARGEST_SUM, TimeScale, scale_for
from placer.search.cpsat.variables import Variables, new_variables
from placer.search.instance import Assignment, Instance, problems_of, stage_times_s, step_s
from placer.search.primal import best_assignment

EXACT = SolveLimits(gap=0.0, deterministic=60.0, seconds=None, seed=0, workers=1)
UPPER_S = 1e4


def solved(
    question: Instance,
    *,
    hint: Assignment | None = None,
    upper_s: float = UPPER_S,
    limits: SolveLimits = EXACT,
) -> Solution:
    critical = 0.05
    return solve(
        question,
        critical_s=critical,
        lower_s=critical * question.num_microbatches,
        upper_s=upper_s,
        hint=hint,
        limits=limits,
    )


def encoded(question: Instance) -> tuple[cp_model.CpModel, Variables, TimeScale]:
    model = cp_model.CpModel()
    scale = TimeScale(unit_s=1e-6, quantum=1)
    variables = new_variables(model, question, scale, 0.0, 1e3)
    Constraints(model, question, scale, variables).add_constraints()
    return model, variables, scale


def possible(question: Instance, **pinned: int) -> bool:
    """Whether an assignment exists with some cells or options pinned: ``cells_p_s``, ``units_s``."""
    model, variables, _ = encoded(question)
    for name, value in pinned.items():
        kind, *where = name.split("_")
        if kind == "cells":
            pod, stage = map(int, where)
            model.add(variables.pods[pod].cells[stage] == value)
        else:
            stage = int(where[0])
            table = question.options[stage]
            for literal, units in zip(variables.stages[stage].options, table.units, strict=True):
                if units != value:
                    model.add(literal == 0)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    return bool(solver.solve(model) in (cp_model.OPTIMAL, cp_model.FEASIBLE))


SHAPES = st.fixed_dictionaries(
    {
        "pp": st.integers(1, 3),
        "num_body": st.integers(2, 5),
        "num_lead": st.integers(0, 2),
        "vpp": st.sampled_from([1, 2]),
        "cells": st.integers(1, 3),
        "pods": st.sampled_from([(9,), (4, 5), (3, 3, 3), (2, 7), (6, 6)]),
        "seed": st.integers(0, 10_000),
        "memory_limit_bytes": st.sampled_from([25.0, 35.0, 45.0, 1e12]),
        "generations": st.sampled_from([(), (0, 1, 0), (1, 0, 0), (0, 1, 2), (1, 1, 0)]),
        "part_pod": st.sampled_from([(), (0, 0, 1), (0, 1, 1), (0, 0, 0)]),
    }
)


def shaped(shape: dict[str, Any]) -> Instance:
    """The instance of a drawn shape; generations and pods of the parts it has, ranks from 0."""
    parts = len(shape["pods"])
    generations = shape["generations"][:parts]
    ranks = sorted(set(generations))
    changes = {
        "generations": tuple(ranks.index(g) for g in generations),
        "part_pod": shape["part_pod"][:parts],
    }
    return instance(**{**shape, **changes})


@settings(max_examples=40, deadline=None)
@given(SHAPES)
def test_solver_equals_plain_enumeration(shape: dict[str, int]) -> None:
    question = shaped(shape)
    best = fastest_s(question)
    answer = solved(question)
    if np.isinf(best):
        assert answer.status is SolveStatus.INFEASIBLE
        assert answer.assignment is None
        return
    assert answer.status is SolveStatus.PROVEN
    assert answer.assignment is not None
    assert problems_of(question, answer.assignment) == ()
    found = step_s(question, answer.assignment)
    assert answer.bound_s <= best * (1 + 1e-12)
    assert best <= found * (1 + 1e-12)
    assert found <= best + answer.slack_s
    assert found <= answer.objective_s * (1 + 1e-12)
    assert answer.objective_s <= found + answer.slack_s


@settings(max_examples=25, deadline=None)
@given(SHAPES)
def test_natural_placements_are_feasible_and_no_better_than_the_best(
    shape: dict[str, int],
) -> None:
    question = shaped(shape)
    start = best_assignment(question)
    if start is None:
        return
    assert problems_of(question, start) == ()
    assert step_s(question, start) >= fastest_s(question) * (1 - 1e-12)


@settings(max_examples=30, deadline=None)
@given(SHAPES)
def test_hint_is_complete_and_feasible(shape: dict[str, int]) -> None:
    """Fixing every variable at its hint leaves a feasible model, and every variable has one."""
    question = shaped(shape)
    start = best_assignment(question)
    if start is None:
        return
    model, variables, scale = encoded(question)
    add_hint(model, question, scale, variables, start)
    hint = model.proto.solution_hint
    assert len(set(hint.vars)) == len(model.proto.variables)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.fix_variables_to_their_hinted_value = True
    assert solver.solve(model) in (cp_model.OPTIMAL, cp_model.FEASIBLE)


def test_all_layers_placed() -> None:
    question = instance(pp=2, num_body=4)
    assert possible(question, units_0=1, units_1=3)
    assert not possible(question, units_0=1, units_1=2)  # one unit is left over
    assert not possible(question, units_0=2, units_1=3)  # one unit too many
    assert possible(question, units_0=0, units_1=4)  # tight: all on one stage


def test_lead_layers_in_order() -> None:
    question = instance(pp=2, num_body=3, num_lead=2)
    behind = [
        assignment.options
        for assignment in assignments(question)
        if assignment.units(question)[0] == 1
    ]
    starts = {int(question.options[1].lead_start[options[1]]) for options in behind}
    assert starts == {1}  # the first stage of one unit holds one lead layer
    assert possible(question, units_0=1, units_1=4)
    short = only(question, num_lead=3)  # a third lead layer nobody has
    assert not possible(short, units_0=1, units_1=4)


@pytest.mark.parametrize(("limit", "good"), [(39.9, False), (40.0, True), (41.0, True)])
def test_memory_holds(limit: float, good: bool) -> None:
    """Three units on the first of two stages need 3 * 10 + 2 * 5 bytes."""
    question = instance(pp=2, num_body=4, memory_limit_bytes=limit)
    assert possible(question, units_0=3) is good


def test_all_cells_placed() -> None:
    question = instance(pp=2, num_body=2, cells=3, pods=(3, 4))
    assert possible(question, cells_0_0=3, cells_1_0=0)
    assert possible(question, cells_0_0=1, cells_1_0=2)
    assert not possible(question, cells_0_0=1, cells_1_0=1)
    assert not possible(question, cells_0_0=2, cells_1_0=2)


def test_pods_hold_cells() -> None:
    question = instance(pp=2, num_body=2, cells=3, pods=(2, 4))
    assert possible(question, cells_0_0=1, cells_0_1=1)  # tight: two of two
    assert not possible(question, cells_0_0=2, cells_0_1=1)
    assert not possible(only(question, part_cells=np.array([2, 3])))


def test_hops_between_pods_are_charged_where_stages_part() -> None:
    """Two stages in two pods: both hops around the ring leave a pod; alike spread, none does."""
    question = instance(pp=2, num_body=2, cells=2, pods=(4, 2), seed=3)
    steady = question.hops.steady_s
    together = Assignment(options=(1, 1), cells=np.array([[2, 2], [0, 0]]))
    alike = Assignment(options=(1, 1), cells=np.array([[1, 1], [1, 1]]))
    apart = Assignment(options=(1, 1), cells=np.array([[2, 0], [0, 2]]))
    times = [stage_times_s(question, found) for found in (alike, together, apart)]
    np.testing.assert_allclose(np.diff(times, axis=0), np.diff(steady[0], axis=0))


def test_traffic_is_charged_by_the_widest_chunk() -> None:
    question = instance(pp=2, num_body=4, cells=4, pods=(4, 4), seed=1)
    assert [(v.widest, v.pods) for v in question.variants] == [(4, 1), (4, 2), (2, 2)]
    whole = Assignment(options=(2, 2), cells=np.array([[4, 0], [0, 4]]))
    mixed = Assignment(options=(2, 2), cells=np.array([[4, 0], [0, 4]]) - [[1, -1], [-1, 1]])
    from placer.search.instance import variant_of

    assert variant_of(question, whole.cells) == 0
    assert variant_of(question, mixed.cells) == 1
    assert variant_of(question, np.full((2, 2), 2)) == 2


def test_like_pods_in_order_lose_no_solution() -> None:
    """Ordering pods that are alike gives the same optimum as enumerating them all."""
    question = instance(pp=2, num_body=3, cells=2, pods=(2, 2, 2), seed=11)
    assert solved(question).objective_s == pytest.approx(fastest_s(question), rel=1e-3)


def test_same_seed_same_answer() -> None:
    question = instance(pp=3, num_body=7, cells=3, pods=(4, 5, 3), seed=5)
    first, second = solved(question), solved(question)
    assert first.assignment is not None
    assert second.assignment is not None
    assert first.assignment.options == second.assignment.options
    np.testing.assert_array_equal(first.assignment.cells, second.assignment.cells)
    assert first.deterministic_work == second.deterministic_work


def test_workers_agree_on_the_objective() -> None:
    question = instance(pp=3, num_body=7, cells=3, pods=(4, 5, 3), seed=6)
    several = SolveLimits(gap=0.0, deterministic=60.0, seconds=None, seed=1, workers=3)
    assert solved(question, limits=several).objective_s == pytest.approx(
        solved(question).objective_s
    )


def test_cut_below_the_optimum_is_infeasible() -> None:
    question = instance(pp=2, num_body=4, seed=9)
    best = fastest_s(question)
    assert solved(question, upper_s=best * (1 + 1e-9)).status is SolveStatus.PROVEN
    assert solved(question, upper_s=best * 0.99).status is SolveStatus.INFEASIBLE


def test_interrupt_stops_the_solver() -> None:
    question = instance(pp=3, num_body=7, cells=3, pods=(4, 5, 3))

    def interrupt() -> None:
        raise KeyboardInterrupt

    before = threading.active_count()
    with pytest.raises(KeyboardInterrupt):
        solve(
            question,
            critical_s=0.05,
            lower_s=0.05,
            upper_s=UPPER_S,
            hint=None,
            limits=EXACT,
            tick=interrupt,
        )
    assert threading.active_count() == before


@pytest.mark.parametrize(
    ("changes", "core"),
    [
        ({}, ()),
        ({"memory_limit_bytes": 21.0}, ("all layers are placed", "memory")),
        ({"pods": (2, 3)}, ("every cell has a place", "pods hold no more than they can")),
    ],
)
def test_core_is_the_rules_that_clash_and_no_other(
    changes: dict[str, object], core: tuple[str, ...]
) -> None:
    shape = {"pp": 3, "num_body": 6, "cells": 2, "pods": (3, 3), **changes}
    assert binding_rules(instance(**shape)) == core  # type: ignore[arg-type]


def test_rounding_never_promises_too_much() -> None:
    scale = TimeScale(unit_s=0.1, quantum=4)
    assert scale.up(1.01) == 11
    assert scale.down(1.09) == 10
    assert scale.step_up(1.01) == 3
    assert scale.step_down(1.19) == 2
    assert scale.step_s(3) == pytest.approx(1.2)


@pytest.mark.parametrize("seconds", [float("nan"), float("inf"), -1.0])
def test_what_is_no_time_is_refused(seconds: float) -> None:
    with pytest.raises(InternalError, match="expected finite"):
        TimeScale(unit_s=1.0, quantum=1).up(seconds)


def test_sums_beyond_64_bits_are_refused_before_the_solver_sees_them() -> None:
    question = instance()
    fine = scale_for(question, critical_s=1.0, lower_s=1.0, upper_s=1e4)
    assert fine.quantum >= 1
    with pytest.raises(InternalError, match="too many units"):
        scale_for(question, critical_s=1.0, lower_s=1.0, upper_s=LARGEST_SUM / 1e6)
