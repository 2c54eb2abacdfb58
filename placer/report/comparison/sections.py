"""What every rendering of a comparison shows, in the order a reader asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.compare.economics.goodput import reliability
from placer.report.comparison.tables import (
    differences_table,
    lacking,
    layouts_table,
    parts_table,
    plans_table,
    reasons_table,
    solved,
    training_table,
)

UNEQUAL: Final = 2.0
"""From this ratio of sizes on, figures per accelerator say as much of size as of design."""

if TYPE_CHECKING:
    from placer.compare.comparison import Comparison
    from placer.report.tabular import Table


def sections(comparison: Comparison) -> tuple[Table, ...]:
    """The tables that have something to say."""
    every = (
        layouts_table(comparison),
        differences_table(comparison),
        plans_table(comparison),
        parts_table(comparison),
        training_table(comparison),
        reasons_table(comparison),
    )
    return tuple(data for data in every if data.rows)


def notes(comparison: Comparison) -> tuple[str, ...]:
    """What was assumed, and what is unknown."""
    open_ones = tuple(f"left open: {assumption}" for assumption in comparison.assumptions)
    sizes, parts = _size_notes(comparison), _parts_notes(comparison)
    return (*sizes, *open_ones, *parts, *lacking(comparison), *_run_notes(comparison))


def _size_notes(comparison: Comparison) -> tuple[str, ...]:
    """A warning where layouts of very different size share one batch."""
    sizes = [row.layout.num_gpus for row, _ in solved(comparison)]
    if comparison.budget or not sizes or max(sizes) < UNEQUAL * min(sizes):
        return ()
    sentence = (
        f"The layouts offer {min(sizes):,} to {max(sizes):,} accelerators and share one batch, of"
        " which more accelerators leave each less to do: --equal gpus compares like with like."
    )
    return (sentence,)


def _parts_notes(comparison: Comparison) -> tuple[str, ...]:
    pues = sorted({r.layout.inventory.pue for r in comparison.rows if r.layout.inventory})
    if not pues:
        return ()
    shown = " and ".join(f"{pue:g}" for pue in pues)
    sentence = (
        "Parts are counted from the levels; power is that of parts at work by their data sheets,"
        f" times the PUE of {shown}. Links between sites are not counted."
    )
    return (sentence,)


def _run_notes(comparison: Comparison) -> tuple[str, ...]:
    if all(row.layout.training is None for row in comparison.rows):
        return ()
    facts = reliability()
    rate = facts.failures_per_gpu_hour.value
    sentence = (
        f"Failures: {rate:.3g} per accelerator-hour ({facts.failures_per_gpu_hour.source});"
        f" {facts.restart.value / 60:g} min to restart; checkpoints of"
        f" {facts.checkpoint_bytes_per_parameter.value:g} B per parameter at"
        f" {facts.checkpoint_bandwidth.value / 1e12:g} TB/s, as often as loses least (Daly);"
        f" {100 * facts.failed_share:.2f} % of accelerators wait for repair."
    )
    return (sentence,)
