"""``placer estimate``: what a configuration the user already has costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from placer.cli.console import is_coloured, page_width, say, write
from placer.cli.options import (
    AsJson,
    Calibration,
    FeatureTexts,
    Framework,
    GlobalBatchSize,
    GlobalBatchTokens,
    Gpus,
    OptimizerName,
    PlanOutput,
    PrecisionName,
    SeqLen,
    given,
    parse_tokens,
)
from placer.cli.progress import ProgressLine
from placer.cli.site_options import CrossSiteOnce, InnerSteps, OuterBits
from placer.errors import InputError, Problem

if TYPE_CHECKING:
    from placer.api import JobFile
    from placer.plan.plan import Plan
    from placer.spec.model import ModelSpec


def _degree(name: str, text: str) -> Any:
    return typer.Option(f"--{name}", metavar="N", help=text, show_default=False)


ModelOrNone = Annotated[
    str | None,
    typer.Argument(
        metavar="MODEL",
        help="As for plan; may be left out where --config states a model.",
        show_default=False,
    ),
]
ClusterOrNone = Annotated[
    str | None,
    typer.Argument(
        metavar="CLUSTER", help="A name in clusters/, or a YAML file.", show_default=False
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="These and rarer settings as YAML, a Megatron-LM or torchtitan launch script, a"
        " torchtitan TOML, a DeepSpeed JSON.",
    ),
]
Compare = Annotated[
    bool, typer.Option("--compare", help="Search for the best plan and say what it would give.")
]


def estimate(
    model: ModelOrNone = None,
    cluster: ClusterOrNone = None,
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
    cross_site: CrossSiteOnce = None,
    inner_steps: InnerSteps = None,
    outer_bits: OuterBits = None,
    config: Config = None,
    compare: Compare = False,
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
        cross_site=cross_site,
        inner_steps=inner_steps,
        outer_bits=outer_bits,
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
    named, where = (model, cluster) if cluster is not None else (None, model)
    job = api.read_job(config, degrees, run, model=named, num_gpus=gpus)
    plan = api.estimate(
        _given_model(job, config),
        _given_cluster(where),
        job.configuration,
        job.run,
        max_gpus=gpus,
        calibration=calibration,
        notes=job.notes,
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
    if config is not None or compare:
        _write_grade(plan, compare=compare, calibration=calibration, talk=as_json)


def _write_grade(plan: Plan, *, compare: bool, calibration: Path | None, talk: bool) -> None:
    """What changing the configuration would give; beside JSON it is talk."""
    from placer import api

    if compare:
        with ProgressLine() as progress:
            grade = api.grade(plan, search=True, calibration=calibration, listener=progress)
    else:
        grade = api.grade(plan, calibration=calibration)
    sentences = [*grade.sentences]
    if not compare:
        sentences.append("What the best plan would give: add --compare.")
    text = "\n".join(["What changing it would give", *(f"  {line}" for line in sentences)])
    if talk:
        say(text)
    else:
        write(f"\n{text}")


def _given_model(job: JobFile, config: Path | None) -> ModelSpec | str:
    """The model typed, else the file's own.

    Raises
    ------
    InputError
        When there is neither.
    """
    if job.model is None:
        raise _missing("MODEL", "a model", f"{config} states none." if config else "")
    return job.model


def _given_cluster(named: str | None) -> str:
    if named is None:
        raise _missing("CLUSTER", "a cluster", "")
    return named


def _missing(argument: str, what: str, remedy: str) -> InputError:
    advice = f"{remedy} Type its name, `placer show` lists them.".lstrip()
    return InputError([Problem(source=argument, expected=what, found="nothing", remedy=advice)])
