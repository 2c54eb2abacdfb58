"""Wall and CPU seconds from shell to report, and peak memory: ``pytest -m bench -s tests/bench``.

Nothing here asserts a time; the table is for a quiet machine.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from statistics import median

import pytest

RUNS = 5
QUESTIONS = [
    ("llama-3.1-405b", "dgx-h100-superpod-16k", 2048, 8192),
    ("megatron-1t", "dgx-h100-superpod-16k", 3072, 2048),
    ("deepseek-v3", "dgx-h100-superpod-16k", 15360, 4096),
    ("llama-3.1-405b", "multiplane-131k", 16384, 8192),
    ("deepseek-v3", "multiplane-131k", 16384, 4096),
    ("llama-3.1-405b", "irregular-h100-16k", 2048, 8192),
    ("deepseek-v3", "irregular-h100-16k", 15360, 4096),
    ("deepseek-v3", "gb200-superpod-576-degraded", 15360, 4096),
    ("llama-3.1-405b", "two-sites-1000km", 2048, 8192),
    ("llama-3.1-405b", "three-sites-dci", 2048, 8192),
]

LAYOUTS = [
    "dgx-h100-superpod-16k",
    "meta-roce-24k",
    "alibaba-hpn-15k",
    "gb200-superpod-576",
    "b200-nvl8-576",
    "cloudmatrix384",
]


def timed(arguments: list[str]) -> tuple[float, float]:
    """Wall and CPU seconds of one command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start_s = time.perf_counter()
    subprocess.run([sys.executable, "-m", "placer", *arguments], check=True, capture_output=True)
    wall_s = time.perf_counter() - start_s
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall_s, cpu_s


@pytest.mark.bench
@pytest.mark.parametrize(("model", "cluster", "batch", "seq_len"), QUESTIONS)
def test_plan(model: str, cluster: str, batch: int, seq_len: int) -> None:
    command = ["plan", model, cluster, "--global-batch-size", str(batch), "--seq-len", str(seq_len)]
    figures = [timed(command) for _ in range(RUNS)]
    wall_s, cpu_s = (median(f[i] for f in figures) for i in (0, 1))
    peak_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"\n{model} on {cluster}: {wall_s:.2f} s wall, {cpu_s:.2f} s CPU, <= {peak_mib:.0f} MiB")


@pytest.mark.bench
@pytest.mark.parametrize("model", ["deepseek-v3", "llama-3.1-405b"])
def test_compare(model: str) -> None:
    wall_s, cpu_s = timed(["compare", model, *LAYOUTS])
    print(f"\n{model} over {len(LAYOUTS)} layouts: {wall_s:.2f} s wall, {cpu_s:.2f} s CPU")


@pytest.mark.bench
def test_help() -> None:
    wall_s = median(timed(["--help"])[0] for _ in range(RUNS))
    print(f"\nplacer --help: {wall_s:.2f} s wall")
