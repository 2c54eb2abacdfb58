"""Transfers under way: each waits its turn, passes its latency, then shares its links with others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from placer.simulate.clock import Activity, Clock
from placer.simulate.collectives import Duration
from placer.simulate.sharing import SharedLinks


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One transfer that has ended: which operation, from when to when, how many bytes."""

    operation: int
    start_s: float
    end_s: float
    payload_bytes: float


class Traffic:
    """Everything on the network at one time.

    An operation runs one transfer after another (NCCL: one stream per communicator). ``cap`` bounds
    the speed of an operation from outside, as computation beside a collective does.
    """

    def __init__(self, clock: Clock, shared: SharedLinks) -> None:
        self.clock = clock
        self.passages: list[Passage] = []
        self._shared = shared
        self._contended = frozenset(np.flatnonzero(shared.contended).tolist())
        self._moving: dict[int, Activity] = {}
        self._cap: dict[int, float] = {}

    def start(
        self, operation: int, duration: Duration, payload_bytes: float, done: Callable[[], None]
    ) -> None:
        """Begin a transfer now; ``done`` is called at its end."""
        began = self.clock.now

        def end() -> None:
            del self._moving[operation]
            self.passages.append(
                Passage(
                    operation=operation,
                    start_s=began,
                    end_s=self.clock.now,
                    payload_bytes=payload_bytes,
                )
            )
            self._share(operation)
            done()

        def move() -> None:
            activity = Activity(duration.transfer_s, end)
            self._moving[operation] = activity
            self.clock.start(activity, self._cap.get(operation, 1.0))
            self._share(operation)

        lead = Activity(duration.lead_s, move)
        self.clock.start(lead)

    def set_cap(self, operation: int, cap: float) -> None:
        """Bound the speed of an operation from now on."""
        if self._cap.get(operation, 1.0) == cap:
            return
        self._cap[operation] = cap
        if operation in self._moving:
            if operation in self._contended:
                self._share(operation)
            else:
                self.clock.set_speed(self._moving[operation], cap)

    def _share(self, changed: int) -> None:
        """Share the links anew after an operation started, ended or changed."""
        if changed not in self._contended:
            return
        active = tuple(
            (operation, self._cap.get(operation, 1.0))
            for operation in sorted(self._moving)
            if operation in self._contended
        )
        for (operation, _), speed in zip(active, self._shared.speeds(active), strict=True):
            self.clock.set_speed(self._moving[operation], speed)
