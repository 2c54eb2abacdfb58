"""``placer emit``: the files a plan is launched with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from placer.cli.console import write


def emit(
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="A plan file.", show_default=False)],
    *,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="DIR", help="Folder to write.", show_default=False),
    ],
    framework: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Target, with a release as in megatron@0.17.1; the plan's own when not given.",
            show_default=False,
        ),
    ] = None,
    launcher: Annotated[str, typer.Option(metavar="NAME", help="What starts the ranks.")] = "slurm",
) -> None:
    """Write framework configuration, launcher files and rank_table.json for a plan."""
    from placer.emit.files import emit_plan
    from placer.plan.serialise import load_plan

    loaded = load_plan(plan)
    for path in emit_plan(loaded, framework or loaded.run.framework, launcher, output):
        write(str(path))
