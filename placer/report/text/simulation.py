"""A simulation as text: the estimate beside it, links, stages, percentiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from placer.report.loss import signed_percent
from placer.report.palette import COMPONENTS
from placer.report.text.canvas import WIDTH, bar, rendered, runs, section, span, table
from placer.units import format_percent, format_size, format_time

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType
    from rich.table import Table

    from placer.simulate.result import Simulation


def render_simulation(
    simulation: Simulation, *, saved_as: str = "", colour: bool = False, width: int = WIDTH
) -> str:
    """The simulation as text of at most ``width`` columns."""
    return rendered(_parts(simulation, saved_as), colour=colour, width=width)


def _parts(simulation: Simulation, saved_as: str) -> Iterator[RenderableType]:
    plan = simulation.plan
    yield Text(f"{plan.model.name} on {plan.cluster.name}, simulated", style="bold")
    estimate_s = plan.estimate.step_time_s
    yield Text(
        f"step {format_time(simulation.step_time_s)}, estimated {format_time(estimate_s)}"
        f" ({signed_percent(simulation.relative_difference)})"
    )
    title = f"Where the time goes (stage {simulation.critical_stage}, which computes longest)"
    yield section(title, components_table(simulation))
    yield section("Links", links_table(simulation))
    yield section("Stages", stages_table(simulation))
    if simulation.percentiles:
        yield section("Steps that vary", percentiles_table(simulation))
    if saved_as:
        yield Text(f"\ntrace: {saved_as} (open it at https://ui.perfetto.dev)")


def components_table(simulation: Simulation) -> Table:
    """One row per component that takes any time in either account."""
    grid = table(
        ("component", "left"),
        ("simulated", "right"),
        ("estimated", "right"),
        ("of the step", "right"),
        ("", "left"),
    )
    estimated = simulation.plan.estimate.breakdown
    longest = max(c.seconds(simulation.breakdown) for c in COMPONENTS)
    for component in COMPONENTS:
        seconds, before = component.seconds(simulation.breakdown), component.seconds(estimated)
        if seconds > 0.0 or before > 0.0:
            grid.add_row(
                component.label,
                format_time(seconds),
                format_time(before),
                signed_percent((seconds - before) / simulation.step_time_s),
                bar(seconds / longest, component.colour),
            )
    steps = (simulation.step_time_s, simulation.plan.estimate.step_time_s)
    change = signed_percent((steps[0] - steps[1]) / steps[0])
    grid.add_row(Text("step"), *(format_time(s) for s in steps), change, "", style="bold")
    return grid


def links_table(simulation: Simulation) -> Table:
    """One row per kind of link."""
    grid = table(
        ("kind", "left"),
        ("links", "right"),
        ("carried", "right"),
        ("mean use", "right"),
        ("busiest", "right"),
    )
    for link in simulation.links:
        grid.add_row(
            link.kind,
            f"{link.links:,}",
            format_size(link.carried_bytes),
            format_percent(link.mean_utilisation),
            format_percent(link.peak_utilisation),
        )
    return grid


def stages_table(simulation: Simulation) -> Table:
    """One row per run of stages that do alike."""
    grid = table(
        ("stage", "left"), ("computes", "right"), ("activations at peak", "right"), ("of", "left")
    )
    rows = [
        (
            format_percent(stage.busy_share),
            format_size(stage.peak_activation_bytes),
            f"{stage.peak_microbatches:.4g} micro-batches",
        )
        for stage in simulation.stages
    ]
    for first, last, _ in runs("|".join(row) for row in rows):
        grid.add_row(span(first, last), *rows[first])
    return grid


def percentiles_table(simulation: Simulation) -> Table:
    """Step time at each share of the samples, and what it loses to the step as planned."""
    grid = table(("of all steps", "right"), ("take at most", "right"), ("loss", "right"))
    for percentile in simulation.percentiles:
        loss = percentile.step_time_s / simulation.step_time_s - 1.0
        grid.add_row(
            format_percent(percentile.share),
            format_time(percentile.step_time_s),
            signed_percent(loss),
        )
    return grid
