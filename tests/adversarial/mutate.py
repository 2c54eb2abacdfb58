"""Mutate what placer ships: ``python tests/adversarial/mutate.py --count 100000``.

Every mutated file is accepted and checks out, or refused with its file and field; none may take
5 s of the processor or bring the process to 1 GiB. Failures are kept in ``--failures``.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
import traceback
import zlib
from collections import Counter
from pathlib import Path

SLOW_S = 5.0
MAX_BYTES = 1 << 30


def main() -> int:
    """Run so many mutations and print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--failures", type=Path, default=Path("failures"))
    asked = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent.parent))
    from adversarial.shipped import SHIPPED, outcome

    names = [name for name, shipped in SHIPPED.items() for _ in range(shipped.weight)]
    files = {name: shipped.texts() for name, shipped in SHIPPED.items()}
    source = random.Random(asked.seed)
    seen: Counter[tuple[str, str]] = Counter()
    slowest_s = 0.0
    with tempfile.TemporaryDirectory(prefix="placer-mutate-") as scratch:
        for number in range(asked.count):
            name = source.choice(names)
            text = SHIPPED[name].mutate(source.choice(files[name]), source)
            start_s = time.process_time()
            try:
                found = outcome(name, text, Path(scratch))
            except Exception:  # noqa: BLE001 (whatever it is, it is what this looks for)
                found = "failed"
                keep(asked.failures, name, text, traceback.format_exc())
            taken_s = time.process_time() - start_s
            slowest_s = max(slowest_s, taken_s)
            if taken_s > SLOW_S:
                keep(asked.failures, name, text, f"took {taken_s:.1f} s\n")
            seen[name, found] += 1
            if number % 1000 == 999:
                report(number + 1, seen, slowest_s)
    report(asked.count, seen, slowest_s)
    return 1 if any(found == "failed" for _, found in seen) or peak_bytes() > MAX_BYTES else 0


def keep(folder: Path, name: str, text: str, reason: str) -> None:
    """Write a failure, those of one place once."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{zlib.crc32(reason[-200:].encode()):08x}.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    path.with_suffix(".why").write_text(reason, encoding="utf-8")


def report(count: int, seen: Counter[tuple[str, str]], slowest_s: float) -> None:
    """One line of figures."""
    parts = ", ".join(f"{name} {found} {n}" for (name, found), n in sorted(seen.items()))
    mib = peak_bytes() >> 20
    sys.stdout.write(f"{count}: {parts}; slowest {slowest_s:.2f} s, peak {mib} MiB\n")
    sys.stdout.flush()


def peak_bytes() -> int:
    """The most memory this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


if __name__ == "__main__":
    sys.exit(main())
