"""Options that several commands share, with the same words everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from placer.api import RunOptions, SearchOptions

Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="A name in models/, a YAML file, or a Hugging Face config.json.",
        show_default=False,
    ),
]
Cluster = Annotated[
    str,
    typer.Argument(
        metavar="CLUSTER", help="A name in clusters/, or a YAML file.", show_default=False
    ),
]
GlobalBatchSize = Annotated[
    int | None,
    typer.Option("--global-batch-size", metavar="N", help="Sequences per step."),
]
GlobalBatchTokens = Annotated[
    str | None,
    typer.Option("--global-batch-tokens", metavar="N", help="Tokens per step, such as 16M."),
]
SeqLen = Annotated[int | None, typer.Option("--seq-len", metavar="N", help="Tokens per sequence.")]
Gpus = Annotated[int | None, typer.Option("--gpus", metavar="N", help="Use at most so many GPUs.")]
PrecisionName = Annotated[
    str | None,
    typer.Option("--precision", metavar="NAME", help="bf16 (default), fp8, mxfp8 or nvfp4."),
]
Framework = Annotated[
    str | None,
    typer.Option(
        "--framework",
        metavar="NAME",
        help="Whose rules bind, a release as megatron@0.17.1; any for none. [default: megatron]",
    ),
]
Calibration = Annotated[
    Path | None,
    typer.Option("--calibration", metavar="FILE", help="Constants of placer calibrate."),
]
FeatureTexts = Annotated[
    list[str] | None,
    typer.Option(
        "--feature",
        metavar="NAME=VALUE",
        help="What the software does, as tp_comm_overlap=on; repeatable. placer schema run lists them.",
    ),
]
OptimizerName = Annotated[
    str | None,
    typer.Option("--optimizer", metavar="NAME", help="adam (default), adam_bf16, muon, ..."),
]
Fix = Annotated[
    list[str] | None,
    typer.Option("--fix", metavar="AXIS=VALUE", help="Pin an axis, as tp=8; repeatable."),
]
Forbid = Annotated[
    list[str] | None,
    typer.Option("--forbid", metavar="AXIS", help="Do without an axis, as cp; repeatable."),
]
Gap = Annotated[float, typer.Option(metavar="FRACTION", help="Stop when proven this close.")]
TimeLimit = Annotated[float | None, typer.Option(metavar="SECONDS", help="Stop after so long.")]
MemoryHeadroom = Annotated[
    float, typer.Option(metavar="FRACTION", help="Leave this share of the memory limit free.")
]
Seed = Annotated[int, typer.Option(metavar="N", help="Seed of the solver.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
PlanOutput = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the plan as JSON.")
]


def given(**options: Any) -> dict[str, Any]:
    """The options that were typed."""
    return {name: value for name, value in options.items() if value is not None}


def asked_run(
    *, global_batch_tokens: str | None, feature: list[str] | None, **options: Any
) -> RunOptions:
    """What was typed about the run; placer chooses the rest."""
    from placer import api

    typed = given(
        **options,
        global_batch_tokens=parse_tokens(global_batch_tokens),
        features=api.parse_features(feature) if feature else None,
    )
    return api.read_configuration(None, {}, typed)[1]


def asked_search(
    *, gpus: int | None, fix: list[str] | None, forbid: list[str] | None, **options: Any
) -> SearchOptions:
    """What was typed about the search: limits and restrictions."""
    from placer import api

    restrictions = api.restrictions(fix or (), forbid or ())
    return api.SearchOptions(max_gpus=gpus, fix=restrictions, **options)


def parse_tokens(text: str | None, option: str = "--global-batch-tokens") -> float | None:
    """Read a number of tokens that ``option`` gave.

    Raises
    ------
    InputError
        When it is not a number of tokens.
    """
    if text is None:
        return None
    from placer.errors import InputError, Problem
    from placer.units import Dimension, QuantityError, parse_quantity

    try:
        return parse_quantity(text, Dimension.COUNT)
    except QuantityError as error:
        problem = Problem(
            source=option,
            expected=error.expected,
            found=error.found,
            remedy=error.remedy,
        )
        raise InputError((problem,)) from error
