"""Max-min fair shares of the links that several operations use at a time."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from placer.simulate.collectives import Operation
from placer.simulate.link_table import FloatArray

TOLERANCE = 1e-9


class SharedLinks:
    """Which operations can get in each other's way, and how fast each then runs.

    Speeds are relative: 1 is an operation that has its links to itself. Links that cannot saturate
    even with everything under way are left out, and links that bind alike are kept once, so that
    what remains is small however large the cluster is.

    ``port_bytes_per_s`` (B,) is what each operation moves through its busiest accelerator at speed
    1: members of all operations share a link equally, byte for byte.
    """

    def __init__(self, operations: Sequence[Operation], num_private: int) -> None:
        self.port_bytes_per_s = np.array([_port_rate(o, num_private) for o in operations])
        self.busy = _binding_rows(operations)
        self.contended = (self.busy > 0.0).any(axis=0)
        self._known: dict[tuple[tuple[int, float], ...], tuple[float, ...]] = {}

    def speeds(self, active: tuple[tuple[int, float], ...]) -> tuple[float, ...]:
        """Speed of each active operation, given as (number, most it can reach)."""
        known = self._known.get(active)
        if known is None:
            known = self._known[active] = self._share(active)
        return known

    def _share(self, active: tuple[tuple[int, float], ...]) -> tuple[float, ...]:
        numbers = [number for number, _ in active]
        most = np.array([cap for _, cap in active])
        busy = self.busy[:, numbers]
        if (busy @ most <= 1.0 + TOLERANCE).all():
            return tuple(most.tolist())
        return tuple(progressive_filling(busy, most, self.port_bytes_per_s[numbers]).tolist())


def progressive_filling(busy: FloatArray, most: FloatArray, port_rate: FloatArray) -> FloatArray:
    """Speeds (A,) such that no link is overbooked and nobody gains but at the cost of a poorer one.

    All operations' throughput per port rises together; who reaches a full link, or the most it can
    do, stays there (Bertsekas and Gallager, Data Networks, section 6.5.2).

    Parameters
    ----------
    busy
        (R, A) share of each link an operation takes at speed 1.
    most, port_rate
        (A,) speed an operation can reach, and its throughput per port at speed 1.
    """
    speed = np.zeros(len(most))
    rising = np.ones(len(most), dtype=np.bool_)
    gain = busy / port_rate
    while rising.any():
        left = 1.0 - busy[:, ~rising] @ speed[~rising]
        pull = gain[:, rising].sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            level = np.where(pull > 0.0, np.maximum(left, 0.0) / pull, np.inf)
        ceiling = np.where(rising, most * port_rate, np.inf)
        top = min(float(level.min(initial=np.inf)), float(ceiling.min()))
        full = level <= top * (1.0 + TOLERANCE)
        stops = rising & ((ceiling <= top * (1.0 + TOLERANCE)) | (busy[full] > 0.0).any(axis=0))
        speed[stops] = np.minimum(top / port_rate[stops], most[stops])
        rising &= ~stops
    return speed


def _port_rate(operation: Operation, num_private: int) -> float:
    """Bytes per second through the busiest port or NIC of an operation that runs alone."""
    loads = operation.loads
    private = loads.link < num_private
    busiest = float(loads.bytes_per_byte[private].max(initial=0.0))
    return busiest / loads.slowest_s_per_byte if busiest else 1.0


def _binding_rows(operations: Sequence[Operation]) -> FloatArray:
    """(R, B) share each operation takes of each link that can saturate; equal rows once."""
    if not operations:
        return np.zeros((0, 0))
    links = np.concatenate([o.loads.link for o in operations])
    share = np.concatenate(
        [o.loads.busy_s_per_byte / o.loads.slowest_s_per_byte for o in operations]
    )
    owner = np.repeat(np.arange(len(operations)), [len(o.loads.link) for o in operations])
    row = np.unique(links, return_inverse=True)[1]
    several = (np.bincount(row) > 1) & (np.bincount(row, share) > 1.0 + TOLERANCE)
    kept = several[row]
    number = np.cumsum(several) - 1
    busy = np.zeros((int(several.sum()), len(operations)))
    busy[number[row[kept]], owner[kept]] = share[kept]
    return np.unique(busy.round(12), axis=0)
