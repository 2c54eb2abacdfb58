"""Where the tasks of a sweep run: processes of this machine, or a Dask cluster the user names.

Both give each answer as it comes, in any order. A worker that dies costs its own tasks a second
try, nothing else; a task that keeps killing workers is a defect, and is named.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from placer.api.solving import LayoutTask, solve_layout
from placer.errors import InputError, InternalError, Problem

if TYPE_CHECKING:
    from placer.compare.sweep.solved import SolvedLayout

MOST_TRIES: Final = 3
"""Workers a task may lose before it is taken to be the reason."""
CONNECT_S: Final = 10


class Executor(Protocol):
    """What solves tasks."""

    def solved(self, tasks: Sequence[LayoutTask]) -> Iterator[SolvedLayout]:
        """Each task's answer, in the order they come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InThisProcess:
    """One task after another; for a handful, and for tests."""

    def solved(self, tasks: Sequence[LayoutTask]) -> Iterator[SolvedLayout]:
        """Each task's answer, in order."""
        for task in tasks:
            yield solve_layout(task)


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """Processes of this machine; ``num_workers`` of them."""

    num_workers: int

    def solved(self, tasks: Sequence[LayoutTask]) -> Iterator[SolvedLayout]:
        """Each task's answer, in the order they come; a pool that broke is started anew.

        Raises
        ------
        InternalError
            When one task breaks ``MOST_TRIES`` pools.
        """
        open_tasks = {task.key: task for task in tasks}
        broken: Counter[str] = Counter()
        while open_tasks:
            try:
                for answer in self._round(list(open_tasks.values())):
                    del open_tasks[answer.key]
                    yield answer
            except BrokenProcessPool:
                first = next(iter(open_tasks))
                broken[first] += 1
                if broken[first] >= MOST_TRIES:
                    name = open_tasks[first].cluster.name
                    raise InternalError(
                        f"workers died {MOST_TRIES} times before layout {name} was solved"
                    ) from None

    def _round(self, tasks: Sequence[LayoutTask]) -> Iterator[SolvedLayout]:
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(
            min(self.num_workers, len(tasks)), mp_context=context, initializer=_leave_interrupts
        )
        with _stopped(pool):
            futures = [pool.submit(solve_layout, task) for task in tasks]
            for future in as_completed(futures):
                yield future.result()


def _leave_interrupts() -> None:
    """Ctrl-C reaches the whole process group; who started the workers answers it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _stopped(pool: ProcessPoolExecutor) -> Iterator[None]:
    """Let the pool go without waiting for tasks that have not begun."""
    try:
        yield
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class DaskCluster:
    """A Dask cluster by its scheduler's address, ``tcp://host:8786``.

    The scheduler gives the tasks of a lost worker to others.
    """

    address: str

    def solved(self, tasks: Sequence[LayoutTask]) -> Iterator[SolvedLayout]:
        """Each task's answer, in the order they come.

        Raises
        ------
        InputError
            When dask is not installed, or nobody answers at the address.
        """
        distributed = _distributed()
        with self._client() as client:
            futures = [
                client.submit(solve_layout, task, key=f"placer-{task.key}", pure=True)
                for task in tasks
            ]
            for future in distributed.as_completed(futures, loop=client.loop):
                yield future.result()
                future.release()

    def _client(self) -> Any:
        distributed = _distributed()
        try:
            return distributed.Client(self.address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            problem = Problem(
                source="--scheduler",
                expected="the address of a Dask scheduler, as tcp://host:8786",
                found=f"{self.address}: {error}",
                remedy="Start one with `dask scheduler`, or leave --scheduler out.",
            )
            raise InputError((problem,)) from error


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        problem = Problem(
            source="--scheduler",
            expected="the package distributed",
            found="it is not installed",
            remedy="Install it with pip install 'placer[dask]'.",
        )
        raise InputError((problem,)) from error
    return distributed


def executor(num_workers: int | None = None, scheduler: str | None = None) -> Executor:
    """Where to solve: on a Dask cluster by its address, else in processes of this machine.

    ``num_workers`` processes, as many as there are processors where None.
    """
    if scheduler is not None:
        return DaskCluster(address=scheduler)
    return Processes(num_workers=num_workers or _processors())


def _processors() -> int:
    """Processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
