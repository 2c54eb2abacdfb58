"""The command line as a whole: its commands, and what becomes of errors.

Nothing heavy is imported before a command runs, so that ``placer --help`` is quick.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from placer import __version__
from placer.cli.calibrate import calibrate
from placer.cli.compare import compare
from placer.cli.console import prepare_streams, say, write
from placer.cli.crossover import crossover
from placer.cli.emit import emit
from placer.cli.estimate import estimate
from placer.cli.explain import explain
from placer.cli.import_ import import_
from placer.cli.interrupts import interrupts
from placer.cli.plan import plan
from placer.cli.report import report
from placer.cli.schema import schema
from placer.cli.show import show
from placer.cli.simulate import simulate
from placer.cli.sweep import sweep
from placer.cli.validate import validate
from placer.cli.verify import verify
from placer.errors import InputError, InternalError, PlacerError

app = typer.Typer(
    name="placer",
    help="Places the training of a language model on a cluster: degrees, positions, step time, proof.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: half the time, and fit for a pipe
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        write(f"placer {__version__}")
        raise typer.Exit


@app.callback()
def _global_options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Options before the command; the help text is the app's own."""


app.command("plan")(plan)
app.command("estimate")(estimate)
app.command("emit")(emit)
app.command("compare")(compare)
app.command("crossover")(crossover)
app.command("explain")(explain)
app.command("report")(report)
app.command("simulate")(simulate)
app.command("sweep")(sweep)
app.command("import")(import_)
app.command("show")(show)
app.command("schema")(schema)
app.command("validate")(validate)
app.command("verify")(verify)
app.command("calibrate")(calibrate)


def main() -> None:
    """Run the command line; the only place where errors become text and exit codes."""
    prepare_streams()
    try:
        app(prog_name="placer")
    except PlacerError as error:
        _report(error)
        sys.exit(error.exit_code)
    except Exception as error:
        if interrupts.seen and isinstance(error, (ImportError, SystemError)):
            raise KeyboardInterrupt from error  # what an extension module made of it
        _report_defect(error)
        sys.exit(InternalError.exit_code)


def _report(error: PlacerError) -> None:
    """Say what a user can act on; problems stand bare, so that editors find file:line:column."""
    if isinstance(error, InternalError):
        _report_defect(error)
    elif isinstance(error, InputError):
        say(str(error), style="red")
    else:
        say(f"error: {error}", style="red")


def _report_defect(error: Exception) -> None:
    """Say in one line what broke and how to report it; the traceback is for who asks for it."""
    if os.environ.get("PLACER_DEBUG"):
        import traceback

        say("".join(traceback.format_exception(error)))
    summary = (str(error).splitlines() or [""])[0]
    say(
        f"error: a defect in placer {__version__} ({type(error).__name__}: {summary}). Please report"
        " it with the command, its input files and what it prints under PLACER_DEBUG=1.",
        style="red",
    )
