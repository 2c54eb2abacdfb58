"""``python -m placer``, and what the installed command runs."""

from __future__ import annotations

import signal
import sys

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C ended, as the shell gives it: 128 + SIGINT."""


def main() -> None:
    """Run the command line; Ctrl-C ends it without a traceback, also while its modules load."""
    handler = signal.getsignal(signal.SIGINT)
    quiet = handler if handler is signal.SIG_IGN else signal.SIG_DFL
    signal.signal(signal.SIGINT, quiet)
    from placer.cli.app import main as run
    from placer.cli.interrupts import interrupts

    try:
        signal.signal(signal.SIGINT, quiet if handler is signal.SIG_IGN else interrupts)
        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        signal.signal(signal.SIGINT, quiet)


if __name__ == "__main__":
    main()
