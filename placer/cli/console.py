"""The one place that writes to the terminal: stdout is data, stderr is talk.

Both are plain text unless they are a terminal; ``NO_COLOR`` is kept.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from functools import cache
from typing import TYPE_CHECKING, TextIO

import typer

from placer.errors import InputError, Problem

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
    """Write data to stdout, ending in one newline; quit where nobody reads it any more.

    Raises
    ------
    InputError
        When stdout takes no data: it is closed, or its disk is full.
    """
    try:
        if sys.stdout is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        sys.stdout.write(text.rstrip("\n") + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _discard(sys.stdout)
        raise typer.Exit(READER_GONE) from None
    except OSError as error:
        _discard(sys.stdout)
        found = error.strerror or str(error)
        problem = Problem(source="stdout", expected="a place to write to", found=found)
        raise InputError([problem]) from error


def _discard(stream: TextIO | None) -> None:
    """Let what a stream still holds go nowhere: Python flushes it once more at exit."""
    if stream is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


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
    if sys.stderr is None:
        return
    try:
        talk_console().print(text, style=style, markup=False)
        sys.stderr.flush()
    except OSError:  # nobody listens
        _discard(sys.stderr)


@cache
def talk_console() -> Console:
    """Console on stderr, for progress displays."""
    from rich.console import Console

    class Talk(Console):
        def on_broken_pipe(self) -> None:
            """Go on without talk where its reader left; rich would end the process."""
            _discard(sys.stderr)

    return Talk(stderr=True, highlight=False, soft_wrap=True)
