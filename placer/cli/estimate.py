"""``placer estimate``: what a configuration the user already has costs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from placer.cli.console import is_coloured, page_width, say, write
from placer.cli.options import (
    AsJson,
    Calibration,
    Cluster,
    FeatureTexts,
    Framework,
    GlobalBatchSize,
    GlobalBatchTokens,
    Gpus,
    Model,
    OptimizerName,
    PlanOutput,
    PrecisionName,
    SeqLen,
    given,
    parse_tokens,
)


def _degree(name: str, text: str) -> Any:
    return typer.Option(f"--{name}", metavar="N", help=text, show_default=False)


def estimate(
    model: Model,
    cluster: Cluster,
    *,
    tp: Annotated[int | None, _degree("tp", "Tensor parallel.")] = None,
    cp: Annotated[int | None, _degree("cp", "Context parallel.")] = None,
    ep: Annotated[int | None, _degree("ep", "Expert parallel.")] = None,
    etp: Annotated[
        int | None, _degree("etp", "Tensor parallel of experts; tp if not given.")
    ] = None,
    pp: Annotated[int | None, _degree("pp", "Pipeline stages.")] = None,
    vpp: Annotated[int | None, _degree("vpp", "Model chunks per pipeline stage.")] = None,
    dp: Annotated[int | None, _degree("dp", "Replicas; what the GPUs allow if not given.")] = None,
    micro_batch_size: Annotated[
        int | None, _degree("micro-batch-size", "Sequences per micro-batch.")
    ] = None,
    zero_stage: Annotated[int | None, _degree("zero-stage", "0 to 3; 1 if not given.")] = None,
    recompute: Annotated[
        str | None,
        typer.Option("--recompute", metavar="NAME", help="none (default), selective or full."),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="These and rarer settings as YAML."),
    ] = None,
    global_batch_size: GlobalBatchSize = None,
    global_batch_tokens: GlobalBatchTokens = None,
    seq_len: SeqLen = None,
    gpus: Gpus = None,
    precision: PrecisionName = None,
    framework: Framework = None,
    optimizer: OptimizerName = None,
    feature: FeatureTexts = None,
    calibration: Calibration = None,
    output: PlanOutput = None,
    as_json: AsJson = False,
) -> None:
    """Cost a configuration, without any search."""
    from placer import api
    from placer.plan.serialise import plan_to_json
    from placer.report.text.page import render_plan

    degrees = given(
        tp=tp,
        cp=cp,
        ep=ep,
        etp=etp,
        pp=pp,
        vpp=vpp,
        dp=dp,
        micro_batch_size=micro_batch_size,
        zero_stage=zero_stage,
        recompute=recompute,
    )
    run = given(
        global_batch_size=global_batch_size,
        global_batch_tokens=parse_tokens(global_batch_tokens),
        seq_len=seq_len,
        precision=precision,
        framework=framework,
        optimizer=optimizer,
        features=api.parse_features(feature) if feature else None,
    )
    configuration, options = api.read_configuration(config, degrees, run)
    plan = api.estimate(
        model, cluster, configuration, options, max_gpus=gpus, calibration=calibration
    )
    if output is not None:
        api.save_plan(plan, output)
    if as_json:
        write(plan_to_json(plan))
    else:
        write(
            render_plan(plan, saved_as=str(output or ""), colour=is_coloured(), width=page_width())
        )
    if not plan.estimate.fits:
        say("warning: this configuration does not fit the memory", style="yellow")
