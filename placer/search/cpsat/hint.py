"""A known assignment as a complete hint, so that the solver starts from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from placer.search.cpsat.scaling import WINDOW_DENOMINATOR
from placer.search.instance import HopKind, hop_kinds, variant_of

if TYPE_CHECKING:
    from ortools.sat.python.cp_model import CpModel, IntVar

    from placer.search.cpsat.scaling import TimeScale
    from placer.search.cpsat.variables import Variables
    from placer.search.instance import Assignment, Instance


def add_hint(
    model: CpModel,
    instance: Instance,
    scale: TimeScale,
    variables: Variables,
    assignment: Assignment,
) -> None:
    """Hint every variable at the value the assignment gives it."""
    for variable, value in _values(instance, scale, variables, assignment):
        model.add_hint(variable, value)


def _values(
    instance: Instance, scale: TimeScale, variables: Variables, assignment: Assignment
) -> list[tuple[IntVar, int]]:
    cells = assignment.cells
    kinds = hop_kinds(instance, cells).tolist()
    times = _stage_times(instance, scale, assignment, kinds)
    slowest = times.index(max(times))
    values: list[tuple[IntVar, int]] = []
    for s, stage in enumerate(variables.stages):
        values += [(v, int(o == assignment.options[s])) for o, v in enumerate(stage.options)]
        values.append((stage.hop_far, int(kinds[s] == HopKind.FAR)))
        values.append((stage.hop_whole, int(kinds[s] == HopKind.WHOLE)))
        values.append((stage.slowest, int(s == slowest)))
    widest = int(np.argmax(cells))
    for p, pod in enumerate(variables.pods):
        for s in range(instance.pp):
            count = int(cells[p, s])
            values.append((pod.cells[s], count))
            values.append((pod.whole[s], int(count == instance.cells_per_stage)))
            values.append((pod.widest[s], int(p * instance.pp + s == widest)))
    return values + _step_values(instance, scale, variables, assignment, times)


def _stage_times(
    instance: Instance, scale: TimeScale, assignment: Assignment, kinds: list[int]
) -> list[int]:
    """Times of the stages as the constraints round them, in units."""
    half = [scale.up(0.5 * instance.hops.steady_s[kind, s]) for s, kind in enumerate(kinds)]
    chosen = zip(instance.options, assignment.options, strict=True)
    return [
        scale.up(table.time_s[o]) + half[s] + half[(s - 1) % instance.pp]
        for s, (table, o) in enumerate(chosen)
    ]


def _step_values(
    instance: Instance,
    scale: TimeScale,
    variables: Variables,
    assignment: Assignment,
    times: list[int],
) -> list[tuple[IntVar, int]]:
    """Times of the step as the constraints round them."""
    v, critical = instance.vpp, max(times)
    chosen = list(zip(instance.options, assignment.options, strict=True))
    variant = variant_of(instance, assignment.cells)
    window = int(instance.window * WINDOW_DENOMINATOR)
    dearest = max(scale.up(table.traffic_s[o, variant]) for table, o in chosen)
    dragged = max(scale.up(instance.drag * table.traffic_s[o, variant]) for table, o in chosen)
    unhidden = -((window * critical - WINDOW_DENOMINATOR * dearest) // WINDOW_DENOMINATOR)
    exposed = max(dragged, unhidden)
    optimizer = max(scale.up(table.optimizer_s[o]) for table, o in chosen)
    kinds = hop_kinds(instance, assignment.cells)[:-1].tolist()
    fill = sum(scale.up(2.0 * instance.hops.fill_s[kind, s]) for s, kind in enumerate(kinds))
    once = fill + exposed + optimizer + scale.up(instance.fixed_s)
    total = (v * instance.num_microbatches - 1) * critical + sum(times) + v * once
    step = variables.step
    return [
        (step.critical, critical),
        (step.traffic, exposed),
        (step.optimizer, optimizer),
        (step.step, -(-total // (v * scale.quantum))),
        (step.chunk, int(assignment.cells.max())),
        *((literal, int(j == variant)) for j, literal in enumerate(step.variants)),
    ]
