"""What one level of the cluster gives the members of a group: rates, hop time, wiring."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placer.cost.constants import Constants, LinkConstants
from placer.cost.stage_costs import FloatArray
from placer.plan.strategy import IntArray
from placer.topology.level import DomainShape, Level, LevelKind, Routing


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelLink:
    """A level with its constants: rates per accelerator and direction (bytes/s), hop time (s).

    ``children`` counts next-inner units in one unit of the level. ``rate_bytes_per_s`` is what
    routing leaves of the level's bandwidth; collective and link efficiency are not in it.
    ``hop_s`` is a step of the low-latency protocol, ``full_hop_s`` of the one that runs at the full
    rate: over a network it waits for the link twice, the data and the flush behind it (NCCL
    src/graph/tuning.cc, ``interLat``).
    """

    level: Level
    children: int
    rate_bytes_per_s: float
    hop_s: float
    full_hop_s: float
    efficiency: LinkConstants

    @property
    def scale_up(self) -> bool:
        """Whether the level lies inside the scale-up domain."""
        return self.level.kind is LevelKind.SCALE_UP

    def ring_rate_bytes_per_s(self, members: FloatArray) -> FloatArray:
        """Bus bandwidth per accelerator of a ring over ``members`` units of the level; (N,)."""
        return self.rate_bytes_per_s * self.efficiency.ring * self._reachable(members)

    def all_to_all_rate_bytes_per_s(self, members: FloatArray) -> FloatArray:
        """Rate per accelerator of a personalised exchange over ``members`` units; (N,).

        On a torus the bisection binds: a quarter of all bytes crosses the middle of the longest of
        d filled axes each way, which leaves 4 / (d * side) of what the accelerators could inject
        (Jouppi et al., arXiv 2304.01433, section 3.4).
        """
        share = self._reachable(members)
        if self.level.shape is DomainShape.TORUS:
            axes = self._filled_axes(members)
            longest = np.maximum.accumulate(self._sides())[axes - 1]
            share = share * np.minimum(1.0, 4.0 / (axes * np.minimum(longest, members)))
        return self.rate_bytes_per_s * self.efficiency.all_to_all * share

    def p2p_rate_bytes_per_s(self) -> float:
        """Rate of one transfer between two accelerators that meet at the level."""
        return self.rate_bytes_per_s * self.efficiency.p2p * self._direct_share()

    def in_switch_rate_bytes_per_s(self, members: FloatArray) -> FloatArray:
        """All-reduce bus bandwidth with reduction in the switch; (N,).

        Each accelerator moves S * (1 + 1/n) each way (NVLS: multicast reduce-load of its part,
        multicast store back), so bus bandwidth goes as (n - 1) / (n + 1); the constant holds at
        eight ranks and caps larger groups, as nccl-tests on GB200 NVL72 shows (850 GB/s at 32
        ranks, 840 at 72, like 838 on 8 B200).
        """
        ranks = np.maximum(members, 2.0)
        law = (ranks - 1.0) / (ranks + 1.0) / (7.0 / 9.0)
        return self.rate_bytes_per_s * self.efficiency.in_switch * np.minimum(law, 1.0)

    def _reachable(self, members: FloatArray) -> FloatArray:
        """Share of an accelerator's links that lead to other members of the group; (N,).

        Directly wired units use one link per peer. On a torus a group fills axis after axis; on one
        that it fills in part there is no way round, so half of its links are of use (jax-ml
        scaling-book, tpus.md: no wrap-around below a whole dimension).
        """
        if self.level.shape in (DomainShape.POINT_TO_POINT, DomainShape.MESH):
            return np.clip(members - 1.0, 1.0, None) / max(self.children - 1, 1)
        if self.level.shape is DomainShape.TORUS:
            touched = self._filled_axes(members)
            whole = np.cumprod(self._sides())[touched - 1]
            in_part = (members < whole) & (members > 1.0)
            return np.asarray((touched - 0.5 * in_part) / len(self._sides()))
        return np.ones_like(members)

    def _sides(self) -> tuple[int, ...]:
        return self.level.dims or (self.children,)

    def _filled_axes(self, members: FloatArray) -> IntArray:
        """Axes that a group reaches along, the last of them whole or in part; (N,)."""
        sides = self._sides()
        return np.minimum(np.searchsorted(np.cumprod(sides), members) + 1, len(sides))

    def _direct_share(self) -> float:
        if self.level.shape in (DomainShape.POINT_TO_POINT, DomainShape.MESH):
            return 1.0 / max(self.children - 1, 1)
        if self.level.shape is DomainShape.TORUS:
            return 1.0 / (2.0 * len(self._sides()))
        return 1.0


def link_levels(levels: tuple[Level, ...], constants: Constants) -> tuple[LevelLink, ...]:
    """Every level with its constants, inner to outer."""
    inner = (1, *(level.num_accelerators for level in levels))
    shared = constants.collectives
    return tuple(
        LevelLink(
            level=level,
            children=max(level.num_accelerators // inside, 1),
            rate_bytes_per_s=level.bandwidth_bytes_per_s * _routing_share(level, constants),
            hop_s=level.latency_s + shared.hop_overhead_s,
            full_hop_s=level.latency_s * _waits(level) + shared.hop_overhead_s,
            efficiency=constants.link(level.link),
        )
        for level, inside in zip(levels, inner[:-1], strict=True)
    )


def _waits(level: Level) -> float:
    return 1.0 if level.kind is LevelKind.SCALE_UP else 2.0


def _routing_share(level: Level, constants: Constants) -> float:
    """What is left of parallel links; adaptive routing is in the measured efficiencies already."""
    if level.kind is not LevelKind.SCALE_OUT:
        return 1.0
    shared = constants.collectives
    return {
        Routing.ADAPTIVE: 1.0,
        Routing.QP_SPLIT: shared.qp_split_routing,
        Routing.HASHED: shared.hashed_routing,
    }[level.routing]
