"""A sweep as text: the best layouts, what each value does, the front, what did not work."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from placer.compare.sweep.effects import Grid, effects, grids
from placer.report.loss import signed_percent
from placer.report.text.canvas import lines, rendered, section, table
from placer.units import format_percent, format_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from placer.compare.sweep.axes import Axis
    from placer.compare.sweep.result import Sweep, SweepRow
    from placer.compare.sweep.solved import SolvedPlan

MOST_ROWS: Final = 15
MOST_COLUMNS: Final = 8
MOST_REASONS: Final = 5
MOST_GRIDS: Final = 3
LETTERS: Final = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_DEGREES: Final = ("tp", "cp", "ep", "etp", "pp", "vpp", "dp")


def render_sweep(sweep: Sweep, *, colour: bool, width: int) -> str:
    """The whole answer as lines of at most ``width``."""
    return rendered(_parts(sweep), colour=colour, width=width)


def _parts(sweep: Sweep) -> Iterator[RenderableType]:
    yield lines([_headline(sweep), *sweep.assumptions])
    if sweep.axes:
        yield section("Fields varied", _axes_table(sweep.axes))
    ranked = sweep.ranked()
    if ranked:
        shown = ranked[:MOST_ROWS]
        title = "Best layouts, by tokens per second and GPU"
        yield section(title, _layouts_table(sweep.axes, shown, ranked[0]))
        if len(ranked) > len(shown):
            yield lines([f"  ... {len(ranked) - len(shown):,} more; --json has all"])
    if len(ranked) > 1:
        yield section("What each value does, all else equal", _effects_table(sweep))
        for grid in grids(sweep)[:MOST_GRIDS]:
            title = f"Tokens per second and GPU: {grid.rows.key} down, {grid.columns.key} across"
            yield section(title, _grid_table(grid))
    front = sweep.front()
    if len({row.num_gpus for row in front}) > 1:
        title = "Fastest for the GPUs they take"
        yield section(title, _layouts_table(sweep.axes, front[:MOST_ROWS], front[-1]))
    if sweep.gains:
        yield section("What a tenth more buys the best layout", _gains_table(sweep))
    yield from _refusals(sweep)


def _headline(sweep: Sweep) -> str:
    planned = sum(row.plan is not None for row in sweep.rows)
    parts = [
        f"{sweep.model} over {len(sweep.rows):,} layouts of {sweep.template}:",
        f"{planned:,} with a plan within {format_percent(sweep.gap)},",
        f"{len(sweep.rows) - planned - sweep.num_open:,} without,",
        f"{sweep.num_questions:,} different questions",
    ]
    left = f"; stopped with {sweep.num_open:,} open: run it again to go on"
    return " ".join(parts) + (left if sweep.num_open else "")


def _axes_table(axes: Sequence[Axis]) -> Table:
    """The letter each field goes by in the tables below."""
    grid = table(("", "left"), ("field", "left"), ("values", "left"))
    for letter, axis in zip(LETTERS, axes, strict=False):
        grid.add_row(letter, axis.key, ", ".join(str(value) for value in axis.values))
    return grid


def _layouts_table(axes: Sequence[Axis], rows: Sequence[SweepRow], against: SweepRow) -> Table:
    places = [place for place, axis in enumerate(axes) if len(axis.values) > 1]
    keys = [(LETTERS[place], "right") for place in places]
    figures = [("GPUs", "right"), ("tokens/s/GPU", "right"), ("to best", "right")]
    grid = table(*keys, *figures, ("step", "right"), ("MFU", "right"), ("plan", "left"))
    best = against.tokens_per_s_per_gpu or 1.0
    for row in rows:
        assert row.plan is not None
        speed = row.tokens_per_s_per_gpu or 0.0
        grid.add_row(
            *(str(row.point[place]) for place in places),
            f"{row.num_gpus:,}",
            f"{speed:,.1f}",
            f"{speed / best:.3f}x",
            format_time(row.plan.step_time_s),
            format_percent(row.plan.mfu),
            _degrees(row.plan),
        )
    return grid


def _effects_table(sweep: Sweep) -> Table:
    columns = ("", "left"), ("value", "right"), ("tokens/s/GPU", "right")
    grid = table(*columns, ("least", "right"), ("most", "right"), ("pairs of layouts", "right"))
    letters = {axis.key: letter for letter, axis in zip(LETTERS, sweep.axes, strict=False)}
    for effect in effects(sweep):
        grid.add_row(
            letters[effect.axis.key],
            str(effect.value),
            *(
                f"{ratio:.3f}x" if ratio is not None else "-"
                for ratio in (effect.mean, effect.least, effect.most)
            ),
            f"{effect.num_pairs:,}",
        )
    return grid


def _grid_table(grid: Grid) -> Table:
    columns = grid.columns.values[:MOST_COLUMNS]
    drawn = table(("", "left"), *((str(value), "right") for value in columns), ("", "left"))
    for value, cells in zip(grid.rows.values, grid.cells, strict=True):
        figures = ("-" if cell is None else f"{cell:,.1f}" for cell in cells[:MOST_COLUMNS])
        drawn.add_row(str(value), *figures, "")
    return drawn


def _gains_table(sweep: Sweep) -> Table:
    grid = table(("resource", "left"), ("tokens/s", "right"), ("", "left"))
    for gain in sweep.gains:
        told = signed_percent(gain.gain) if gain.gain >= 1e-3 else "< 0.1 %"
        grid.add_row(gain.resource, told, "")
    return grid


def _refusals(sweep: Sweep) -> Iterator[RenderableType]:
    """Why layouts have no plan, the commonest reasons first."""
    reasons = Counter(row.refusal.splitlines()[0] for row in sweep.rows if row.refusal)
    if not reasons:
        return
    told = sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    grid = table(("layouts", "right"), ("why there is no plan", "left"))
    for reason, count in told[:MOST_REASONS]:
        grid.add_row(f"{count:,}", reason)
    yield section("Without a plan", grid)
    if len(told) > MOST_REASONS:
        yield lines([f"  ... {len(told) - MOST_REASONS:,} more reasons; --json has all"])


def _degrees(plan: SolvedPlan) -> str:
    """Degrees beyond 1: ``tp8 pp16 vpp8 dp128``."""
    degrees = [(name, getattr(plan.strategy, name)) for name in _DEGREES]
    return " ".join(f"{name}{value}" for name, value in degrees if value > 1) or "dp1"
