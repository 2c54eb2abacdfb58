"""What every stage does when, as the simulation plays it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from placer.report.loss import signed_percent
from placer.report.palette import COMPONENTS
from placer.report.svg.figure import Drawing, Figure, figure
from placer.report.svg.ramp import tinted
from placer.report.svg.timeline import Kind, Track, timeline
from placer.report.tabular import Table, columns
from placer.simulate.ops import Pass
from placer.units import format_percent, format_size, format_time

if TYPE_CHECKING:
    from placer.simulate.result import Simulation

_COLOUR: Final = {component.field: component.colour for component in COMPONENTS}
PASSES: Final = {
    Pass.FORWARD: Kind(name="forward", colour=tinted(_COLOUR["compute"], 0.45)),
    Pass.BACKWARD: Kind(name="backward", colour=_COLOUR["compute"]),
    Pass.INPUT_GRADIENT: Kind(name="backward, of inputs", colour=_COLOUR["compute"]),
    Pass.WEIGHT_GRADIENT: Kind(
        name="backward, of weights", colour=tinted(_COLOUR["compute"], -0.4)
    ),
}
"""Shades of the colour of computation: passes contain what tensor and experts exchange."""

REPLICAS: Final = Kind(name="between replicas", colour=_COLOUR["dp"], strip=True)
OPTIMIZER: Final = Kind(name="optimizer", colour=_COLOUR["optimizer"])


def pipeline_figure(simulation: Simulation) -> Figure:
    """One row per stage of the pipeline that ends last."""
    lane = _latest_lane(simulation)
    tracks = tuple(_track(simulation, lane, s) for s in range(len(simulation.stages)))
    present = {kind for track in tracks for kind, spans in track.spans if spans}
    kinds = [kind for kind in (*PASSES.values(), REPLICAS, OPTIMIZER) if kind in present]

    def draw(width: float) -> Drawing:
        return timeline(
            tracks,
            simulation.step_time_s,
            width,
            axis="time in the step (s)",
            row_title="stage",
            tell="{:.4g}".format,
        )

    return figure(
        "pipeline",
        draw,
        finding=_finding(simulation, _busy(tracks, simulation.step_time_s)),
        note=_note(simulation),
        table=_table(simulation, _busy(tracks, simulation.step_time_s)),
        legend=tuple((kind.colour, kind.name) for kind in kinds),
    )


def _latest_lane(simulation: Simulation) -> int:
    last = max(simulation.outcome.spans, key=lambda span: (span.end_s, -span.lane))
    return last.lane


def _track(simulation: Simulation, lane: int, stage: int) -> Track:
    outcome = simulation.outcome
    passes: dict[Pass, list[tuple[float, float]]] = {kind: [] for kind in PASSES}
    for span in outcome.spans:
        if span.lane == lane and span.stage == stage:
            passes[span.op.kind].append((span.start_s, span.end_s))
    jobs = sorted((job.start_s, job.end_s) for job in outcome.collected if job.stage == stage)
    end_s, optimizer_s = simulation.step_time_s, simulation.breakdown.optimizer
    spans = [(PASSES[kind], tuple(sorted(own))) for kind, own in passes.items()]
    spans.append((REPLICAS, tuple(jobs)))
    spans.append((OPTIMIZER, ((end_s - optimizer_s, end_s),) if optimizer_s > 0.0 else ()))
    return Track(name=str(stage), spans=tuple(spans))


def _busy(tracks: tuple[Track, ...], step_time_s: float) -> tuple[float, ...]:
    """Share of the step that each row spends in passes."""
    return tuple(
        sum(
            end - start
            for kind, spans in track.spans
            if kind in PASSES.values()
            for start, end in spans
        )
        / step_time_s
        for track in tracks
    )


def _finding(simulation: Simulation, shares: tuple[float, ...]) -> str:
    step = f"the step takes {format_time(simulation.step_time_s)} in the simulation"
    difference = f"{signed_percent(simulation.relative_difference)} against the estimate"
    low, high = format_percent(min(shares)), format_percent(max(shares))
    busy = high if low == high else f"{low} to {high}"
    return f"Stages work {busy} of the time; {step}, {difference}"


def _note(simulation: Simulation) -> str:
    alike = (
        f" Of {simulation.num_lanes} kinds of pipeline, told apart by where they sit, the one that ends last."
        if simulation.num_lanes > 1
        else ""
    )
    return (
        "A step played event by event; grey is waiting. Each stage runs its micro-batches through its"
        f" layers forward and backward.{alike} placer simulate --trace FILE shows every event."
    )


def _table(simulation: Simulation, shares: tuple[float, ...]) -> Table:
    rows = tuple(
        (
            str(number),
            format_percent(shares[number]),
            format_size(stage.peak_activation_bytes),
            f"{stage.peak_microbatches:.3g}",
        )
        for number, stage in enumerate(simulation.stages)
    )
    return Table(
        caption="Stages in the simulated step",
        columns=columns("stage", "works>", "activations at peak>", "micro-batches in flight>"),
        rows=rows,
    )
