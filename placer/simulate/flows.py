"""Which links carry how much when groups of accelerators communicate, from where each member sits.

Nothing here knows how long a collective takes: members are looked up, rings and exchanges are laid
over them edge by edge, and what each link must carry is added up. Sizes are relative: a load of 1
is the payload of one member.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from placer.simulate.link_table import FloatArray, IntArray, LinkTable


class Traffic(StrEnum):
    """Kinds of transfer, which reach different shares of a link's rate."""

    RING = "ring"
    EXCHANGE = "exchange"
    POINT_TO_POINT = "p2p"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loads:
    """Seconds each link is busy per byte of payload, at its full rate.

    ``link`` (K,) ascending numbers, ``busy_s_per_byte`` (K,) > 0; ``bytes_per_byte`` (K,) what really
    passes, without what software leaves unused.
    """

    link: IntArray
    busy_s_per_byte: FloatArray
    bytes_per_byte: FloatArray

    def times(self, factor: float) -> Loads:
        """The loads of ``factor`` payloads."""
        return Loads(
            link=self.link,
            busy_s_per_byte=factor * self.busy_s_per_byte,
            bytes_per_byte=factor * self.bytes_per_byte,
        )

    @property
    def slowest_s_per_byte(self) -> float:
        """Seconds per byte of payload when nothing else is on the way."""
        return float(self.busy_s_per_byte.max(initial=0.0))


class LoadMap:
    """Adds up loads over the links of a cluster."""

    def __init__(self, table: LinkTable) -> None:
        self.table = table
        self._parts: list[tuple[IntArray, FloatArray, FloatArray]] = []

    def total(self) -> Loads:
        """What has been added so far."""
        if not self._parts:
            nothing = np.zeros(0)
            return Loads(
                link=np.zeros(0, dtype=np.int64), busy_s_per_byte=nothing, bytes_per_byte=nothing
            )
        links, share, effective = (
            np.concatenate(column) for column in zip(*self._parts, strict=True)
        )
        used, position = np.unique(links, return_inverse=True)
        capacity = self.table.capacity_bytes_per_s[used]
        return Loads(
            link=used,
            busy_s_per_byte=np.bincount(position, effective) / capacity,
            bytes_per_byte=np.bincount(position, share).astype(np.float64),
        )

    def add_edges(
        self,
        source: IntArray,
        target: IntArray,
        share: FloatArray,
        kind: Traffic,
        covered: IntArray,
    ) -> None:
        """Transfers from ``source`` to ``target``, each of ``share`` of the payload; all (E,).

        ``covered`` is how many units of each edge's meeting level its group spreads over there:
        directly wired accelerators reach a member over one link each.
        """
        meeting = self.table.meeting_level(source, target)
        for level in np.unique(meeting).tolist():
            at = meeting == level
            scale = self.scale(level, kind, covered[at])
            self._path(level, source[at], target[at], share[at], share[at] * scale)

    def scale(self, level: int, kind: Traffic, covered: IntArray) -> FloatArray:
        """Link time over what the nominal rate would take, for transfers that meet at a level."""
        link = self.table.links[level]
        members = covered.astype(np.float64)
        if kind is Traffic.RING:
            rate = link.ring_rate_bytes_per_s(members)
        elif kind is Traffic.EXCHANGE:
            rate = link.all_to_all_rate_bytes_per_s(members)
        else:
            rate = np.full(len(members), link.p2p_rate_bytes_per_s())
        return np.asarray(link.level.bandwidth_bytes_per_s / rate)

    def add_port(self, level: int, gpu: IntArray, share: FloatArray, effective: FloatArray) -> None:
        """Payload through the ports of a scale-up level, as much in as out."""
        for out in (True, False):
            self._count(self.table.port(level, gpu, out=out), share, effective)

    def add_network(
        self, level: int, gpu: IntArray, share: FloatArray, effective: FloatArray, *, out: bool
    ) -> None:
        """Payload from (or to) accelerators through all units below the level they meet at."""
        table = self.table
        self._count(table.nic(gpu, out=out), share, effective)
        for passed in range(table.domain_level + 1, min(level, table.outermost_uplink + 1)):
            self._count(table.uplink(passed, gpu, out=out), share, effective)

    def add_lines(
        self, source: IntArray, target: IntArray, share: FloatArray, effective: FloatArray
    ) -> None:
        """Payload between sites, over every line of the route."""
        pairs = np.stack([self.table.site(source), self.table.site(target)])
        for a, b in np.unique(pairs, axis=1).T.tolist():
            between = (pairs[0] == a) & (pairs[1] == b)
            for line, forward in self.table.routes.route(a, b):
                number = np.array([self.table.line(line, out=forward)])
                self._count(
                    number, share[between].sum(keepdims=True), effective[between].sum(keepdims=True)
                )

    def _path(
        self,
        level: int,
        source: IntArray,
        target: IntArray,
        share: FloatArray,
        effective: FloatArray,
    ) -> None:
        table = self.table
        if level <= table.domain_level:
            self._count(table.port(level, source, out=True), share, effective)
            self._count(table.port(level, target, out=False), share, effective)
            return
        self.add_network(level, source, share, effective, out=True)
        self.add_network(level, target, share, effective, out=False)
        if level == table.sites_level:
            self.add_lines(source, target, share, effective)

    def _count(self, link: IntArray, share: FloatArray, effective: FloatArray) -> None:
        self._parts.append((link, share, effective))
