"""``placer plan``: the fastest placement of a model on a cluster, with its proof."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from placer.cli.console import is_coloured, page_width, say, write
from placer.cli.options import (
    AsJson,
    Calibration,
    Cluster,
    FeatureTexts,
    Fix,
    Forbid,
    Framework,
    Gap,
    GlobalBatchSize,
    GlobalBatchTokens,
    Gpus,
    MemoryHeadroom,
    Model,
    OptimizerName,
    PlanOutput,
    PrecisionName,
    Seed,
    SeqLen,
    TimeLimit,
    asked_run,
    asked_search,
)
from placer.cli.progress import ProgressLine, interruptible
from placer.cli.site_options import (
    PANEL as SITES_PANEL,
)
from placer.cli.site_options import (
    CrossSite,
    Extrapolate,
    InnerSteps,
    MinReplicas,
    OuterBits,
    QualityExchange,
    QualityTable,
    asked_of_sites,
)

_CUT = {
    "optimal": " while looking for the next best plans; the best is proven",
    "feasible": "; this is the best plan found so far",
}


PlayedPlans = Annotated[
    int,
    typer.Option(
        min=0, max=100, metavar="K", help="Play a step of the K best plans; the fastest wins."
    ),
]
Job = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Work beside the step: checkpoint copies, evaluation, inference, rollouts, standby.",
        rich_help_panel=SITES_PANEL,
    ),
]


def plan(
    model: Model,
    cluster: Cluster,
    *,
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
    top: Annotated[int, typer.Option(metavar="K", help="Plans to show, the best included.")] = 3,
    gap: Gap = 0.005,
    time_limit: TimeLimit = None,
    memory_headroom: MemoryHeadroom = 0.03,
    simulate: PlayedPlans = 0,
    job: Job = None,
    cross_site: CrossSite = None,
    inner_steps: InnerSteps = None,
    outer_bits: OuterBits = None,
    min_replicas_after_site_loss: MinReplicas = None,
    quality_exchange: QualityExchange = None,
    quality: QualityTable = None,
    extrapolate: Extrapolate = None,
    seed: Seed = 0,
    calibration: Calibration = None,
    output: PlanOutput = None,
    as_json: AsJson = False,
) -> None:
    """Find the placement with the smallest step time; Ctrl-C gives the best so far."""
    start_s = time.perf_counter()
    from placer import api
    from placer.plan.serialise import plan_to_json
    from placer.report.text.page import render_plan

    options = asked_search(
        gap=gap,
        top=top,
        time_limit_s=time_limit,
        memory_headroom=memory_headroom,
        seed=seed,
        gpus=gpus,
        fix=fix,
        forbid=forbid,
    )
    run = asked_run(
        global_batch_size=global_batch_size,
        global_batch_tokens=global_batch_tokens,
        seq_len=seq_len,
        precision=precision,
        framework=framework,
        optimizer=optimizer,
        feature=feature,
    )
    with interruptible(), ProgressLine() as progress:
        found = api.plan(
            model,
            cluster,
            run,
            options,
            asked_of_sites(
                modes=cross_site,
                quality=quality,
                inner_steps=inner_steps,
                outer_bits=outer_bits,
                min_replicas_after_loss=min_replicas_after_site_loss,
                quality_exchange=quality_exchange,
                extrapolate=extrapolate,
            ),
            calibration=calibration,
            simulate=simulate,
            job=job,
            listener=progress,
        )
    if found.provenance.limits.wall_clock_cut:
        say(f"warning: cut short{_CUT[found.status.value]}", style="yellow")
    if output is not None:
        api.save_plan(found, output)
    if as_json:
        write(plan_to_json(found))
        return
    wall_s = time.perf_counter() - start_s
    saved_as = str(output or "")
    write(
        render_plan(
            found, wall_s=wall_s, saved_as=saved_as, colour=is_coloured(), width=page_width()
        )
    )
