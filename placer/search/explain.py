"""Why no plan fits: what binds, in numbers, and the smallest change that would help."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.errors import InfeasibleError
from placer.plan.legality import Case
from placer.search.bounds import memory_room
from placer.search.candidates import NO_MEMORY, NO_PLACES, Costing
from placer.search.space import SpaceLimits, enumerate_space, first_refusal
from placer.units import format_size

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from placer.plan.legality import FrameworkRules
    from placer.plan.strategy import StrategyBatch
    from placer.search.inner import Candidate
    from placer.search.options import SearchOptions
    from placer.search.unit_costs import UnitCosts

MOST_GPUS: Final = 1 << 20
MEMORY_BISECTIONS: Final = 30
MOST_REASONS: Final = 6
MOST_DOUBLINGS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked and could not be answered."""

    costing: Costing
    rules: FrameworkRules
    options: SearchOptions

    def limits(self, max_gpus: int) -> SpaceLimits:
        """Limits of a cluster of so many accelerators, pods as large as need be."""
        domain = self.costing.topology.domain_size
        return SpaceLimits(max_gpus=max_gpus, domain_gpus=domain, pod_gpus=max_gpus)

    @property
    def num_gpus(self) -> int:
        """Accelerators the search could use."""
        usable = self.costing.topology.num_usable
        return min(usable, self.options.max_gpus or usable)


def infeasible(
    question: Question, pruned: Mapping[str, int], failed: Iterable[Candidate]
) -> InfeasibleError:
    """The error that explains an empty search, from what every strategy was dropped for."""
    model, topology = question.costing.model.model, question.costing.topology
    total = sum(pruned.values())
    binding = [*_memory_lines(question, pruned), *_reason_lines(pruned, total)]
    binding += _restriction_lines(question)
    binding += _core_lines(question, failed)
    binding = binding or [_nothing_looked_at(question)]
    return InfeasibleError(
        f"No plan: {f'none of {total:,} strategies' if total else 'no strategy'} places"
        f" {model.name} on {question.num_gpus:,} GPUs of {topology.name}.",
        binding=binding,
        relaxation=_relaxation(question, pruned),
    )


def _nothing_looked_at(question: Question) -> str:
    """What was asked, where no degrees make it up at all."""
    options, run = question.options, question.costing.model.run
    fixed = ", ".join(f"{axis} {value}" for axis, value in sorted(options.fix.items()))
    return (
        f"no degrees{f' with {fixed}' if fixed else ''} make up at most {question.num_gpus:,} GPUs and"
        f" a global batch of {run.global_batch_size:,} sequences of {run.seq_len:,} tokens"
    )


def _reason_lines(pruned: Mapping[str, int], total: int) -> list[str]:
    """The most frequent reasons, with how many strategies each dropped."""
    if not total:
        return []
    ordered = sorted(pruned.items(), key=lambda item: (-item[1], item[0]))[:MOST_REASONS]
    reasons = ", ".join(f"{name} {count:,}" for name, count in ordered)
    return [f"of {total:,} strategies each was dropped for its first reason: {reasons}"]


def _restriction_lines(question: Question) -> list[str]:
    """Why the fixed axes go with no strategy at all, in numbers."""
    fix, model = question.options.fix, question.costing.model
    lines = []
    block = {axis: fix[axis] for axis in ("tp", "cp", "pp", "dp") if axis in fix}
    if math.prod(block.values()) > question.num_gpus:
        needed = f"{_product(block)} needs {math.prod(block.values()):,} GPUs"
        lines.append(f"{needed}, {question.num_gpus:,} may be used")
    split = {axis: fix[axis] for axis in ("dp", "micro_batch_size") if axis in fix}
    batch = model.run.global_batch_size
    if batch % math.prod(split.values()):
        lines.append(f"the global batch of {batch:,} sequences is no multiple of {_product(split)}")
    chunks = {axis: fix[axis] for axis in ("pp", "vpp") if axis in fix}
    most = question.costing.units.num_units + 2
    if math.prod(chunks.values()) > most:
        lines.append(
            f"{_product(chunks)} makes {math.prod(chunks.values()):,} pipeline chunks, the model's"
            f" layers, embedding and loss fill {most:,} at most"
        )
    return lines


def _product(degrees: Mapping[str, int]) -> str:
    return " x ".join(f"{axis} {value:,}" for axis, value in degrees.items())


def _memory_lines(question: Question, pruned: Mapping[str, int]) -> list[str]:
    if NO_MEMORY not in pruned:
        return []
    batch = frugal_strategies(question, question.num_gpus)
    if len(batch) == 0:
        return []
    needed = least_memory_bytes(question.costing, batch)
    row = int(needed.argmin())
    limit = max(question.costing.limits_bytes)
    line = (
        f"memory: at least {format_size(float(needed[row]))} needed per GPU, {format_size(limit)}"
        f" available (the most frugal strategy: {_described(batch, row)})"
    )
    return [line]


def _described(batch: StrategyBatch, row: int) -> str:
    names = ("tp", "cp", "ep", "pp", "dp", "micro_batch_size", "zero_stage")
    degrees = ", ".join(f"{name} {int(getattr(batch, name)[row])}" for name in names)
    recompute = ("no", "selective", "full")[int(batch.recompute[row])]
    return f"{degrees}, {recompute} recomputation"


def frugal_strategies(question: Question, max_gpus: int) -> StrategyBatch:
    """Legal strategies that save memory: single sequences, full recomputation, one chunk."""
    saving = {"micro_batch_size": 1, "recompute": 2, "vpp": 1, **question.options.fix}
    options = replace(question.options, fix=saving, min_gpu_share=0.0)
    model = question.costing.model
    space = enumerate_space(
        model=model.model,
        run=model.run,
        rules=question.rules,
        limits=question.limits(max_gpus),
        options=options,
    )
    batch, _ = space.expand(np.arange(len(space.families)))
    case = Case(model=model.model, run=model.run, batch=batch)
    return batch.take(first_refusal(question.rules, case) < 0)


def least_memory_bytes(costing: Costing, batch: StrategyBatch) -> np.ndarray:
    """Smallest accelerator memory each strategy fits in, layers split at best; (N,)."""
    costs = _costs(costing, batch)
    low = np.zeros(len(batch))
    high = np.full(len(batch), 2.0 * float(costs.static_bytes.max()) * costing.units.num_units)
    high += 2.0 * float(costs.activation_bytes.max()) * costing.units.num_units * batch.pp.max()
    high += float(costs.transient_bytes.max())
    for _ in range(MEMORY_BISECTIONS):
        middle = 0.5 * (low + high)
        good = _fits(costing, batch, costs, middle)
        low, high = np.where(good, low, middle), np.where(good, middle, high)
    return high


def _costs(costing: Costing, batch: StrategyBatch) -> UnitCosts:
    ones = np.ones_like(batch.tp)
    return costing.best(batch, costing.spans(batch, ones, ones))


def _fits(
    costing: Costing, batch: StrategyBatch, costs: UnitCosts, limit_bytes: np.ndarray | float
) -> np.ndarray:
    room = memory_room(
        [costs],
        batch,
        num_stages=int(batch.pp.max(initial=1)),
        num_body=costing.units.num_body,
        limits_bytes=[limit_bytes],
        few=np.zeros((len(batch), 0), dtype=np.int64),
    )
    return room.fits(costing.units.num_body)


def _relaxation(question: Question, pruned: Mapping[str, int]) -> str:
    """The first of a few changes, smallest first, under which a strategy fits."""
    for axis in sorted(question.options.fix):
        fix = {name: value for name, value in question.options.fix.items() if name != axis}
        freed = replace(question, options=replace(question.options, fix=fix))
        if _some_fits(freed, question.num_gpus):
            instead = _nearest_value(question, axis)
            other = f" {axis}={instead} fits, too." if instead else ""
            return f"Without the restriction on {axis} a strategy fits: leave it out.{other}"
    if NO_MEMORY in pruned or NO_PLACES in pruned:
        return _more_gpus(question)
    return ""


def _nearest_value(question: Question, axis: str) -> int | None:
    """The nearest value of a fixed degree, halving and doubling in turn, that a strategy goes with."""
    if axis in ("recompute", "zero_stage"):
        return None
    value = question.options.fix[axis]
    tries = [n for k in range(1, MOST_DOUBLINGS) for n in (value >> k, value << k)]
    for other in (n for n in tries if 1 <= n <= question.num_gpus):
        fix = {**question.options.fix, axis: other}
        changed = replace(question, options=replace(question.options, fix=fix))
        if _some_fits(changed, question.num_gpus):
            return other
    return None


def _some_fits(question: Question, max_gpus: int) -> bool:
    batch = frugal_strategies(question, max_gpus)
    if len(batch) == 0:
        return False
    costing = question.costing
    return bool(_fits(costing, batch, _costs(costing, batch), max(costing.limits_bytes)).any())


def _more_gpus(question: Question) -> str:
    """The fewest GPUs, in whole domains, on which a strategy fits in memory."""
    size = question.costing.topology.domain_size
    low, high = question.num_gpus // size, max(1, question.num_gpus // size)
    while high * size <= MOST_GPUS and not _some_fits(question, high * size):
        low, high = high, 2 * high
    if high * size > MOST_GPUS:
        return f"Not even {MOST_GPUS:,} GPUs of this kind have the memory: choose a larger one."
    while high - low > 1:
        middle = (low + high) // 2
        if _some_fits(question, middle * size):
            high = middle
        else:
            low = middle
    return (
        f"At least {high * size:,} GPUs of this kind are needed for the memory"
        f" ({question.num_gpus:,} were to be used)."
    )


def _core_lines(question: Question, failed: Iterable[Candidate]) -> list[str]:
    """The rules that clash in the most promising strategy no placement was found for."""
    candidate = next(iter(failed), None)
    if candidate is None:
        return []
    from placer.search.cpsat.core import binding_rules
    from placer.search.inner import instance_of

    instance = instance_of(candidate, question.costing)
    rules = binding_rules(instance)
    numbers = {
        "memory": f"{format_size(max(question.costing.limits_bytes))} per GPU",
        "all layers are placed": f"{instance.num_units} units over {instance.pp} stages",
        "every cell has a place": f"{instance.pp} stages of {instance.cells_per_stage} cells",
        "pods hold no more than they can": f"{int(instance.part_cells.sum())} cells in all",
    }
    described = [f"{rule} ({numbers[rule]})" if rule in numbers else rule for rule in rules]
    if not described:
        return []
    return [f"{_described(candidate.batch, 0)}: these clash: {'; '.join(described)}"]
