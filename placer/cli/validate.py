"""``placer validate``: predicted against measured step time and memory, row by row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from placer.cli.console import is_coloured, say, write
from placer.cli.output_file import write_file
from placer.errors import InputError, Problem

COLLECTIVES: Final = "nccl_measured"
"""The table of measured collectives, of another form than runs."""
UTILISATION: Final = "bandwidth_for_utilisation"
"""The table of bandwidths between sites, of another form too."""


def validate(
    runs: Annotated[
        str,
        typer.Argument(
            metavar="RUNS",
            help="A CSV file of measured runs, or a table that travels with placer:"
            " measured_runs, measured_small_models, nccl_measured (collectives),"
            " bandwidth_for_utilisation (between sites).",
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
    html: Annotated[
        Path | None, typer.Option("--html", metavar="FILE", help="Write one self-contained page.")
    ] = None,
) -> None:
    """Compare the cost model with measured runs: every row, every group, every choice."""
    if runs in (COLLECTIVES, UTILISATION):
        given = {"--all": every_row, "--markdown": markdown, "--svg": svg, "--html": html}
        refuse_beside_runs(runs, given)
        write_table = write_collectives if runs == COLLECTIVES else write_utilisation
        write_table(as_json=as_json)
    else:
        files = {"--markdown": markdown, "--svg": svg, "--html": html}
        write_runs(runs, every_row=every_row, as_json=as_json, files=files)


def write_runs(
    runs: str, *, every_row: bool, as_json: bool, files: Mapping[str, Path | None]
) -> None:
    """Measured runs, and how published out-of-memory reports are judged; files by their option."""
    from placer.cost.constants import load_constants
    from placer.report.html.validation_page import validation_page
    from placer.report.validation_json import validation_json
    from placer.report.validation_markdown import validation_markdown
    from placer.report.validation_svg import validation_svg
    from placer.report.validation_text import render_validation
    from placer.validate.oom import judge_oom_reports
    from placer.validate.validation import validate_table

    validation = validate_table(runs, every_row=every_row)
    reports = judge_oom_reports(load_constants())
    writers: dict[str, Callable[[], str]] = {
        "--markdown": lambda: validation_markdown(validation),
        "--svg": lambda: validation_svg(validation),
        "--html": lambda: validation_page(validation, reports),
    }
    for option, path in files.items():
        if path is not None:
            write_file(path, writers[option](), option)
            say(f"wrote {path}")
    if as_json:
        write(validation_json(validation, reports))
    else:
        write(render_validation(validation, colour=is_coloured(), reports=reports))


def write_collectives(*, as_json: bool) -> None:
    """Measured collectives."""
    from placer.cost.constants import load_constants
    from placer.report.collectives_json import collectives_json
    from placer.report.collectives_text import render_collectives
    from placer.validate.collectives import check_collectives

    check = check_collectives(load_constants())
    write(collectives_json(check) if as_json else render_collectives(check, colour=is_coloured()))


def write_utilisation(*, as_json: bool) -> None:
    """Bandwidth between sites for a share of time spent computing."""
    from placer.cost.across.utilisation import published_utilisation
    from placer.report.utilisation_json import utilisation_json
    from placer.report.utilisation_text import render_utilisation

    table = published_utilisation()
    write(utilisation_json(table) if as_json else render_utilisation(table, colour=is_coloured()))


def refuse_beside_runs(table: str, options: Mapping[str, object]) -> None:
    """Options that say something of measured runs only.

    Raises
    ------
    InputError
        When one of them is given.
    """
    problems = [
        Problem(
            source=name,
            expected=f"no {name} with {table}, which is no table of runs",
            found=name,
            remedy="Print the text, or --json.",
        )
        for name, value in options.items()
        if value
    ]
    if problems:
        raise InputError(problems)
