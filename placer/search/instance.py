"""One strategy's open decisions as plain numbers: what the solver decides and what it costs.

Decided: how many units each stage takes and which accelerator generations it stands on (an option
per stage), and how many cells of each stage each part of a pod holds. Everything else about the strategy is fixed here. Nothing in this module knows the
solver; ``step_s`` is the objective written a second time, to check the solver with.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.cost.pipeline import exposed_dp_s, steady_and_bubble_s

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from placer.plan.strategy import IntArray

    FloatArray = NDArray[np.float64]


MAX_CHUNK_WIDTHS: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOptions:
    """The O choices of one stage, columns (O,).

    A choice takes ``units`` of the model, ``lead`` of them leading dense layers from ``lead_start``
    on (the lead layers earlier stages took), on the generations of ``kind``, an index into
    ``Instance.kinds``. ``time_s`` is without hops; ``traffic_s`` (O, J) one column per traffic
    variant, latency included; ``memory_bytes`` its peak, of at most ``limit_bytes``.
    """

    units: IntArray
    lead: IntArray
    lead_start: IntArray
    kind: IntArray
    time_s: FloatArray
    traffic_s: FloatArray
    optimizer_s: FloatArray
    memory_bytes: FloatArray
    limit_bytes: FloatArray

    def __len__(self) -> int:
        return len(self.units)

    def take(self, rows: NDArray[np.bool_]) -> StageOptions:
        """Options picked by mask."""
        return StageOptions(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    @property
    def fits(self) -> NDArray[np.bool_]:
        """Whether each option stays within memory."""
        return np.asarray(self.memory_bytes <= self.limit_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficVariant:
    """How far a stage's replicas spread: the most cells in one pod, and the pods that takes."""

    widest: int
    pods: int


def traffic_variants(cells: int, largest: int, num_pods: int) -> tuple[TrafficVariant, ...]:
    """Spreads worth telling apart of stages of so many cells in pods of at most ``largest``.

    Whole stages, the widest chunks there can be, and those of every even split; of very many even
    splits the widest few and the narrowest.
    """
    widest = min(cells, largest)
    whole = [TrafficVariant(widest=cells, pods=1)] if largest >= cells else []
    if num_pods == 1 or cells == 1:
        return tuple(whole)
    even = {-(-cells // pods) for pods in range(2, num_pods + 1)}
    widths = sorted({widest, *(width for width in even if width < widest)}, reverse=True)
    widths = widths[: MAX_CHUNK_WIDTHS - 1] + widths[MAX_CHUNK_WIDTHS - 1 :][-1:]
    split = [TrafficVariant(widest=width, pods=max(2, -(-cells // width))) for width in widths]
    return tuple(whole + split)


def floor_of_spreads(traffic_s: FloatArray, variants: tuple[TrafficVariant, ...]) -> FloatArray:
    """Traffic (O, J) that no split charged to a variant stays below.

    A split is charged the variant of the next wider chunk. Wider chunks mostly cost less, but
    units of odd size can make one cost more than what is narrower: then the narrower counts.
    """
    split = np.array([variant.pods > 1 for variant in variants], dtype=np.bool_)
    floors = traffic_s.copy()
    narrowest_first = traffic_s[:, split][:, ::-1]
    floors[:, split] = np.minimum.accumulate(narrowest_first, axis=1)[:, ::-1]
    return floors


class HopKind(IntEnum):
    """Where the hop behind a stage leads.

    ``near``: both stages are spread over the same pods, replica by replica; ``whole``: both lie in
    one pod whole, so their replicas are further apart; ``far``: some replica leaves its pod.
    """

    NEAR = 0
    WHOLE = 1
    FAR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Hops:
    """Seconds of the hop behind each stage (the last wraps to the first), (K, 3, S) each.

    ``steady_s`` per micro-batch, ``fill_s`` over the fill and drain of a step. By kind of the stages
    it joins, the dearer of the two counts, and by ``HopKind``, each no
    cheaper than the one before.
    """

    steady_s: FloatArray
    fill_s: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """What the inner problem needs to know of one strategy.

    ``kinds`` are the sets of generations a stage may stand on. ``part_cells`` (R,) counts cells that
    a part of a pod can host, ``part_generation`` (R,) and ``part_pod`` (R,) say what it is of. Of a
    stage's replica traffic D a step sees
    ``max(drag D, D - window * critical stage time)``.
    """

    vpp: int
    num_microbatches: int
    num_units: int
    num_lead: int
    cells_per_stage: int
    options: tuple[StageOptions, ...]
    variants: tuple[TrafficVariant, ...]
    window: float
    drag: float
    fixed_s: float
    hops: Hops
    kinds: tuple[tuple[int, ...], ...]
    part_cells: IntArray
    part_pod: IntArray
    part_generation: IntArray

    @property
    def pp(self) -> int:
        """Pipeline stages."""
        return len(self.options)

    @property
    def num_parts(self) -> int:
        """Parts of the pods."""
        return len(self.part_cells)

    @property
    def num_pods(self) -> int:
        """Pods of the cluster."""
        return int(self.part_pod.max()) + 1

    @property
    def part_class(self) -> IntArray:
        """(R,) equal numbers for parts that are alike: as many cells of one generation, alone."""
        alone = np.bincount(self.part_pod)[self.part_pod] == 1
        own = np.where(alone, -1, np.arange(self.num_parts))
        columns = np.stack([self.part_cells, self.part_generation, own])
        return np.asarray(np.unique(columns, axis=1, return_inverse=True)[1].ravel())

    @property
    def allowed(self) -> NDArray[np.bool_]:
        """(K, R) whether stages of a kind may stand on a part."""
        generations = self.part_generation.tolist()
        return np.array([[g in kind for g in generations] for kind in self.kinds])

    def by_pod(self, cells: IntArray) -> IntArray:
        """Cells per part (R, S) summed over the parts of each pod; (P, S)."""
        first = np.searchsorted(self.part_pod, np.arange(self.num_pods))
        return np.asarray(np.add.reduceat(cells, first, axis=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A decision: the option index of each stage, and ``cells`` (R, S)."""

    options: tuple[int, ...]
    cells: IntArray

    def units(self, instance: Instance) -> tuple[int, ...]:
        """Units of each stage."""
        pairs = zip(instance.options, self.options, strict=True)
        return tuple(int(table.units[index]) for table, index in pairs)

    def kinds(self, instance: Instance) -> IntArray:
        """(S,) kind of each stage."""
        pairs = zip(instance.options, self.options, strict=True)
        return np.array([table.kind[index] for table, index in pairs], dtype=np.int64)


def problems_of(instance: Instance, assignment: Assignment) -> tuple[str, ...]:
    """Every condition an assignment breaks, by name; empty for a feasible one."""
    chosen = [
        (table.units[i], table.lead[i], table.lead_start[i], table.fits[i])
        for table, i in zip(instance.options, assignment.options, strict=True)
    ]
    units, lead, lead_start, fits = (np.array(column) for column in zip(*chosen, strict=True))
    cells = assignment.cells
    allowed = instance.allowed[assignment.kinds(instance)].T
    checks = {
        "all layers are placed": units.sum() == instance.num_units,
        "dense layers lead in order": bool(
            (np.cumsum(lead) - lead == lead_start).all() and lead.sum() == instance.num_lead
        ),
        "memory": bool(fits.all()),
        "every cell has a place": bool((cells.sum(axis=0) == instance.cells_per_stage).all()),
        "pods hold no more than they can": bool((cells.sum(axis=1) <= instance.part_cells).all()),
        "stages keep to their generations": bool((allowed | (cells == 0)).all()),
        "cells are counts": bool((cells >= 0).all()),
    }
    return tuple(name for name, good in checks.items() if not good)


def hop_kinds(instance: Instance, cells: IntArray) -> IntArray:
    """Kind of the hop behind each stage; (S,)."""
    pods = instance.by_pod(cells)
    far = (pods != np.roll(pods, -1, axis=1)).any(axis=0)
    whole = pods.max(axis=0) == instance.cells_per_stage
    near = np.where(whole, HopKind.WHOLE, HopKind.NEAR)
    return np.where(far, HopKind.FAR, near).astype(np.int64)


def half_hops_s(instance: Instance, cells: IntArray, kinds: IntArray) -> FloatArray:
    """What each stage waits for its two hops, half of each; (S,)."""
    steady = _hop_s(instance.hops.steady_s, hop_kinds(instance, cells), kinds)
    return np.asarray(0.5 * (steady + np.roll(steady, 1)))


def _hop_s(by_kind: FloatArray, hops: IntArray, kinds: IntArray) -> FloatArray:
    """(S,) of ``by_kind`` (K, 3, S), the dearer of the two ends."""
    stage = np.arange(len(hops))
    near, far = by_kind[kinds, hops, stage], by_kind[np.roll(kinds, -1), hops, stage]
    return np.asarray(np.maximum(near, far))


def variant_of(instance: Instance, cells: IntArray) -> int:
    """The traffic variant of a placement: whole stages, or the narrowest that holds every chunk."""
    pods = instance.by_pod(cells)
    split = bool((pods.max(axis=0) < instance.cells_per_stage).any())
    widest = int(pods.max())
    fitting = [
        j
        for j, variant in enumerate(instance.variants)
        if variant.widest >= widest and (variant.pods > 1) == split
    ]
    return min(fitting, key=lambda j: instance.variants[j].widest)


def stage_times_s(instance: Instance, assignment: Assignment) -> FloatArray:
    """Each stage's seconds on one micro-batch, hops included; (S,)."""
    times = [t.time_s[i] for t, i in zip(instance.options, assignment.options, strict=True)]
    return np.array(times) + half_hops_s(instance, assignment.cells, assignment.kinds(instance))


def step_s(instance: Instance, assignment: Assignment) -> float:
    """Step time of an assignment, by the formulas of ``placer.cost``, without the solver."""
    times = stage_times_s(instance, assignment)
    critical = float(times.max())
    steady, bubble = steady_and_bubble_s(
        times, np.array(float(instance.num_microbatches)), np.array(float(instance.vpp))
    )
    variant = variant_of(instance, assignment.cells)
    chosen = list(zip(instance.options, assignment.options, strict=True))
    traffic = max(float(table.traffic_s[i, variant]) for table, i in chosen)
    optimizer = max(float(table.optimizer_s[i]) for table, i in chosen)
    hops = hop_kinds(instance, assignment.cells)
    fill = _hop_s(instance.hops.fill_s, hops, assignment.kinds(instance)).sum()
    exposed = exposed_dp_s(np.array(traffic), np.array(instance.window * critical), instance.drag)
    return float(steady + bubble + fill + exposed + optimizer + instance.fixed_s)


def longest_step_s(instance: Instance) -> float:
    """A step time that no assignment exceeds: every stage at its worst option, over its worst hop."""
    tables, hops = instance.options, instance.hops
    slowest = max(float(table.time_s.max()) for table in tables) + float(hops.steady_s.max())
    stages = instance.num_microbatches + len(tables)
    traffic = max(float(table.traffic_s.max()) for table in tables) * max(1.0, instance.drag)
    optimizer = max(float(table.optimizer_s.max()) for table in tables)
    fill = float(hops.fill_s.max(axis=(0, 1)).sum())
    return stages * slowest + fill + traffic + optimizer + instance.fixed_s


def restricted(instance: Instance, longest_s: float) -> tuple[StageOptions, ...] | None:
    """Options within memory and a stage time, trimmed to what the other stages leave to take.

    A stage must take at least what the others cannot, and no more than they leave; None when no
    split remains.
    """
    tables = [table.take(table.fits & (table.time_s <= longest_s)) for table in instance.options]
    while all(len(table) for table in tables):
        most = np.array([int(table.units.max()) for table in tables])
        least = np.array([int(table.units.min()) for table in tables])
        floor = instance.num_units - (most.sum() - most)
        ceiling = instance.num_units - (least.sum() - least)
        trimmed = [
            table.take((table.units >= low) & (table.units <= high))
            for table, low, high in zip(tables, floor, ceiling, strict=True)
        ]
        if _sizes(trimmed) == _sizes(tables):
            return tuple(tables)
        tables = trimmed
    return None


def _sizes(tables: Sequence[StageOptions]) -> list[int]:
    return [len(table) for table in tables]


def narrowed(instance: Instance, assignment: Assignment) -> Assignment:
    """The same placement, each stage of the cheapest kind that has the generations under it."""
    chosen = []
    for s, (table, index) in enumerate(zip(instance.options, assignment.options, strict=True)):
        touched = set(instance.part_generation[assignment.cells[:, s] > 0].tolist())
        same = (table.units == table.units[index]) & (table.lead_start == table.lead_start[index])
        fitting = [o for o in np.flatnonzero(same) if touched <= set(instance.kinds[table.kind[o]])]
        chosen.append(int(min(fitting, key=lambda o: (len(instance.kinds[table.kind[o]]), o))))
    return Assignment(options=tuple(chosen), cells=assignment.cells)
