"""Collectives and transfers laid over the accelerators of a plan: loads on links, hops in a row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placer.cost.constants import CollectiveConstants
from placer.simulate.flows import LoadMap, Loads, Traffic
from placer.simulate.link_table import FloatArray, IntArray, LinkTable


@dataclass(frozen=True, slots=True, kw_only=True)
class Duration:
    """A transfer that has the links to itself: what passes before the first byte, and the bytes."""

    lead_s: float
    transfer_s: float

    @property
    def total_s(self) -> float:
        """From start to end."""
        return self.lead_s + self.transfer_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One collective of many groups at a time, or one transfer of many pairs.

    ``steps_s`` is the latency of the longest chain of messages, by the low-latency and by the
    full-rate protocol; ``leaves_domain`` says whether anything passes a NIC.
    """

    name: str
    loads: Loads
    steps_s: tuple[float, float]
    leaves_domain: bool
    constants: CollectiveConstants

    def duration(self, payload_bytes: float) -> Duration:
        """Seconds for a payload, by the faster protocol.

        The low-latency protocol sends a flag with each word, at ``low_latency_rate`` of the rate;
        a transfer t takes ``sqrt(ramp t)`` longer while its pipeline fills (data/constants.yaml).
        """
        shared, whole = self.constants, payload_bytes * self.loads.slowest_s_per_byte
        options = []
        for steps_s, rate in zip(self.steps_s, (shared.low_latency_rate, 1.0), strict=True):
            transfer = whole / rate
            ramp = (shared.ramp_s * transfer) ** 0.5
            options.append(
                Duration(lead_s=shared.base_latency_s + steps_s + ramp, transfer_s=transfer)
            )
        return min(options, key=lambda duration: duration.total_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blocks:
    """Members of G groups in ring order: those of one domain follow each other.

    ``gpu`` and ``group`` (M,) are members; block b is the members ``start[b] : start[b] + size[b]``,
    all of one group in one domain; ``following[b]`` is the next block around the ring.
    """

    gpu: IntArray
    group: IntArray
    start: IntArray
    size: IntArray
    block_group: IntArray
    following: IntArray

    @classmethod
    def of(cls, groups: IntArray, table: LinkTable) -> _Blocks:
        """Domains in the order in which the group's ranks first meet them (NCCL orders by node)."""
        num_groups, degree = groups.shape
        gpu = groups.ravel()
        group = np.repeat(np.arange(num_groups), degree)
        domain = table.units[table.domain_level, gpu]
        key = group * (int(domain.max()) + 1) + domain
        _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
        order = np.argsort(first[inverse], kind="stable")
        start = np.flatnonzero(np.diff(key[order], prepend=-1))
        size = np.diff(start, append=len(gpu))
        block_group = group[order][start]
        heads = np.flatnonzero(np.diff(block_group, prepend=-1))
        following = np.arange(1, len(start) + 1)
        following[np.append(heads[1:], len(start)) - 1] = heads
        return cls(
            gpu=gpu[order],
            group=group[order],
            start=start,
            size=size,
            block_group=block_group,
            following=following,
        )

    @property
    def per_group(self) -> IntArray:
        """Blocks of each group."""
        return np.bincount(self.block_group)


def covered_units(table: LinkTable, gpu: IntArray, group: IntArray, level: int) -> IntArray:
    """Next-inner units each member's group covers in the member's unit of a level."""
    unit = table.units[level, gpu]
    inner = gpu if level == 0 else table.units[level - 1, gpu]
    places = group * (int(unit.max()) + 1) + unit
    children = np.unique(np.stack([places, inner]), axis=1)
    found, counts = np.unique(children[0], return_counts=True)
    covered: IntArray = counts[np.searchsorted(found, places)]
    return covered


class Collectives:
    """Lays operations over the links of one cluster."""

    def __init__(self, table: LinkTable, constants: CollectiveConstants) -> None:
        self.table = table
        self.constants = constants

    def ring(self, name: str, groups: IntArray, *, one_nic: bool = False) -> Operation:
        """Ring all-gather or reduce-scatter of groups (G, n); the payload is the whole buffer.

        Every link of a ring passes ``(n - 1) / n`` of the buffer. Groups over several domains run
        as many rings as they have members in each (at most ``nics_per_domain``), each leaving a
        domain through a NIC of its own and going through all members inside; ``one_nic`` allows one.
        The part that goes all the way round but for the shortest hop comes last.
        """
        blocks = _Blocks.of(groups, self.table)
        degree = groups.shape[1]
        loads = LoadMap(self.table)
        inside_s = self._inside(blocks, degree, loads)
        most = 1 if one_nic else int(self.constants.nics_per_domain)
        outside_s = self._outside(blocks, degree, most, loads)
        steps_s = (inside_s + outside_s).max(axis=1) - self._shortest_hop_s(blocks)
        return self._operation(name, loads, steps_s)

    def exchange(
        self, name: str, groups: IntArray, *, domain_copies: float = 1.0, rank_copies: float = 1.0
    ) -> Operation:
        """All-to-all of groups (G, n); the payload is one member's send buffer, its own part in.

        A member sends an equal part to each. ``rank_copies`` multiplies what moves inside a domain,
        ``domain_copies`` what leaves it. Each message to another domain is posted on its own.
        """
        degree = groups.shape[1]
        gpu, group = groups.ravel(), np.repeat(np.arange(len(groups)), degree)
        table, loads = self.table, LoadMap(self.table)
        nearer = np.ones(len(gpu))
        longest = np.zeros(2)
        for level in range(len(table.links)):
            within = _members_together(group, table.units[level, gpu])
            share = (within - nearer) / degree
            nearer = within
            if not share.any():
                continue
            inside = level <= table.domain_level
            share = share * (rank_copies if inside else domain_copies)
            scale = loads.scale(level, Traffic.EXCHANGE, covered_units(table, gpu, group, level))
            longest = np.maximum(longest, self._hop_s(level))
            if inside:
                loads.add_port(level, gpu, share, share * scale)
                continue
            for out in (True, False):
                loads.add_network(level, gpu, share, share * scale, out=out)
            if level == table.sites_level:
                self._between_sites(groups, domain_copies, float(scale.max()), loads)
        in_domain = _members_together(group, table.units[table.domain_level, gpu])
        posts = self.constants.post_overhead_s * float((degree - in_domain).max())
        return self._operation(name, loads, longest + posts)

    def pairs(self, name: str, source: IntArray, target: IntArray) -> Operation:
        """One transfer from each source to its target; the payload is one transfer."""
        loads = LoadMap(self.table)
        one = np.ones(len(source))
        loads.add_edges(source, target, one, Traffic.POINT_TO_POINT, np.ones_like(source))
        meeting = int(self.table.meeting_level(source, target).max())
        return self._operation(name, loads, self._hop_s(meeting))

    def reductions(self, name: str, groups: IntArray) -> tuple[Operation, ...]:
        """The ways groups (G, n) can all-reduce; the payload is the buffer.

        A ring that scatters and gathers; in the switch where it can reduce and the groups stay in
        their domains; over several domains a double binary tree (Sanders et al., 2009).
        """
        ways = [self._twice(self.ring(name, groups))]
        switch = self.table.links[self.table.domain_level]
        if groups.shape[1] > 1 and not self.inside_domain(groups):
            ways.append(self._tree(name, groups))
        elif groups.shape[1] > 1 and switch.level.in_network_reduction:
            ways.append(self._in_switch(name, groups))
        return tuple(ways)

    def inside_domain(self, groups: IntArray) -> bool:
        """Whether every group stays in one scale-up domain."""
        domain = self.table.units[self.table.domain_level, groups]
        return bool((domain == domain[:, :1]).all())

    def _twice(self, operation: Operation) -> Operation:
        quick, full = operation.steps_s
        return Operation(
            name=operation.name,
            loads=operation.loads.times(2.0),
            steps_s=(2.0 * quick, 2.0 * full),
            leaves_domain=operation.leaves_domain,
            constants=self.constants,
        )

    def _in_switch(self, name: str, groups: IntArray) -> Operation:
        """Reduction in the switch: ``2 (n - 1) / n`` of the buffer at its bus bandwidth.

        Up and down again for each doubling of the group (NCCL src/graph/tuning.cc).
        """
        level, degree = self.table.domain_level, groups.shape[1]
        link, loads = self.table.links[level], LoadMap(self.table)
        gpu = groups.ravel()
        share = np.full(len(gpu), 2.0 * (degree - 1) / degree)
        rate = link.in_switch_rate_bytes_per_s(np.array([float(degree)]))
        loads.add_port(level, gpu, share, share * link.level.bandwidth_bytes_per_s / rate)
        return self._operation(name, loads, 2.0 * np.log2(degree) * self._hop_s(level))

    def _tree(self, name: str, groups: IntArray) -> Operation:
        """A double binary tree between domains, reduction in the switch or chains inside.

        Every domain is an inner node of one tree and a leaf of the other, so the buffer leaves it
        twice in all and enters it twice; two domains that reduce in the switch swap it once (NCCL
        src/graph/tuning.cc). A ring's loads, scaled to that, stand for the trees' edges.
        """
        blocks = _Blocks.of(groups, self.table)
        degree, domains = groups.shape[1], int(blocks.per_group.max())
        ring = self.ring(name, groups)
        farthest = int(
            self.table.meeting_level(groups[:, :1].repeat(degree, 1).ravel(), groups.ravel()).max()
        )
        inside = np.log2(max(int(blocks.size.max()), 1)) * self._hop_s(self.table.domain_level)
        steps_s = 2.0 * (np.log2(domains) * self._hop_s(farthest) + inside)
        quick, full = steps_s.tolist()
        switch = self.table.links[self.table.domain_level].level.in_network_reduction
        passes = 1.0 if switch and domains == 2 else 2.0
        return Operation(
            name=name,
            loads=ring.loads.times(passes * degree / (degree - 1)),
            steps_s=(quick, full),
            leaves_domain=True,
            constants=self.constants,
        )

    def _between_sites(self, groups: IntArray, copies: float, scale: float, loads: LoadMap) -> None:
        """An exchange's parts over the lines between sites: each member to each in another site."""
        degree = groups.shape[1]
        members = np.arange(degree)
        source, target = (side.ravel() for side in np.meshgrid(members, members))
        for group in groups:
            ends = group[source], group[target]
            apart = self.table.site(ends[0]) != self.table.site(ends[1])
            share = np.full(int(apart.sum()), copies / degree)
            loads.add_lines(ends[0][apart], ends[1][apart], share, scale * share)

    def _inside(self, blocks: _Blocks, degree: int, loads: LoadMap) -> FloatArray:
        """Edges between the members of a domain; (2, G) latency of going through them once."""
        number = np.repeat(np.arange(len(blocks.start)), blocks.size)
        last = blocks.start[number] + blocks.size[number] - 1
        source = np.arange(len(blocks.gpu))
        target = np.where(source == last, blocks.start[number], source + 1)
        alone = blocks.per_group[blocks.group] == 1
        size = blocks.size[number]
        share = np.where(alone, 1.0, (size - 1.0) / size) * (degree - 1) / degree
        real = size > 1
        meeting = self.table.meeting_level(blocks.gpu[source], blocks.gpu[target])
        covered = np.ones(len(source), dtype=np.int64)
        for level in np.unique(meeting[real]).tolist():
            at = real & (meeting == level)
            covered[at] = covered_units(self.table, blocks.gpu, blocks.group, level)[at]
        if real.any():
            edges = (blocks.gpu[source][real], blocks.gpu[target][real])
            loads.add_edges(*edges, share[real], Traffic.RING, covered[real])
        passed = real & (alone | (source != last))
        return self._hops_per_group(meeting, passed, blocks.group)

    def _outside(self, blocks: _Blocks, degree: int, most_rings: int, loads: LoadMap) -> FloatArray:
        """Edges from each domain to the next around the rings; (2, G) latency of going round once."""
        several = blocks.per_group > 1
        if not several.any():
            return np.zeros((2, len(several)))
        narrowest = np.full(len(several), np.iinfo(np.int64).max)
        np.minimum.at(narrowest, blocks.block_group, blocks.size)
        rings = np.minimum(narrowest, most_rings)
        crossing = np.flatnonzero(several[blocks.block_group])
        count = rings[blocks.block_group[crossing]]
        here = np.repeat(crossing, count)
        ring = np.arange(len(here)) - np.repeat(np.cumsum(count) - count, count)
        there = blocks.following[here]
        of = rings[blocks.block_group[here]]
        source = blocks.gpu[blocks.start[here] + ring * blocks.size[here] // of]
        target = blocks.gpu[blocks.start[there] + ring * blocks.size[there] // of]
        share = (degree - 1) / degree / of
        loads.add_edges(source, target, share, Traffic.RING, np.ones_like(source))
        meeting = self.table.meeting_level(source, target)
        return self._hops_per_group(meeting, ring == 0, blocks.block_group[here], len(several))

    def _hops_per_group(
        self, meeting: IntArray, passed: IntArray, group: IntArray, num_groups: int = 0
    ) -> FloatArray:
        """(2, G) sum of the hop times of the edges ``passed``, by protocol."""
        hop_s = np.array([self._hop_s(level) for level in range(len(self.table.links))])
        times = np.where(passed, hop_s[meeting].T, 0.0)
        return np.stack([np.bincount(group, row, num_groups) for row in times])

    def _shortest_hop_s(self, blocks: _Blocks) -> FloatArray:
        """Hop times between the two nearest neighbours around the rings."""
        same = blocks.group[1:] == blocks.group[:-1]
        if not same.any():
            return np.zeros(2)
        meeting = self.table.meeting_level(blocks.gpu[:-1][same], blocks.gpu[1:][same])
        return self._hop_s(int(meeting.min()))

    def _hop_s(self, level: int) -> FloatArray:
        link = self.table.links[level]
        return np.array([link.hop_s, link.full_hop_s])

    def _operation(self, name: str, loads: LoadMap, steps_s: FloatArray) -> Operation:
        quick, full = steps_s.tolist()
        total = loads.total()
        return Operation(
            name=name,
            loads=total,
            steps_s=(quick, full),
            leaves_domain=bool((total.link >= self.table.first_network_link).any()),
            constants=self.constants,
        )


def _members_together(group: IntArray, unit: IntArray) -> FloatArray:
    """How many members of its group, itself included, stand in each member's unit."""
    key = group * (int(unit.max()) + 1) + unit
    _, inverse, counts = np.unique(key, return_inverse=True, return_counts=True)
    return np.asarray(counts[inverse], dtype=np.float64)
