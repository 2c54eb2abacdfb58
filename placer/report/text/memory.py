"""Memory of the pipeline stages against what a GPU has: the fullest stages, the rest in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.report.binding import fullest_stage
from placer.report.text.canvas import runs, span, table
from placer.units import format_percent, format_size

if TYPE_CHECKING:
    from rich.table import Table

    from placer.plan.estimate import Estimate, StageMemory

_MOST_ROWS: Final = 5
_PARTS: Final = ("weights", "gradients", "optimizer", "activations", "buffers", "framework")


def memory_table(estimate: Estimate) -> Table:
    """The fullest runs of equal stages, in stage order, and the range of the others."""
    grid = table(
        ("stage", "left"),
        *((part, "right") for part in _PARTS),
        ("total", "right"),
        ("full", "right"),
    )
    shown, rest = _fullest(estimate)
    for first, last in shown:
        memory, limit = estimate.memory[first], estimate.memory_limit_bytes[first]
        share = format_percent(memory.total_bytes / limit)
        grid.add_row(span(first, last), *_cells(memory), share)
    if rest:
        totals = [estimate.memory[stage].total_bytes for stage in rest]
        shares = [t / estimate.memory_limit_bytes[s] for s, t in zip(rest, totals, strict=True)]
        grid.add_row(
            f"{len(rest)} others",
            *("" for _ in _PARTS),
            f"{_gib(min(totals))}-{_gib(max(totals))}",
            f"<= {format_percent(max(shares))}",
        )
    return grid


def _fullest(estimate: Estimate) -> tuple[list[tuple[int, int]], list[int]]:
    """Runs of stages to show, in order, and the stages left over."""
    pairs = zip(estimate.memory, estimate.memory_limit_bytes, strict=True)
    coded = runs(" ".join([*_cells(memory), _gib(limit)]) for memory, limit in pairs)
    if len(coded) > _MOST_ROWS:
        order = sorted(coded, key=lambda run: (-_share(estimate, run[0]), run[0]))
        coded = sorted(order[: _MOST_ROWS - 1])
    held = [(first, last) for first, last, _ in coded]
    seen = {stage for first, last in held for stage in range(first, last + 1)}
    return held, [stage for stage in range(len(estimate.memory)) if stage not in seen]


def _share(estimate: Estimate, stage: int) -> float:
    return estimate.memory[stage].total_bytes / estimate.memory_limit_bytes[stage]


def _cells(memory: StageMemory) -> list[str]:
    values = [getattr(memory, f"{part}_bytes") for part in _PARTS]
    return [_gib(value) for value in [*values, memory.total_bytes]]


def _gib(value_bytes: float) -> str:
    """GiB with one decimal, so that columns line up."""
    return f"{value_bytes / 2**30:.1f}"


def memory_title(estimate: Estimate) -> str:
    """What the table shows, and the one thing to take from it."""
    stage, share = fullest_stage(estimate)
    limit = format_size(estimate.memory_limit_bytes[stage])
    return f"Memory allocated per GPU in GiB (fullest: stage {stage}, {format_percent(share)} of {limit})"
