"""``placer validate``: predicted against measured step time and memory, row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from placer.cli.console import is_coloured, say, write
from placer.cli.output_file import write_file


def validate(
    runs: Annotated[
        str,
        typer.Argument(
            metavar="RUNS",
            help="A CSV file of measured runs, or a table that travels with placer:"
            " measured_runs, measured_small_models.",
        ),
    ] = "measured_runs",
    *,
    every_row: Annotated[bool, typer.Option("--all", help="Try incomplete rows too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    markdown: Annotated[
        Path | None,
        typer.Option("--markdown", metavar="FILE", help="Write the tables as Markdown."),
    ] = None,
    svg: Annotated[
        Path | None,
        typer.Option("--svg", metavar="FILE", help="Draw predicted against measured."),
    ] = None,
) -> None:
    """Compare the cost model with measured runs: every row, every group, every choice."""
    from placer.cost.constants import load_constants
    from placer.report.validation_json import validation_json
    from placer.report.validation_markdown import validation_markdown
    from placer.report.validation_svg import validation_svg
    from placer.report.validation_text import render_validation
    from placer.validate.oom import judge_oom_reports
    from placer.validate.validation import validate_table

    validation = validate_table(runs, every_row=every_row)
    if markdown is not None:
        write_file(markdown, validation_markdown(validation), "--markdown")
        say(f"wrote {markdown}")
    if svg is not None:
        write_file(svg, validation_svg(validation), "--svg")
        say(f"wrote {svg}")
    if as_json:
        write(validation_json(validation))
    else:
        reports = judge_oom_reports(load_constants())
        write(render_validation(validation, colour=is_coloured(), reports=reports))
