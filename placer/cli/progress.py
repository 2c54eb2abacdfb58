"""Progress of a search on stderr: a line that changes on a terminal, a line a second elsewhere."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, Self

from placer.cli.console import say, talk_console

if TYPE_CHECKING:
    from types import TracebackType

    from rich.live import Live
    from rich.progress import Progress as ProgressBar
    from rich.progress import TaskID

    from placer.search.result import Progress

PLAIN_INTERVAL_S: Final = 1.0


class ProgressLine:
    """A listener of the search; a context manager that leaves nothing behind on a terminal."""

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
