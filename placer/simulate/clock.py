"""Time: activities that end when their work is done, at speeds that may change on the way."""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Activity:
    """Some seconds of work; ``done`` is called when they are over.

    ``left_s`` is what remained at the time ``since``, at speed 1.
    """

    __slots__ = ("done", "left_s", "since", "speed", "version")

    def __init__(self, work_s: float, done: Callable[[], None]) -> None:
        self.left_s = work_s
        self.done = done
        self.speed = 1.0
        self.since = 0.0
        self.version = 0


class Clock:
    """The events of a simulation, in order of time; ties in the order they were made."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, int, Activity]] = []
        self._made = 0

    def start(self, activity: Activity, speed: float = 1.0) -> None:
        """Begin an activity now."""
        activity.since = self.now
        activity.speed = speed
        self._plan(activity)

    def set_speed(self, activity: Activity, speed: float) -> None:
        """Let a running activity go on at another speed."""
        if speed == activity.speed:
            return
        activity.left_s = max(activity.left_s - (self.now - activity.since) * activity.speed, 0.0)
        activity.since = self.now
        activity.speed = speed
        activity.version += 1
        self._plan(activity)

    def run(self) -> None:
        """Let time pass until nothing is left to happen."""
        events = self._events
        while events:
            time, _, version, activity = heapq.heappop(events)
            if version == activity.version:
                self.now = time
                activity.version += 1
                activity.done()

    def _plan(self, activity: Activity) -> None:
        if activity.speed > 0.0:
            self._made += 1
            end = self.now + activity.left_s / activity.speed
            heapq.heappush(self._events, (end, self._made, activity.version, activity))
