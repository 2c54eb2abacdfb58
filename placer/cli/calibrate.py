"""``placer calibrate``: fit the cost model to the user's own measurements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from placer.cli.console import is_coloured, write
from placer.cli.output_file import write_file


def calibrate(
    *,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="The calibration file to write.")
    ],
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="NAME-OR-FILE", help="The cluster that collectives and products ran on."
        ),
    ] = None,
    nccl: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Output of nccl-tests or rccl-tests; repeatable."),
    ] = None,
    gemm: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A CSV of matrix products: m,n,k,precision,tflops."),
    ] = None,
    runs: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A CSV of measured steps, as placer validate reads it."),
    ] = None,
    clock: Annotated[
        float, typer.Option(metavar="RATIO", help="Clock under the power cap over the usual one.")
    ] = 1.0,
    straggler: Annotated[
        float, typer.Option(metavar="RATIO", help="Step time with the slowest part over typical.")
    ] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Fit the constants to measured collectives, matrix products and steps; one step is enough."""
    from placer.report.calibration_text import calibration_data, render_calibration
    from placer.validate.calibration import calibration_yaml
    from placer.validate.calibration_inputs import calibrate_files

    calibrated = calibrate_files(
        cluster=cluster,
        nccl=tuple(nccl or ()),
        gemm=gemm,
        runs=runs,
        clock=clock,
        straggler=straggler,
    )
    write_file(output, calibration_yaml(calibrated.calibration), "--output")
    if as_json:
        write(json.dumps(calibration_data(calibrated), indent=1, allow_nan=False))
    else:
        write(render_calibration(calibrated, saved_as=str(output), colour=is_coloured()))
