"""Whether the user pressed Ctrl-C: some modules turn the interrupt of their import into an error."""

from __future__ import annotations

import signal
from types import FrameType


class Interrupts:
    """A handler of SIGINT that interrupts as Python's own does, and remembers."""

    def __init__(self) -> None:
        self.seen = False

    def __call__(self, number: int, frame: FrameType | None, /) -> None:
        """Raise ``KeyboardInterrupt``."""
        self.seen = True
        signal.default_int_handler(number, frame)


interrupts = Interrupts()
"""Of this process."""
