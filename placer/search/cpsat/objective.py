"""What the model minimises."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import CpModel

    from placer.search.cpsat.variables import Variables


def minimise_step_time(model: CpModel, variables: Variables) -> None:
    """The step time in quanta; every other time is only as large as it must be."""
    model.minimize(variables.step.step)
