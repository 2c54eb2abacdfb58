"""``placer report``: a plan as one page for people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from placer.cli.console import write
from placer.cli.output_file import make_folder, write_file


def report(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan file.", show_default=False)],
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="The page to write, report.html."),
    ] = None,
    svg: Annotated[
        Path | None,
        typer.Option("--svg", metavar="DIR", help="Folder for the pictures as SVG files."),
    ] = None,
) -> None:
    """Write one self-contained page: why this plan, where everything sits, what was assumed."""
    from placer import api
    from placer.errors import InputError, Problem

    if output is None and svg is None:
        problem = Problem(
            source="--output",
            expected="a file for the page, or a folder for the pictures",
            found="neither",
            remedy="Add -o report.html, or --svg DIR.",
        )
        raise InputError([problem])
    made = api.report(api.load_plan(plan))
    if output is not None:
        write_file(output, made.html, "--output")
        write(str(output))
    if svg is not None:
        make_folder(svg, "--svg")
        for picture in made.pictures:
            path = svg / f"{picture.name}.svg"
            write_file(path, picture.svg, "--svg")
            write(str(path))
