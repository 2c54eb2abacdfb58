"""The one place that writes to the terminal: stdout is data, stderr is talk.

Both are plain text unless they are a terminal; ``NO_COLOR`` is kept.
"""

from __future__ import annotations

import os
import shutil
import sys
from functools import cache
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

READER_GONE = 141
"""Exit code of a command whose reader left, as the shell gives it: 128 + SIGPIPE."""


def prepare_streams() -> None:
    """Let neither stream fail over a character its encoding lacks."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


def write(text: str) -> None:
    """Write data to stdout, ending in one newline; quit where nobody reads it any more."""
    try:
        sys.stdout.write(text.rstrip("\n") + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes stdout once more at exit; give it somewhere to flush to.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(READER_GONE) from None


def is_coloured() -> bool:
    """Whether stdout is a terminal whose reader wants colour (https://no-color.org)."""
    return (
        sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )


def page_width() -> int:
    """Columns of a report: those of the terminal, 60 to 100; 100 where stdout is none."""
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else 100
    return max(60, min(100, columns))


def say(text: str, *, style: str | None = None) -> None:
    """Write talk to stderr: progress, warnings, errors."""
    talk_console().print(text, style=style, markup=False)


@cache
def talk_console() -> Console:
    """Console on stderr, for progress displays."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)
