"""``placer sweep``: a design space from one template, every layout solved."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from placer.cli.console import is_coloured, page_width, say, write
from placer.cli.options import (
    AsJson,
    Calibration,
    FeatureTexts,
    Fix,
    Forbid,
    Framework,
    GlobalBatchSize,
    GlobalBatchTokens,
    Gpus,
    Model,
    OptimizerName,
    PrecisionName,
    Seed,
    SeqLen,
    asked_run,
    asked_search,
)
from placer.cli.output_file import write_file
from placer.cli.progress import CountLine

Template = Annotated[
    str,
    typer.Argument(
        metavar="TEMPLATE",
        help="A name in clusters/, or a YAML file, whose fields are varied.",
        show_default=False,
    ),
]


def sweep(
    model: Model,
    template: Template,
    *,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="KEY=V1,V2",
            help="A field and its values, as scale_out.nic=400 Gbit/s,800 Gbit/s; repeatable.",
        ),
    ] = None,
    global_batch_size: GlobalBatchSize = None,
    global_batch_tokens: GlobalBatchTokens = None,
    seq_len: SeqLen = None,
    gpus: Gpus = None,
    precision: PrecisionName = None,
    framework: Framework = None,
    optimizer: OptimizerName = None,
    feature: FeatureTexts = None,
    fix: Fix = None,
    forbid: Forbid = None,
    gap: Annotated[
        float, typer.Option(metavar="FRACTION", help="Stop each search when proven this close.")
    ] = 0.01,
    time_limit: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Stop each search after so long.")
    ] = None,
    seed: Seed = 0,
    sensitivity: Annotated[
        bool, typer.Option("--sensitivity", help="Ask what 10 % more of each resource buys.")
    ] = False,
    prices: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What parts cost; placer/data/prices.yaml is the form."),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Layouts solved at a time; as many as CPUs if not given."
        ),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Solve on this Dask cluster, as tcp://host:8786."),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep answers here instead of ~/.cache/placer/sweep."),
    ] = None,
    calibration: Calibration = None,
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one self-contained page.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Solve many layouts made from one template; stopped, it goes on where it was."""
    from placer import api
    from placer.report.sweep.document import sweep_json
    from placer.report.sweep.terminal import render_sweep

    run = asked_run(
        global_batch_size=global_batch_size,
        global_batch_tokens=global_batch_tokens,
        seq_len=seq_len,
        precision=precision,
        framework=framework,
        optimizer=optimizer,
        feature=feature,
    )
    options = asked_search(
        gap=gap, top=1, time_limit_s=time_limit, seed=seed, gpus=gpus, fix=fix, forbid=forbid
    )
    with CountLine("layouts") as progress:
        found = api.sweep(
            model,
            template,
            api.parse_axes(vary or ()),
            run,
            options,
            calibration=calibration,
            executor=api.executor(processes, scheduler),
            store=api.sweep_store(store),
            prices=prices,
            sensitivity=sensitivity,
            listener=progress,
        )
    if found.num_open:
        say(f"warning: stopped with {found.num_open:,} layouts open", style="yellow")
    if html is not None:
        from placer.report.sweep.page import sweep_page

        write_file(html, sweep_page(found), "--html")
    if as_json:
        write(sweep_json(found))
        return
    write(render_sweep(found, colour=is_coloured(), width=page_width()))
