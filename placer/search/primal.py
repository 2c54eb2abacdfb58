"""Good assignments without the solver: what bounds the search from above and hints the solver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from placer.search.bands import two_bands
from placer.search.instance import Assignment, half_hops_s, problems_of, step_s

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from placer.plan.strategy import IntArray
    from placer.search.instance import Instance

    FloatArray = NDArray[np.float64]

BISECTIONS: Final = 40


def best_assignment(instance: Instance) -> Assignment | None:
    """The best of a few natural placements, each with its layers balanced; None if none is feasible."""
    found: list[tuple[float, int, Assignment]] = []
    for index, cells in enumerate(_placements(instance)):
        options = _balanced(instance, cells)
        if options is None:
            continue
        assignment = Assignment(options=options, cells=cells)
        if not problems_of(instance, assignment):
            found.append((step_s(instance, assignment), index, assignment))
    return min(found, key=lambda entry: entry[:2])[2] if found else None


def _placements(instance: Instance) -> Iterator[IntArray]:
    """Cells of the stages by pod: whole stages, all of them everywhere, in order, and in two bands."""
    if instance.num_pods == 1:
        if instance.pp * instance.cells_per_stage <= int(instance.pod_cells[0]):
            yield np.full((1, instance.pp), instance.cells_per_stage, dtype=np.int64)
        return
    natural = (_whole_stages(instance), _all_stages(instance), _in_order(instance))
    for cells in (*natural, *two_bands(instance.pod_cells, instance.pp, instance.cells_per_stage)):
        if (cells.sum(axis=0) == instance.cells_per_stage).all():
            yield _sorted_alike(instance, cells)


def _whole_stages(instance: Instance) -> IntArray:
    """Stages in order, each in one pod; pods in order, as many stages as fit."""
    cells = np.zeros((instance.num_pods, instance.pp), dtype=np.int64)
    stage = 0
    for pod, capacity in enumerate(instance.pod_cells):
        fitting = min(int(capacity) // instance.cells_per_stage, instance.pp - stage)
        cells[pod, stage : stage + fitting] = instance.cells_per_stage
        stage += fitting
    return cells


def _all_stages(instance: Instance) -> IntArray:
    """The same replicas of every stage in each pod."""
    cells = np.zeros((instance.num_pods, instance.pp), dtype=np.int64)
    rest = instance.cells_per_stage
    for pod, share in enumerate(_shares(instance)):
        taken = min(share, rest)
        cells[pod, :] = taken
        rest -= taken
    return cells


def _shares(instance: Instance) -> list[int]:
    """Replicas of all stages each pod hosts: as even as the capacities allow, no pod to spare."""
    room = [int(capacity) // instance.pp for capacity in instance.pod_cells]
    if sum(room) < instance.cells_per_stage:
        return room
    needed, total = 0, 0
    for share in sorted(room, reverse=True):
        if total >= instance.cells_per_stage:
            break
        needed, total = needed + 1, total + share
    even = -(-instance.cells_per_stage // max(needed, 1))
    level = next(n for n in range(even, max(room) + 1) if _covers(room, n, instance, needed))
    used = sorted(range(len(room)), key=lambda p: (-room[p], p))[:needed]
    return [min(room[p], level) if p in used else 0 for p in range(len(room))]


def _covers(room: list[int], level: int, instance: Instance, needed: int) -> bool:
    widest = sorted(room, reverse=True)[:needed]
    return sum(min(share, level) for share in widest) >= instance.cells_per_stage


def _in_order(instance: Instance) -> IntArray:
    """Stage after stage through the pods, split where a pod ends."""
    cells = np.zeros((instance.num_pods, instance.pp), dtype=np.int64)
    free = instance.pod_cells.copy()
    pod = 0
    for stage in range(instance.pp):
        rest = instance.cells_per_stage
        while rest and pod < instance.num_pods:
            taken = min(rest, int(free[pod]))
            cells[pod, stage] += taken
            free[pod] -= taken
            rest -= taken
            if free[pod] == 0:
                pod += 1
    return cells


def _sorted_alike(instance: Instance, cells: IntArray) -> IntArray:
    """Order pods that are alike as the solver's symmetry rule wants them: earliest stages first."""
    weight = cells @ np.arange(instance.pp, 0, -1)
    ordered = cells.copy()
    for kind in np.unique(instance.pod_class):
        pods = np.flatnonzero(instance.pod_class == kind)
        ordered[pods] = cells[pods[np.argsort(-weight[pods], kind="stable")]]
    return ordered


def _balanced(instance: Instance, cells: IntArray) -> tuple[int, ...] | None:
    """Options of the smallest critical stage time found, the surplus taken from the dearest stages."""
    hop = half_hops_s(instance, cells)
    low, high = (
        0.0,
        max(
            float(table.time_s.max(initial=0.0) + hop[s])
            for s, table in enumerate(instance.options)
        ),
    )
    if _filled(instance, hop, high) is None:
        return None
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if _filled(instance, hop, middle) is None:
            low = middle
        else:
            high = middle
    filled = _filled(instance, hop, high)
    return None if filled is None else _options_of(instance, _without_surplus(instance, filled))


def _filled(instance: Instance, hop: FloatArray, critical: float) -> list[int] | None:
    """Most units of each stage in turn within a critical time; None when the model does not fit."""
    units: list[int] = []
    start = 0
    for s, table in enumerate(instance.options):
        good = (table.lead_start == start) & (table.time_s + hop[s] <= critical)
        good &= table.memory_bytes <= instance.memory_limit_bytes
        if not good.any():
            return None
        best = int(np.flatnonzero(good)[np.argmax(table.units[good])])
        units.append(int(table.units[best]))
        start += int(table.lead[best])
    enough = sum(units) >= instance.num_units and start == instance.num_lead
    return units if enough else None


def _without_surplus(instance: Instance, units: list[int]) -> list[int]:
    """Take surplus units from the stages with most parameters, those without lead layers first."""
    units = list(units)
    least = [int(table.units.min()) for table in instance.options]
    for _ in range(sum(units) - instance.num_units):
        options = _options_of(instance, units)
        movable = [s for s in range(instance.pp) if units[s] > least[s]]
        if options is None or not movable:
            break
        behind = [s for s in movable if instance.options[s].lead[options[s]] == 0] or movable
        weight = {s: float(instance.options[s].optimizer_s[options[s]]) for s in behind}
        units[max(behind, key=lambda s: (weight[s], s))] -= 1
    return units


def _options_of(instance: Instance, units: list[int]) -> tuple[int, ...] | None:
    """The option of each stage that takes these units, lead layers in order; None if there is none."""
    chosen: list[int] = []
    start = 0
    for table, count in zip(instance.options, units, strict=True):
        found = np.flatnonzero((table.units == count) & (table.lead_start == start))
        if len(found) == 0:
            return None
        chosen.append(int(found[0]))
        start += int(table.lead[found[0]])
    return tuple(chosen)
