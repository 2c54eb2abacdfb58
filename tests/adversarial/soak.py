"""A thousand random questions in one process: ``python tests/adversarial/soak.py --count 1000``.

Every answer passes its check, costs the same again and reads back from its JSON; every refusal is
one a command line knows; memory stays flat. A line every 25 questions; failures go to a folder.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
import traceback
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adversarial.questions import RandomQuestion

EVERY = 25


def main() -> int:
    """Ask, check, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--failures", type=Path, default=Path("soak-failures"))
    asked = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent.parent))
    from adversarial.questions import random_question

    source = random.Random(asked.seed)
    seen: Counter[str] = Counter()
    start_s, slowest_s = time.monotonic(), 0.0
    for number in range(1, asked.count + 1):
        question = random_question(source)
        before_s = time.process_time()
        seen[_tried(question, number, asked.failures)] += 1
        slowest_s = max(slowest_s, time.process_time() - before_s)
        if number % EVERY == 0 or number == asked.count:
            parts = ", ".join(f"{name} {count}" for name, count in sorted(seen.items()))
            sys.stdout.write(
                f"{number}: {parts}; slowest {slowest_s:.1f} s, resident {resident_mib()} MiB,"
                f" {time.monotonic() - start_s:.0f} s\n"
            )
            sys.stdout.flush()
        if time.monotonic() - start_s > asked.seconds:
            break
    return 1 if seen["failed"] else 0


def _tried(question: RandomQuestion, number: int, folder: Path) -> str:
    """What became of a question; what should not have happened is kept."""
    from adversarial.answers import answered

    try:
        return answered(question)
    except Exception:  # noqa: BLE001 (whatever it is, it is what a soak looks for)
        folder.mkdir(parents=True, exist_ok=True)
        text = f"{question}\n\n{traceback.format_exc()}"
        (folder / f"{number:04}.txt").write_text(text, encoding="utf-8")
        return "failed"


def resident_mib() -> int:
    """Memory of this process now, from /proc/self/statm."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


if __name__ == "__main__":
    sys.exit(main())
