"""Collectives between replicas: each stage gathers weights and scatters gradients one by one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from placer.simulate.clock import Clock
from placer.simulate.scene import Collected, Job
from placer.simulate.traffic import Traffic


class ReplicaStream:
    """The communication stream of one stage, shared by all its lanes.

    ``changed`` is called when the stream starts or stops, so that computation can slow down.
    """

    def __init__(
        self, stage: int, clock: Clock, traffic: Traffic, changed: Callable[[int], None]
    ) -> None:
        self.stage = stage
        self.is_busy = False
        self.collected: list[Collected] = []
        self._clock = clock
        self._traffic = traffic
        self._changed = changed
        self._cap = 1.0
        self._queue: deque[tuple[Job, bool, Callable[[], None]]] = deque()

    def add(self, jobs: tuple[Job, ...], done: Callable[[], None], *, scatter: bool) -> None:
        """Queue jobs; ``done`` is called after the last, at once where there are none."""
        if not jobs:
            done()
            return
        for job in jobs[:-1]:
            self._queue.append((job, scatter, _nothing))
        self._queue.append((jobs[-1], scatter, done))
        if not self.is_busy:
            self._next()

    def set_cap(self, cap: float) -> None:
        """Bound the speed of what runs, as computation beside it does."""
        self._cap = cap
        if self.is_busy:
            self._traffic.set_cap(self._job.operation, cap)

    def _next(self) -> None:
        if not self._queue:
            self.is_busy = False
            self._changed(self.stage)
            return
        was_busy, self.is_busy = self.is_busy, True
        self._job, scatter, done = self._queue.popleft()
        began = self._clock.now
        self._traffic.set_cap(self._job.operation, self._cap)

        def end() -> None:
            self.collected.append(
                Collected(stage=self.stage, scatter=scatter, start_s=began, end_s=self._clock.now)
            )
            done()
            self._next()

        self._traffic.start(self._job.operation, self._job.duration, self._job.payload_bytes, end)
        if not was_busy:
            self._changed(self.stage)


def _nothing() -> None:
    """Follows every job but the last."""
