"""What a tenth more of each thing buys, and what a tenth less costs: the plan costed again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from placer.cost.model import CostModel
from placer.report.loss import signed_percent
from placer.report.tabular import Table, columns
from placer.topology.build import build_topology
from placer.topology.level import LevelKind

if TYPE_CHECKING:
    from placer.cost.constants import Constants
    from placer.plan.estimate import Estimate
    from placer.plan.plan import Plan
    from placer.report.neighbours import Neighbour
    from placer.spec.accelerator import Accelerator
    from placer.topology.level import Level
    from placer.topology.tree import Topology

STEP: Final = 0.10
"""How much better and worse each thing is made."""

SAME: Final = 1e-4
"""Smaller changes of the step time are none."""

Change = Callable[["Topology", float], "Topology"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """What one thing does to the step time.

    ``better`` and ``worse`` are changes of the step time as a fraction of it, at ``STEP`` more and
    less of the thing; ``worse`` is None where the plan then no longer fits and no step along one
    axis does. ``remark`` says what else changes.
    """

    thing: str
    better: float
    worse: float | None
    remark: str = ""


def sensitivities(
    plan: Plan, constants: Constants, neighbours: tuple[Neighbour, ...]
) -> tuple[Sensitivity, ...]:
    """Every bandwidth, the compute rate and the memory; what matters most first.

    The plan stays as it is, so a gain is at least what is told: another plan may gain more. Memory
    does nothing for the plan itself; it is judged by the neighbours that begin or cease to fit.
    """
    topology = build_topology(plan.cluster)
    found = [_costed(plan, constants, topology, *change) for change in _changes(topology)]
    found.append(_memory(plan, neighbours))
    return tuple(sorted(found, key=lambda s: (-_swing(s), s.thing)))


def sensitivity_table(found: Iterable[Sensitivity]) -> Table:
    """One row per thing, in the order given."""
    tenth = f"{100 * STEP:.0f} %"
    return Table(
        caption=f"Change of the step time with {tenth} more and {tenth} less of one thing",
        columns=columns("thing", f"{tenth} more>", f"{tenth} less>", "what else changes"),
        rows=tuple((one.thing, told_better(one), told_worse(one), one.remark) for one in found),
    )


def told_better(one: Sensitivity) -> str:
    """``-6.3 %``."""
    return signed_percent(one.better)


def told_worse(one: Sensitivity) -> str:
    """``+7.7 %``, or that nothing fits."""
    return "does not fit" if one.worse is None else signed_percent(one.worse)


def _swing(one: Sensitivity) -> float:
    worse = float("inf") if one.worse is None else abs(one.worse)
    return max(abs(one.better), worse)


def _costed(
    plan: Plan, constants: Constants, topology: Topology, thing: str, change: Change
) -> Sensitivity:
    """The plan on a cluster that differs in one thing."""

    def step_time_s(factor: float) -> float:
        model = CostModel(
            model=plan.model,
            topology=change(topology, factor),
            run=plan.run,
            constants=constants,
        )
        return model.estimate(plan.strategy, plan.placement).step_time_s

    same = step_time_s(1.0)
    return Sensitivity(
        thing=thing,
        better=step_time_s(1.0 + STEP) / same - 1.0,
        worse=step_time_s(1.0 - STEP) / same - 1.0,
    )


def _changes(topology: Topology) -> Iterator[tuple[str, Change]]:
    """What may be bought more of, by name."""
    several = len(topology.accelerators) > 1
    for generation, part in enumerate(topology.accelerators):
        owner = f"{part.key} " if several else ""
        yield f"{owner}compute rate", _of_part(generation, _faster)
        yield f"{owner}memory bandwidth", _of_part(generation, _wider)
    levels = topology.levels
    for index, level in enumerate(levels):
        if level.kind is LevelKind.SCALE_UP:
            yield f"{level.name} bandwidth", _of_levels(range(index, index + 1))
    network = [i for i, level in enumerate(levels) if level.kind is LevelKind.SCALE_OUT]
    if network:
        yield "network bandwidth", _of_levels(range(network[0], network[-1] + 1))
    for index in network[1:]:
        narrower = levels[index].bandwidth_bytes_per_s < levels[index - 1].bandwidth_bytes_per_s
        if narrower:
            yield f"{levels[index - 1].name} uplinks", _of_levels(range(index, network[-1] + 1))
    if levels[-1].kind is LevelKind.SCALE_ACROSS:
        yield "bandwidth between sites", _of_levels(range(len(levels) - 1, len(levels)))


def _of_part(generation: int, change: Callable[[Accelerator, float], Accelerator]) -> Change:
    def changed(topology: Topology, factor: float) -> Topology:
        parts = list(topology.accelerators)
        parts[generation] = change(parts[generation], factor)
        return replace(topology, accelerators=tuple(parts))

    return changed


def _faster(part: Accelerator, factor: float) -> Accelerator:
    """All peaks, and what was measured of them."""
    return replace(
        part,
        bf16_flops_per_s=part.bf16_flops_per_s * factor,
        fp8_flops_per_s=_scaled(part.fp8_flops_per_s, factor),
        fp4_flops_per_s=_scaled(part.fp4_flops_per_s, factor),
        bf16_achievable_flops_per_s=_scaled(part.bf16_achievable_flops_per_s, factor),
        fp8_achievable_flops_per_s=_scaled(part.fp8_achievable_flops_per_s, factor),
    )


def _wider(part: Accelerator, factor: float) -> Accelerator:
    return replace(part, hbm_bytes_per_s=part.hbm_bytes_per_s * factor)


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _of_levels(indices: range) -> Change:
    """Bandwidth of some levels, and of the uplinks that lead there."""

    def scaled(levels: tuple[Level, ...], factor: float) -> tuple[Level, ...]:
        return tuple(
            replace(level, bandwidth_bytes_per_s=level.bandwidth_bytes_per_s * factor)
            if index in indices
            else level
            for index, level in enumerate(levels)
        )

    def changed(topology: Topology, factor: float) -> Topology:
        uplink = topology.domain_uplink_bytes_per_s.copy()
        inner = [index - 1 for index in indices if index > 0]
        uplink[:, inner] *= factor
        across = topology.levels[indices[0]].kind is LevelKind.SCALE_ACROSS
        lines = topology.site_links
        if across:
            lines = tuple(
                replace(line, bandwidth_bytes_per_s=line.bandwidth_bytes_per_s * factor)
                for line in lines
            )
        return replace(
            topology,
            levels=scaled(topology.levels, factor),
            generation_levels=tuple(scaled(own, factor) for own in topology.generation_levels),
            domain_uplink_bytes_per_s=uplink,
            site_links=lines,
        )

    return changed


def _memory(plan: Plan, neighbours: Iterable[Neighbour]) -> Sensitivity:
    """The fastest of the plan and its neighbours that fits into more, and into less, memory."""
    own = plan.estimate
    known = [("", own), *((n.change, n.estimate) for n in neighbours if n.estimate is not None)]

    def fastest(factor: float) -> tuple[str, float] | None:
        able = [(e.step_time_s, change) for change, e in known if _fits(e, factor)]
        if not able:
            return None
        step_s, change = min(able)
        return change, step_s / own.step_time_s - 1.0

    better, worse = fastest(1.0 + STEP), fastest(1.0 - STEP)
    now = fastest(1.0)
    gain = 0.0 if better is None or now is None else min(better[1] - now[1], 0.0)
    told = [f"with more: {better[0]}"] if better and better[0] and gain < -SAME else []
    if worse is None:
        told.append("with less the plan does not fit, and no step along one axis does")
    elif worse[0]:
        told.append(f"with less: {worse[0]}")
    loss = None if worse is None else max(worse[1] - (now[1] if now else 0.0), 0.0)
    return Sensitivity(thing="memory", better=gain, worse=loss, remark="; ".join(told))


def _fits(estimate: Estimate, factor: float) -> bool:
    pairs = zip(estimate.memory, estimate.memory_limit_bytes, strict=True)
    return all(memory.total_bytes <= limit * factor for memory, limit in pairs)
