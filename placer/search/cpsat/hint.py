"""A known assignment as a complete hint, so that the solver starts from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from placer.search.cpsat.scaling import WINDOW_DENOMINATOR
from placer.search.instance import HopKind, hop_kinds, variant_of

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from ortools.sat.python.cp_model import CpModel, IntVar

    from placer.search.cpsat.scaling import TimeScale
    from placer.search.cpsat.variables import Variables
    from placer.search.instance import Assignment, Instance

    FloatArray = NDArray[np.float64]


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
    cells, pods = assignment.cells, instance.by_pod(assignment.cells)
    hops = _hop_units(instance, scale, assignment, 0.5 * instance.hops.steady_s)
    fills = _hop_units(instance, scale, assignment, instance.hops.fill_s)
    times = _stage_times(instance, scale, assignment, hops)
    slowest = times.index(max(times))
    values: list[tuple[IntVar, int]] = []
    for s, (stage, kind) in enumerate(
        zip(variables.stages, hop_kinds(instance, cells).tolist(), strict=True)
    ):
        values += [(v, int(o == assignment.options[s])) for o, v in enumerate(stage.options)]
        values.append((stage.hop_far, int(kind == HopKind.FAR)))
        values.append((stage.hop_whole, int(kind == HopKind.WHOLE)))
        values.append((stage.slowest, int(s == slowest)))
        values += [(stage.hop_units, hops[s]), (stage.fill_units, fills[s])]
    for r, part in enumerate(variables.parts):
        values += [(count, int(cells[r, s])) for s, count in enumerate(part)]
    widest = int(np.argmax(pods))
    for p, pod in enumerate(variables.pods):
        for s in range(instance.pp):
            values.append((pod.whole[s], int(pods[p, s] == instance.cells_per_stage)))
            values.append((pod.widest[s], int(p * instance.pp + s == widest)))
    return values + _step_values(instance, scale, variables, assignment, (times, fills))


def _hop_units(
    instance: Instance, scale: TimeScale, assignment: Assignment, seconds: FloatArray
) -> list[int]:
    """Units of the hop behind each stage, of ``seconds`` (K, 3, S), the dearer of its ends."""
    hops = hop_kinds(instance, assignment.cells).tolist()
    kinds = assignment.kinds(instance).tolist()
    following = [*kinds[1:], kinds[0]]
    return [
        max(scale.up(seconds[kind, hop, s]), scale.up(seconds[after, hop, s]))
        for s, (kind, after, hop) in enumerate(zip(kinds, following, hops, strict=True))
    ]


def _stage_times(
    instance: Instance, scale: TimeScale, assignment: Assignment, hops: list[int]
) -> list[int]:
    """Times of the stages as the constraints round them, in units; ``hops`` are half a hop each."""
    chosen = zip(instance.options, assignment.options, strict=True)
    return [
        scale.up(table.time_s[o]) + hops[s] + hops[(s - 1) % instance.pp]
        for s, (table, o) in enumerate(chosen)
    ]


def _step_values(
    instance: Instance,
    scale: TimeScale,
    variables: Variables,
    assignment: Assignment,
    stages: tuple[list[int], list[int]],
) -> list[tuple[IntVar, int]]:
    """Times of the step as the constraints round them, from those of the stages and of the fill."""
    times, fills = stages
    v, critical = instance.vpp, max(times)
    chosen = list(zip(instance.options, assignment.options, strict=True))
    variant = variant_of(instance, assignment.cells)
    window = int(instance.window * WINDOW_DENOMINATOR)
    dearest = max(scale.up(table.traffic_s[o, variant]) for table, o in chosen)
    dragged = max(scale.up(instance.drag * table.traffic_s[o, variant]) for table, o in chosen)
    unhidden = -((window * critical - WINDOW_DENOMINATOR * dearest) // WINDOW_DENOMINATOR)
    exposed = max(dragged, unhidden)
    optimizer = max(scale.up(table.optimizer_s[o]) for table, o in chosen)
    once = sum(fills) + exposed + optimizer + scale.up(instance.fixed_s)
    total = (v * instance.num_microbatches - 1) * critical + sum(times) + v * once
    step = variables.step
    return [
        (step.critical, critical),
        (step.traffic, exposed),
        (step.optimizer, optimizer),
        (step.step, -(-total // (v * scale.quantum))),
        (step.chunk, int(instance.by_pod(assignment.cells).max())),
        *((literal, int(j == variant)) for j, literal in enumerate(step.variants)),
    ]
