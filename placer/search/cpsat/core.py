"""Which rules make an instance impossible: a second model, without an objective."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ortools.sat.python import cp_model

from placer.search.cpsat.constraints import RULES, Constraints
from placer.search.cpsat.scaling import TimeScale
from placer.search.cpsat.variables import new_variables

if TYPE_CHECKING:
    from collections.abc import Iterable

    from placer.search.instance import Instance

DETERMINISTIC_LIMIT = 2.0


def binding_rules(instance: Instance) -> tuple[str, ...]:
    """A smallest set of rules that no placement meets together; empty when one meets all.

    The rules are switched on by assumptions; the solver's sufficient set is then shrunk by leaving
    out one rule after the other (with an objective the set would always be all of them). A rule
    whose necessity the solver cannot settle within its limit stays in.
    """
    core = list(RULES)
    if _possible(instance, core):
        return ()
    for rule in RULES:
        without = [other for other in core if other != rule]
        if not _possible(instance, without):
            core = without
    return tuple(core)


def _possible(instance: Instance, rules: Iterable[str]) -> bool:
    """Whether some placement meets these rules, or the solver cannot tell within its limit."""
    model = cp_model.CpModel()
    scale = TimeScale(unit_s=1.0, quantum=1)
    variables = new_variables(model, instance, scale, 0.0, 0.0)
    guards = {rule: model.new_bool_var(rule) for rule in RULES}
    Constraints(model, instance, scale, variables, guards).add_rules()
    model.add_assumptions([guards[rule] for rule in rules])
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_deterministic_time = DETERMINISTIC_LIMIT
    solver.parameters.cp_model_presolve = False  # see new_solver
    return bool(solver.solve(model) != cp_model.INFEASIBLE)
