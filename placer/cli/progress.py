"""Progress on stderr: a line that changes on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Self

from placer.cli.console import say, talk_console
from placer.errors import TimeLimitError

if TYPE_CHECKING:
    from types import TracebackType

    from rich.live import Live
    from rich.progress import Progress as ProgressBar
    from rich.progress import TaskID

    from placer.search.result import Progress

PLAIN_INTERVAL_S: Final = 1.0
COUNT_INTERVAL_S: Final = 10.0


class _LiveLine:
    """A line of text that changes in place on a terminal, and leaves nothing behind."""

    def __init__(self) -> None:
        self._live: Live | None = None
        self._last_s = 0.0

    def __enter__(self) -> Self:
        """Take the terminal's last line, where there is a terminal."""
        if talk_console().is_terminal:
            from rich.live import Live

            self._live = Live(console=talk_console(), transient=True, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the line back."""
        if self._live is not None:
            self._live.stop()


class ProgressLine(_LiveLine):
    """A listener of the search; a context manager that leaves nothing behind on a terminal."""

    def __call__(self, progress: Progress, /) -> None:
        """Show where the search stands."""
        if self._live is not None:
            self._live.update(progress_text(progress), refresh=True)
        elif progress.elapsed_s - self._last_s >= PLAIN_INTERVAL_S:
            self._last_s = progress.elapsed_s
            say(progress_text(progress))


class LayoutBar:
    """A listener of a comparison: a bar on a terminal, a line per layout elsewhere."""

    def __init__(self) -> None:
        self._bar: ProgressBar | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        """Take the terminal's last line, where there is a terminal."""
        if talk_console().is_terminal:
            from rich.progress import Progress as ProgressBar

            self._bar = ProgressBar(console=talk_console(), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("layouts", total=None)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the line back."""
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, name: str, num_done: int, num_layouts: int, /) -> None:
        """Show that a layout is done."""
        if self._bar is None or self._task is None:
            say(f"{num_done} of {num_layouts}: {name}")
        else:
            self._bar.update(self._task, completed=num_done, total=num_layouts, description=name)


@contextmanager
def interruptible() -> Iterator[None]:
    """Around a search that answers Ctrl-C with its best plan: what still comes out had none.

    Raises
    ------
    TimeLimitError
        When the user stopped the search before there was any plan.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise TimeLimitError("stopped before there was any plan") from None


def progress_text(progress: Progress) -> str:
    """``best 5.43 s, bound 5.41 s, gap 0.37 %, 12,345 candidates left, 34 placed, 1.8 s``."""
    from placer.units import format_time

    best = "no plan yet"
    gap = ""
    if math.isfinite(progress.incumbent_s):
        best = f"best {format_time(progress.incumbent_s)}"
        gap = f", gap {100 * progress.gap:.2f} %"
    return (
        f"{best}, bound {format_time(progress.lower_bound_s)}{gap}, {progress.candidates:,}"
        f" candidates, {progress.solved:,} placed, {progress.elapsed_s:.1f} s"
    )


class CountLine(_LiveLine):
    """So many of so many, with the time that is left; for work of many like parts."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self._what = what
        self._began_s = time.monotonic()

    def __call__(self, num_done: int, num_all: int, num_known: int, /) -> None:
        """Show how far it is; on no terminal every ten seconds, and at the end."""
        spent_s = time.monotonic() - self._began_s
        text = count_text(self._what, num_done, num_all, num_known, spent_s)
        if self._live is not None:
            self._live.update(text, refresh=True)
        elif num_done == num_all or spent_s - self._last_s >= COUNT_INTERVAL_S:
            self._last_s = spent_s
            say(text)


def count_text(what: str, num_done: int, num_all: int, num_known: int, spent_s: float) -> str:
    """``312 of 1,000 layouts, 40 known before, 118 s, about 260 s left``."""
    parts = [f"{num_done:,} of {num_all:,} {what}"]
    parts += [f"{num_known:,} known before"] if num_known else []
    parts.append(f"{spent_s:.0f} s")
    fresh = num_done - num_known
    if fresh > 0 and num_done < num_all:
        parts.append(f"about {spent_s / fresh * (num_all - num_done):.0f} s left")
    return ", ".join(parts)
