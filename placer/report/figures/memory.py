"""What fills the memory of each stage's GPUs, against what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.plan.strategy import RecomputeGranularity
from placer.report.binding import TIGHT_MEMORY, fullest_stage
from placer.report.palette import MEMORY_PARTS
from placer.report.svg.bars import Bar, Segment, bars
from placer.report.svg.figure import Drawing, Figure, figure
from placer.report.tabular import Table, columns
from placer.report.text.canvas import runs, span
from placer.units import format_percent

if TYPE_CHECKING:
    from placer.plan.estimate import Estimate, StageMemory
    from placer.plan.plan import Plan

GIB: Final = float(2**30)
_MOST_ROWS: Final = 20


def memory_figure(plan: Plan) -> Figure:
    """One bar per run of equal stages; where there are very many, the fullest."""
    estimate = plan.estimate
    shown = _shown(estimate)
    rows = [_bar(estimate, first, last) for first, last in shown]
    left_out = len(estimate.memory) - sum(last - first + 1 for first, last in shown)
    rest = f" The {left_out} stages that are less full are in the table." if left_out else ""

    def draw(width: float) -> Drawing:
        return bars(rows, width, axis="memory per GPU (GiB)", tell="{:g}".format)

    return figure(
        "memory",
        draw,
        finding=_finding(plan),
        note=f"Peak on one GPU of each stage; the line is what a GPU can give.{rest}",
        table=_table(estimate),
        legend=tuple((part.colour, part.label) for part in MEMORY_PARTS),
    )


def _finding(plan: Plan) -> str:
    estimate = plan.estimate
    stage, share = fullest_stage(estimate)
    limit = f"{estimate.memory_limit_bytes[stage] / GIB:.1f} GiB"
    used = f"stage {stage} fills {format_percent(share)} of {limit}"
    if share > 1.0:
        return f"Memory does not suffice: {used}"
    if share >= TIGHT_MEMORY:
        return f"Memory is full: {used}"
    if plan.strategy.recompute.granularity is not RecomputeGranularity.NONE:
        return f"Memory would not suffice without recomputation: with it, {used}"
    return f"Memory is not full: {used}"


def _coded(estimate: Estimate) -> list[tuple[int, int]]:
    """Runs of stages whose figures look alike."""
    pairs = zip(estimate.memory, estimate.memory_limit_bytes, strict=True)
    coded = runs(" ".join((*_cells(memory), _gib(limit))) for memory, limit in pairs)
    return [(first, last) for first, last, _ in coded]


def _shown(estimate: Estimate) -> list[tuple[int, int]]:
    found = _coded(estimate)
    order = sorted(found, key=lambda run: (-_share(estimate, run[0]), run[0]))
    return sorted(order[:_MOST_ROWS])


def _bar(estimate: Estimate, first: int, last: int) -> Bar:
    memory, limit = estimate.memory[first], estimate.memory_limit_bytes[first]
    name = f"stage{'s' if last > first else ''} {span(first, last)}"
    segments = tuple(
        Segment(
            value=part.stored_bytes(memory) / GIB,
            colour=part.colour,
            tip=f"{name}, {part.label}: {_gib(part.stored_bytes(memory))} GiB",
        )
        for part in MEMORY_PARTS
    )
    told = f"{_gib(memory.total_bytes)}, {format_percent(_share(estimate, first))}"
    return Bar(label=name, segments=segments, told=told, limit=limit / GIB)


def _table(estimate: Estimate) -> Table:
    headers = ("stage", *(f"{part.label}>" for part in MEMORY_PARTS), "total>", "limit>", "full>")
    rows = tuple(
        (
            span(first, last),
            *_cells(estimate.memory[first]),
            _gib(estimate.memory_limit_bytes[first]),
            format_percent(_share(estimate, first)),
        )
        for first, last in _coded(estimate)
    )
    return Table(caption="Memory per GPU in GiB", columns=columns(*headers), rows=rows)


def _share(estimate: Estimate, stage: int) -> float:
    return estimate.memory[stage].total_bytes / estimate.memory_limit_bytes[stage]


def _cells(memory: StageMemory) -> list[str]:
    values = [part.stored_bytes(memory) for part in MEMORY_PARTS]
    return [_gib(value) for value in (*values, memory.total_bytes)]


def _gib(value_bytes: float) -> str:
    return f"{value_bytes / GIB:.1f}"
