"""Sweeps on a Dask cluster of this machine: the same bytes, and a lost worker costs nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from placer.api.executors import DaskCluster
from placer.api.question import RunOptions
from placer.api.solving import LayoutTask
from placer.api.sweeping import sweep
from placer.compare.sweep.axes import parse_axes
from placer.compare.sweep.solved import SolvedLayout
from placer.errors import InputError
from placer.report.sweep.document import sweep_json

pytest.importorskip("distributed", reason="needs placer[dask]")

AXES = parse_axes(["scale_up.bandwidth=" + ",".join(f"{rate} GB/s" for rate in range(50, 450, 50))])
RUN = RunOptions(global_batch_size=64, seq_len=2048)
PATIENCE_S = 60.0


@contextmanager
def dask_cluster(folder: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and two workers, each a process of its own, as a user would start them."""
    folder.mkdir(exist_ok=True)
    address_file = folder / "scheduler.json"
    started: list[subprocess.Popen[bytes]] = []

    def start(*arguments: str) -> None:
        with (folder / f"log{len(started)}").open("wb") as log:
            started.append(
                subprocess.Popen(
                    [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]],
                    cwd=folder,
                    stdout=log,
                    stderr=log,
                )
            )

    quiet = ["--no-dashboard", "--scheduler-file", str(address_file)]
    start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", *quiet)
    until(lambda: address_file.exists() and address_file.stat().st_size > 0)
    for _ in range(2):
        start("dask_worker", "--nthreads", "1", "--no-nanny", *quiet)
    try:
        yield json.loads(address_file.read_text())["address"], started[1:]
    finally:
        for process in reversed(started):
            process.kill()
            process.wait()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "dask did not start"
        time.sleep(0.1)


class Losing(DaskCluster):
    """Kills a worker once the first answer is there."""

    def solved(self, tasks: Sequence[LayoutTask]) -> Iterator[SolvedLayout]:
        for count, answer in enumerate(DaskCluster.solved(self, tasks)):
            if count == 0:
                os.kill(VICTIMS.pop().pid, signal.SIGKILL)
            yield answer


VICTIMS: list[subprocess.Popen[bytes]] = []


@pytest.mark.slow
def test_two_workers_give_the_same_bytes_and_the_loss_of_one_costs_nothing(tmp_path: Path) -> None:
    alone = sweep_json(sweep("llama-3.1-8b", "lab-8x-h100", AXES, RUN))
    with dask_cluster(tmp_path) as (address, workers):
        both = sweep(
            "llama-3.1-8b", "lab-8x-h100", AXES, RUN, executor=DaskCluster(address=address)
        )
        assert sweep_json(both) == alone
    with dask_cluster(tmp_path / "again") as (address, workers):
        VICTIMS.append(workers[0])
        left = sweep("llama-3.1-8b", "lab-8x-h100", AXES, RUN, executor=Losing(address=address))
        assert sweep_json(left) == alone
        assert workers[0].poll() is not None
        assert workers[1].poll() is None


def test_nobody_at_the_address_is_said_with_a_remedy() -> None:
    with pytest.raises(InputError, match="--scheduler: expected the address of a Dask scheduler"):
        sweep(
            "llama-3.1-8b",
            "lab-8x-h100",
            AXES,
            RUN,
            executor=DaskCluster(address="tcp://127.0.0.1:9"),
        )
