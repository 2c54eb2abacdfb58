"""Fuzz one parser: ``python tests/adversarial/fuzz.py PARSER --seconds 600``.

Guided by coverage where atheris is installed (``pip install atheris``), else by plain mutation. A
crash is written to ``--crashes`` and ends the run with exit 1; the last line counts executions.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adversarial.targets import Target

SLOW_S = 5.0
"""No input may take longer, in seconds of the processor (others may share it)."""


def main() -> int:
    """Parse the arguments, then fuzz."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parser", help="a name in adversarial.targets.TARGETS")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--crashes", type=Path, default=Path("crashes"))
    parser.add_argument("--plain", action="store_true", help="mutate without coverage")
    asked = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent.parent))
    asked.crashes.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="placer-fuzz-") as scratch:
        if asked.plain:
            return plain(asked, Path(scratch))
        return guided(asked, Path(scratch))


def plain(asked: argparse.Namespace, scratch: Path) -> int:
    """Mutate seeds until the time is up."""
    from adversarial.mutation import mutated
    from adversarial.targets import TARGETS

    target = TARGETS[asked.parser]
    seeds = target.seeds()
    source = random.Random(asked.seed)
    start_s, count, accepted, failures = time.monotonic(), 0, 0, 0
    while time.monotonic() - start_s < asked.seconds:
        data = mutated(source.choice(seeds), source, seeds)
        outcome = tried(target, data, scratch, asked)
        count, accepted, failures = (
            count + 1,
            accepted + (outcome is True),
            failures + (outcome is None),
        )
    sys.stdout.write(
        f"{asked.parser}: {count} executions, {accepted} accepted, {failures} failures,"
        f" {time.monotonic() - start_s:.0f} s, plain\n"
    )
    return 1 if failures else 0


def tried(target: Target, data: bytes, scratch: Path, asked: argparse.Namespace) -> bool | None:
    """Whether an input was accepted; None, with the input and the reason kept, where it broke."""
    start_s = time.process_time()
    try:
        accepted = target.survives(data, scratch)
    except Exception:  # noqa: BLE001 (whatever it is, it is what a fuzzer looks for)
        kept(asked, data, traceback.format_exc())
        return None
    if time.process_time() - start_s > SLOW_S:
        kept(asked, data, f"took {time.process_time() - start_s:.1f} s\n")
        return None
    return accepted


def kept(asked: argparse.Namespace, data: bytes, reason: str) -> None:
    """Write an input that broke, named by where it broke, once."""
    place = f"{zlib.crc32(reason[-300:].encode()):08x}"
    path = asked.crashes / f"{asked.parser}-{place}"
    path.write_bytes(data)
    path.with_suffix(".why").write_text(reason, encoding="utf-8")


def guided(asked: argparse.Namespace, scratch: Path) -> int:
    """Let atheris choose inputs; libFuzzer ends the process itself."""
    import atheris

    with atheris.instrument_imports(include=["placer", "yaml"]):
        from adversarial.targets import TARGETS
    target = TARGETS[asked.parser]
    corpus = scratch / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(target.seeds()):
        (corpus / f"{number:03}").write_bytes(seed)
    words = scratch / "words"
    words.write_text(dictionary(target.seeds()), encoding="ascii")
    counts = {"executions": 0, "accepted": 0, "failures": 0}

    def one(data: bytes) -> None:
        counts["executions"] += 1
        outcome = tried(target, data, scratch, asked)
        counts["accepted"] += outcome is True
        counts["failures"] += outcome is None
        if counts["executions"] % 100 == 0:
            (asked.crashes / f"{asked.parser}.count").write_text(f"{counts}\n", encoding="utf-8")

    arguments = [f"-max_total_time={asked.seconds}", f"-seed={asked.seed}", "-max_len=65536"]
    arguments += ["-timeout=60", "-rss_limit_mb=2048", f"-dict={words}", "-print_final_stats=1"]
    arguments += [f"-artifact_prefix={asked.crashes}/", "-len_control=0", "-use_value_profile=1"]
    atheris.Setup([sys.argv[0], *arguments, str(corpus)], one)
    atheris.Fuzz()
    return 0


def dictionary(seeds: tuple[bytes, ...]) -> str:
    """The words of the seeds and what parsers fear, as a libFuzzer dictionary."""
    import re

    from adversarial.mutation import AWKWARD

    words = {word for seed in seeds for word in re.findall(rb"[A-Za-z0-9_.\-]{2,40}", seed)}
    entries = sorted(words)[:2000] + [word for word in AWKWARD if 0 < len(word) < 60]
    return "".join(f'"{quoted(word)}"\n' for word in entries)


def quoted(word: bytes) -> str:
    """A word as a libFuzzer dictionary writes it."""
    return "".join(rf"\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    sys.exit(main())
