"""Wall and CPU seconds from shell to report, and peak memory: ``pytest -m bench -s tests/bench``.

Nothing here asserts a time; the table is for a quiet machine.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import pytest

RUNS = 5
CLUSTERS = Path(__file__).parent / "clusters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question with the wall seconds and the gap it is to be answered within."""

    model: str
    cluster: str
    batch: int
    seq_len: int
    target_s: float
    gap: float = 0.005

    @property
    def command(self) -> list[str]:
        """Arguments of ``placer``."""
        local = CLUSTERS / f"{self.cluster}.yaml"
        cluster = str(local) if local.exists() else self.cluster
        shape = ["--global-batch-size", str(self.batch), "--seq-len", str(self.seq_len)]
        return ["plan", self.model, cluster, *shape, "--gap", str(self.gap), "--json"]


def questions(
    cluster: str, scale: int, dense_s: float, moe_s: float, moe_gap: float = 0.005
) -> list[Question]:
    """The three models of the targets, batches in proportion to the cluster."""
    rows = [
        ("llama-3.1-405b", 128 * scale, 8192, dense_s, 0.005),
        ("megatron-1t", 192 * scale, 2048, dense_s, 0.005),
        ("deepseek-v3", 960 * scale, 4096, moe_s, moe_gap),
    ]
    return [
        Question(model=m, cluster=cluster, batch=b, seq_len=length, target_s=target, gap=gap)
        for m, b, length, target, gap in rows
    ]


QUESTIONS = [
    *questions("dgx-h100-superpod-16k", 16, 2.0, 3.5),
    *questions("multiplane-131k", 128, 4.0, 6.0),
    *questions("irregular-h100-16k", 16, 3.0, 4.5),
    *questions("irregular-h100-131k", 128, 10.0, 10.0),
    *questions("mixed-a100-h100-1k", 4, 10.0, 10.0),
    *questions("mixed-h100-h200-1k", 4, 10.0, 10.0),
    *questions("mixed-a100-h100-16k", 16, 30.0, 30.0, 0.01),
    *questions("mixed-h100-h200-16k", 16, 30.0, 30.0, 0.01),
    *(
        Question(model=m, cluster=c, batch=b, seq_len=length, target_s=target, gap=gap)
        for m, c, b, length, target, gap in (
            ("deepseek-v3", "gb200-superpod-576-degraded", 15360, 4096, 3.5, 0.005),
            ("llama-3.1-405b", "two-sites-1000km", 2048, 8192, 15.0, 0.01),
            ("llama-3.1-405b", "three-sites-dci", 2048, 8192, 15.0, 0.01),
        )
    ),
]

LAYOUTS = [
    "dgx-h100-superpod-16k",
    "meta-roce-24k",
    "alibaba-hpn-15k",
    "gb200-superpod-576",
    "b200-nvl8-576",
    "cloudmatrix384",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Wall and CPU seconds of one command, and what it printed."""

    wall_s: float
    cpu_s: float
    output: str


def timed(arguments: list[str]) -> Answer:
    """Run one command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start_s = time.perf_counter()
    command = [sys.executable, "-m", "placer", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    wall_s = time.perf_counter() - start_s
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Answer(wall_s=wall_s, cpu_s=cpu_s, output=done.stdout)


@pytest.mark.bench
@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: f"{q.model}-{q.cluster}")
def test_plan(question: Question) -> None:
    answers = [timed(question.command) for _ in range(RUNS)]
    wall_s = median(answer.wall_s for answer in answers)
    cpu_s = median(answer.cpu_s for answer in answers)
    gap = max(json.loads(answer.output)["bound"]["gap"] for answer in answers)
    peak_mib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"\n{question.model} on {question.cluster}: {wall_s:.2f} s wall of {question.target_s:.1f} s,"
        f" {cpu_s:.2f} s CPU, gap {gap:.2%} of {question.gap:.2%}, <= {peak_mib:.0f} MiB"
    )


@pytest.mark.bench
@pytest.mark.parametrize("model", ["deepseek-v3", "llama-3.1-405b"])
def test_compare(model: str) -> None:
    answer = timed(["compare", model, *LAYOUTS])
    print(
        f"\n{model} over {len(LAYOUTS)} layouts: {answer.wall_s:.2f} s wall, {answer.cpu_s:.2f} s CPU"
    )


@pytest.mark.bench
def test_help() -> None:
    wall_s = median(timed(["--help"]).wall_s for _ in range(RUNS))
    print(f"\nplacer --help: {wall_s:.2f} s wall")
