"""One strategy solved: its instance, a good start, the solver's proof, the placement, the estimate."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.cost.pipeline import bare_crossings
from placer.errors import InternalError
from placer.search.candidates import Costing, near_levels, pod_fit
from placer.search.generations import stage_kinds
from placer.search.instance import (
    Assignment,
    Hops,
    Instance,
    floor_of_spreads,
    longest_step_s,
    narrowed,
    restricted,
    step_s,
    traffic_variants,
)
from placer.search.placement_builder import build_placement
from placer.search.primal import best_assignment
from placer.search.relaxation import pooled
from placer.search.space import strategy_at
from placer.search.tables import GenerationCosts, stage_options

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from placer.plan.estimate import Estimate
    from placer.plan.placement import Placement
    from placer.plan.strategy import Strategy, StrategyBatch
    from placer.search.cpsat.model import SolveLimits
    from placer.search.unit_costs import UnitCosts

    FloatArray = NDArray[np.float64]

RELATIVE_ROUNDING: Final = 1e-9
WORTH_RELAXING: Final = 1.1
"""The pooled problem looks no further than this many times the bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One strategy the search picked, with what bounds it; ``batch`` has the one row.

    ``kinds`` are promising kinds of its stages, empty when nothing is known.
    """

    batch: StrategyBatch
    bound_s: float
    critical_s: float
    kinds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A strategy on accelerators, costed."""

    strategy: Strategy
    placement: Placement
    estimate: Estimate
    assignment: Assignment


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What the solver says of one candidate: no placement of it is faster than ``bound_s``."""

    placed: Placed | None
    bound_s: float
    deterministic_work: float
    wall_clock_cut: bool


def instance_of(
    candidate: Candidate, costing: Costing, beyond: FloatArray | float = 0.0
) -> Instance:
    """The open decisions of a candidate in numbers; ``beyond`` as of ``stage_options``."""
    batch, pods = candidate.batch, costing.pods
    fit = pod_fit(batch, costing)
    cells = int(fit.stage_cells[0])
    variants = traffic_variants(cells, int(fit.largest[0]), pods.num_pods)
    copies = batch.take(np.zeros(len(variants), dtype=np.int64))
    costs = costing.costs(copies, costing.variant_spans(copies, variants))
    kinds = stage_kinds(costs, costing.limits_bytes)
    by_generation = [
        GenerationCosts(
            variants=tuple(cost.take(np.array([j])) for j in range(len(variants))),
            limit_bytes=limit,
        )
        for cost, limit in zip(costs, costing.limits_bytes, strict=True)
    ]
    options = stage_options(batch, by_generation, kinds, costing.units.num_body, beyond)
    return Instance(
        vpp=int(batch.vpp[0]),
        num_microbatches=int(batch.num_microbatches[0]),
        num_units=costing.units.num_units,
        num_lead=costing.units.num_lead,
        cells_per_stage=cells,
        options=tuple(
            replace(table, traffic_s=floor_of_spreads(table.traffic_s, variants))
            for table in options
        ),
        variants=variants,
        window=float(costs[0].dp_window[0]),
        drag=float(costs[0].dp_drag[0]),
        fixed_s=float(costs[0].fixed_s[0]),
        hops=_hops(candidate, costs, kinds, costing),
        kinds=kinds,
        part_cells=pods.capacity(pods.shape(batch, 0)),
        part_pod=pods.part_pod,
        part_generation=costing.part_rank,
    )


def start(candidate: Candidate, costing: Costing) -> tuple[Instance, Assignment | None]:
    """A candidate's instance and the best assignment found without the solver."""
    instance = instance_of(candidate, costing)
    found = best_assignment(instance, np.array(candidate.kinds, dtype=np.int64))
    return instance, None if found is None else narrowed(instance, found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxed:
    """What pooling the places of each generation says of a candidate."""

    bound_s: float
    kinds: tuple[int, ...]
    deterministic_work: float


def relax(candidate: Candidate, costing: Costing, *, cut_s: float, limits: SolveLimits) -> Relaxed:
    """Bound a candidate by its layers and generations alone; plans above ``cut_s`` do not matter."""
    from placer.search.cpsat.model import SolveStatus, solve

    instance = instance_of(candidate, costing)
    known = best_assignment(instance)
    upper = min(cut_s, candidate.bound_s * WORTH_RELAXING)
    if known is not None:
        upper = min(upper, step_s(instance, known) * (1.0 + RELATIVE_ROUNDING))
    trimmed = _trimmed(pooled(instance), candidate, upper)
    nothing = Relaxed(bound_s=candidate.bound_s, kinds=(), deterministic_work=0.0)
    if len(instance.kinds) == 1 or upper <= candidate.bound_s:
        return nothing
    if trimmed is None:
        return replace(nothing, bound_s=upper)
    hint = None if known is None else _pooled_hint(instance, trimmed, known)
    if hint is not None and step_s(trimmed, hint) > upper:
        hint = None
    solution = solve(
        trimmed,
        critical_s=candidate.critical_s,
        lower_s=candidate.bound_s,
        upper_s=upper,
        hint=None,
        limits=limits,
    )
    if solution.status is SolveStatus.INFEASIBLE and hint is not None:
        raise InternalError(f"CP-SAT rejects feasible layers of {step_s(trimmed, hint)} s")
    kinds: tuple[int, ...] = ()
    if solution.assignment is not None:
        kinds = tuple(solution.assignment.kinds(trimmed).tolist())
    return Relaxed(
        bound_s=max(candidate.bound_s, min(solution.bound_s, upper)),
        kinds=kinds,
        deterministic_work=solution.deterministic_work,
    )


def _pooled_hint(source: Instance, target: Instance, known: Assignment) -> Assignment | None:
    """An assignment with its places pooled by generation; None if a choice was trimmed away."""
    cells = [
        known.cells[source.part_generation == generation].sum(axis=0)
        for generation in target.part_generation
    ]
    try:
        options = _translated(source, target, known).options
    except InternalError:
        return None
    return Assignment(options=options, cells=np.array(cells, dtype=np.int64))


def place(
    candidate: Candidate, costing: Costing, instance: Instance, assignment: Assignment
) -> Placed:
    """Put an assignment on accelerators and cost it.

    Raises
    ------
    InternalError
        When the cost model finds the placement faster than the search thinks possible.
    """
    modules = tuple(sorted(module.value for module in costing.model.modules()))
    strategy = strategy_at(candidate.batch, 0, modules)
    shape = costing.pods.shape(candidate.batch, 0)
    placement = build_placement(
        strategy=strategy,
        units=assignment.units(instance),
        cells=assignment.cells,
        shape=shape,
        pods=costing.pods,
        model=costing.model.model,
    )
    estimate = costing.model.estimate(strategy, placement)
    placed = Placed(
        strategy=strategy, placement=placement, estimate=estimate, assignment=assignment
    )
    _check(candidate, costing, instance, placed)
    return placed


def prove(
    candidate: Candidate,
    costing: Costing,
    instance: Instance,
    known: Assignment | None,
    *,
    cut_s: float,
    limits: SolveLimits,
    tick: Callable[[], None],
) -> Proof:
    """Let the solver find the fastest placement of a candidate, or show that none beats ``cut_s``.

    ``known`` is an assignment to start from.
    """
    from placer.search.cpsat.model import SolveStatus, solve

    upper = min(cut_s, longest_step_s(instance) if known is None else step_s(instance, known))
    upper = upper * (1.0 + RELATIVE_ROUNDING)
    trimmed = _trimmed(instance, candidate, upper)
    if trimmed is None:
        return Proof(placed=None, bound_s=upper, deterministic_work=0.0, wall_clock_cut=False)
    hint = None if known is None else _translated(instance, trimmed, known)
    solution = solve(
        trimmed,
        critical_s=candidate.critical_s,
        lower_s=min(candidate.bound_s, upper),
        upper_s=upper,
        hint=hint,
        limits=limits,
        tick=tick,
    )
    bound = solution.bound_s
    if solution.status is SolveStatus.INFEASIBLE:
        if hint is not None:
            raise InternalError(f"CP-SAT rejects a feasible placement of {step_s(trimmed, hint)} s")
        bound = upper
    placed = None
    if solution.assignment is not None:
        assignment = narrowed(trimmed, solution.assignment)
        found = step_s(trimmed, assignment)
        grows = trimmed.window > trimmed.num_microbatches - 1.0 / trimmed.vpp
        if found > solution.objective_s * (1.0 + RELATIVE_ROUNDING) and not grows:
            raise InternalError(
                f"CP-SAT says {solution.objective_s} s, the formulas {found} s for one placement"
            )
        placed = place(candidate, costing, trimmed, assignment)
        placed = replace(placed, assignment=_translated(trimmed, instance, assignment))
    return Proof(
        placed=placed,
        bound_s=max(candidate.bound_s, bound),
        deterministic_work=solution.deterministic_work,
        wall_clock_cut=solution.wall_clock_cut,
    )


def _hops(
    candidate: Candidate,
    costs: Sequence[UnitCosts],
    kinds: Sequence[Sequence[int]],
    costing: Costing,
) -> Hops:
    batch, pods = candidate.batch, costing.pods
    pp, fit = int(batch.pp[0]), pod_fit(batch, costing)
    near = near_levels(batch, costing, fit, num_stages=pp, split=True)[0]
    whole = near_levels(batch, costing, fit, num_stages=pp, split=False)[0]
    far = np.full(pp, min(pods.level + 1, len(costing.topology.levels) - 1))
    levels = np.stack([near, whole, far])

    def by_kind(tables: Sequence[FloatArray]) -> FloatArray:
        worst = [np.max([tables[g][0][levels] for g in kind], axis=0) for kind in kinds]
        return np.maximum.accumulate(np.stack(worst), axis=1)

    vpp = int(batch.vpp[0])
    steady = by_kind([cost.hop_steady_s for cost in costs])
    steady[:, :, -1] *= vpp > 1
    fill = by_kind([cost.hop_fill_s for cost in costs])
    return Hops(steady_s=steady, fill_s=fill * bare_crossings(pp, vpp))


def _trimmed(instance: Instance, candidate: Candidate, upper_s: float) -> Instance | None:
    """The instance without options that no placement within ``upper_s`` can take.

    From ``upper >= M tau + (sum t - tau) / v`` with sum t at least the mean stage's.
    """
    total = sum(float(table.time_s.min()) for table in instance.options)
    v = instance.vpp
    longest = (
        (upper_s - instance.fixed_s - total / v) / (instance.num_microbatches - 1.0 / v)
        if (instance.num_microbatches * v > 1)
        else upper_s
    )
    options = restricted(instance, max(longest, candidate.critical_s) * (1.0 + RELATIVE_ROUNDING))
    return None if options is None else replace(instance, options=options)


def _translated(source: Instance, target: Instance, assignment: Assignment) -> Assignment:
    """The same assignment by the option numbers of another instance of the same candidate."""
    chosen: list[int] = []
    for old, new, index in zip(source.options, target.options, assignment.options, strict=True):
        same = (new.units == old.units[index]) & (new.lead_start == old.lead_start[index])
        same &= new.kind == old.kind[index]
        found = np.flatnonzero(same)
        if len(found) != 1:
            raise InternalError(f"a stage option of {old.units[index]} units was trimmed away")
        chosen.append(int(found[0]))
    return Assignment(options=tuple(chosen), cells=assignment.cells)


def _check(candidate: Candidate, costing: Costing, instance: Instance, placed: Placed) -> None:
    """The solver is not believed: the cost model must not find the plan faster than its bounds."""
    found = placed.estimate.step_time_s
    expected = step_s(instance, placed.assignment)
    floor = max(candidate.bound_s, expected)
    if found < floor * (1.0 - 1e-6):
        raise InternalError(
            f"a placement of {placed.strategy} costs {found} s, the search says at least {floor} s"
        )
    if not placed.estimate.fits:
        raise InternalError(f"a placement of {placed.strategy} exceeds the memory of a stage")
