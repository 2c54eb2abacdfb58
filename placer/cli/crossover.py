"""``placer crossover``: what should cross the links between sites, by bandwidth and distance."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from placer.cli.console import is_coloured, page_width, say, write
from placer.cli.options import (
    AsJson,
    Cluster,
    FeatureTexts,
    Framework,
    GlobalBatchSize,
    GlobalBatchTokens,
    Model,
    OptimizerName,
    PrecisionName,
    SeqLen,
    asked_run,
)
from placer.cli.output_file import write_file
from placer.cli.progress import CountLine
from placer.cli.site_options import (
    CrossSite,
    Extrapolate,
    InnerSteps,
    MinReplicas,
    OuterBits,
    QualityTable,
    asked_of_sites,
)


def crossover(
    model: Model,
    cluster: Cluster,
    *,
    bandwidth: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RATE",
            help="Of every link, one direction, as 800 Gbit/s; repeatable."
            " 100 Gbit/s to 6.4 Tbit/s in doublings if not given.",
        ),
    ] = None,
    distance: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LENGTH",
            help="Of every link, as 1000 km; repeatable. 10, 100, 1000 and 3000 km if not given.",
        ),
    ] = None,
    global_batch_size: GlobalBatchSize = None,
    global_batch_tokens: GlobalBatchTokens = None,
    seq_len: SeqLen = None,
    precision: PrecisionName = None,
    framework: Framework = None,
    optimizer: OptimizerName = None,
    feature: FeatureTexts = None,
    cross_site: CrossSite = None,
    inner_steps: InnerSteps = None,
    outer_bits: OuterBits = None,
    min_replicas_after_site_loss: MinReplicas = None,
    quality: QualityTable = None,
    extrapolate: Extrapolate = None,
    gap: Annotated[
        float, typer.Option(metavar="FRACTION", help="Stop each search when proven this close.")
    ] = 0.01,
    svg: Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Draw the map.")] = None,
    markdown: Annotated[
        Path | None,
        typer.Option("--markdown", metavar="FILE", help="Write the tables as Markdown."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Find what should cross the links between sites, for each bandwidth and length of them."""
    from placer import api
    from placer.report.crossover.document import crossover_json
    from placer.report.crossover.markdown import crossover_markdown
    from placer.report.crossover.picture import crossover_svg
    from placer.report.crossover.terminal import render_crossover

    run = asked_run(
        global_batch_size=global_batch_size,
        global_batch_tokens=global_batch_tokens,
        seq_len=seq_len,
        precision=precision,
        framework=framework,
        optimizer=optimizer,
        feature=feature,
    )
    grid = api.link_grid(tuple(bandwidth or ()), tuple(distance or ()))
    with CountLine("cells") as progress:
        found = api.crossover(
            model,
            cluster,
            run,
            api.SearchOptions(gap=gap, top=1),
            asked_of_sites(
                modes=cross_site,
                quality=quality,
                inner_steps=inner_steps,
                outer_bits=outer_bits,
                min_replicas_after_loss=min_replicas_after_site_loss,
                extrapolate=extrapolate,
            ),
            grid=grid,
            listener=progress,
        )
    if svg is not None:
        write_file(svg, crossover_svg(found), "--svg")
        say(f"wrote {svg}")
    if markdown is not None:
        write_file(markdown, crossover_markdown(found), "--markdown")
        say(f"wrote {markdown}")
    if as_json:
        write(crossover_json(found))
        return
    write(render_crossover(found, colour=is_coloured(), width=page_width()))
