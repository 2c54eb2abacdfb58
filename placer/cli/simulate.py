"""``placer simulate``: a plan played event by event, beside its estimate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from placer.cli.console import is_coloured, page_width, say, write
from placer.cli.options import AsJson
from placer.cli.output_file import write_file


def simulate(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan file.", show_default=False)],
    *,
    trace: Annotated[
        Path | None,
        typer.Option("--trace", metavar="FILE", help="Write a Chrome trace; Perfetto opens it."),
    ] = None,
    jitter: Annotated[
        float,
        typer.Option(
            min=0.0, max=1.0, metavar="SHARE", help="Standard deviation of a pass on one GPU."
        ),
    ] = 0.0,
    stragglers: Annotated[
        int, typer.Option(min=0, max=1000, metavar="N", help="GPUs that are slow in each sample.")
    ] = 0,
    slowdown: Annotated[
        float,
        typer.Option(min=1.0, max=100.0, metavar="TIMES", help="How many times as long they take."),
    ] = 1.2,
    samples: Annotated[
        int, typer.Option(min=2, max=10_000, metavar="N", help="Steps to sample.")
    ] = 20,
    seed: Annotated[int, typer.Option(metavar="N", help="What the samples are drawn from.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Play one step of a plan: stages, transfers and collectives over the links it uses."""
    from placer import api
    from placer.report.simulation_json import simulation_json
    from placer.report.text.simulation import render_simulation
    from placer.simulate.trace import chrome_trace
    from placer.simulate.variation import Variation

    variation = Variation(
        jitter=jitter, stragglers=stragglers, slowdown=slowdown, samples=samples, seed=seed
    )
    simulation = api.simulate(api.load_plan(plan), variation)
    if trace is not None:
        write_file(trace, chrome_trace(simulation), "--trace")
    if as_json:
        write(simulation_json(simulation))
        if trace is not None:
            say(f"wrote {trace}")
    else:
        saved_as = str(trace or "")
        page = render_simulation(
            simulation, saved_as=saved_as, colour=is_coloured(), width=page_width()
        )
        write(page)
