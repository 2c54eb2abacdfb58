"""The hierarchy of a cluster as a box-drawing tree; units that are alike are drawn once."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from placer.topology.level import Level, LevelKind
from placer.units import format_bandwidth, format_bit_rate, format_time

if TYPE_CHECKING:
    from placer.topology.tree import Topology

Kinds = tuple[tuple[int, ...], ...]
"""For each level from the domain's outwards, a number per unit, equal for units drawn alike."""


@dataclass(frozen=True, slots=True)
class Group:
    """Units of one level that are alike, by number."""

    level: int
    units: tuple[int, ...]


def draw_tree(topology: Topology, width: int) -> list[str]:
    """Draw the levels from the outermost in, each with what an accelerator gets there."""
    drawing = _Drawing(topology, width)
    top = len(topology.levels) - 1
    groups = _grouped(range(topology.num_units(top)), top, drawing.kinds)
    return [line for group in groups for line in drawing.drawn(group, "  ", "  ")]


def network_traits(topology: Topology) -> str:
    """Link, routing, rails and planes where every network level has the same; else nothing."""
    network = [level for level in topology.levels if level.kind is LevelKind.SCALE_OUT]
    traits = {", ".join(_wiring(level)) for level in network}
    return traits.pop() if len(traits) == 1 else ""


class _Drawing:
    """One tree being drawn; what was drawn once is referred to."""

    def __init__(self, topology: Topology, width: int) -> None:
        self.topology = topology
        self.width = width
        self.kinds = _kinds(topology)
        self.shared_traits = network_traits(topology)
        self.seen: set[tuple[int, int]] = set()

    def drawn(self, group: Group, head: str, tail: str) -> list[str]:
        """Lines of a group and of all inside it; ``head`` starts the first, ``tail`` the others."""
        topology = self.topology
        title = head + _title(topology, group)
        kind = (group.level, self.kinds[group.level][group.units[0]])
        if kind in self.seen:
            return [f"{title}, as above"]
        self.seen.add(kind)
        lines = [title]
        for fact in _facts(topology, group, self.shared_traits):
            lines += self._wrapped(fact, tail)
        if group.level == topology.domain_level:
            return lines + self._inside_domain(group.units[0], tail)
        children = _children(topology, group.level, group.units[0])
        inside = _grouped(children, group.level - 1, self.kinds)
        for child in inside:
            branch, below = ("└── ", "    ") if child is inside[-1] else ("├── ", "│   ")
            lines += self.drawn(child, tail + branch, tail + below)
        return lines

    def _inside_domain(self, domain: int, tail: str) -> list[str]:
        """The scale-up levels inside a domain, then its hosts and accelerators."""
        topology = self.topology
        generation = int(topology.domain_generation[domain])
        gpus = int(topology.domain_gpus[domain])
        lines = []
        for level in reversed(topology.generation_levels[generation][: topology.domain_level]):
            size = level.num_accelerators
            lines.append(f"{tail}└── {level.name} x {gpus // size}: {size} accelerators each")
            tail += "    "
            rate = _rate([level.bandwidth_bytes_per_s] * 2, size, fabric=False)
            lines += self._wrapped(", ".join([rate, _latency(level), *_wiring(level)]), tail)
        return [*lines, f"{tail}└── {_hosts(topology, domain)}"]

    def _wrapped(self, fact: str, tail: str) -> list[str]:
        bar = f"{tail}│     "
        return textwrap.wrap(fact, self.width, initial_indent=bar, subsequent_indent=f"{bar}  ")


def _kinds(topology: Topology) -> Kinds:
    """Number the units of each level by what is in them; outages do not count.

    Units are alike when they hold equally many alike units and have equally wide uplinks.
    """
    domain = topology.domain_level
    uplinks = topology.domain_uplink_bytes_per_s
    columns = (topology.domain_generation, topology.domain_gpus, uplinks[:, domain])
    contents: Iterator[tuple[object, ...]] = zip(*(c.tolist() for c in columns), strict=True)
    kinds: list[tuple[int, ...]] = [()] * domain + [_numbered(contents)]
    for level in range(domain + 1, len(topology.levels)):
        inner = kinds[-1]
        contents = (
            (
                float(uplinks[topology.unit_domains(level, unit)[0], level]),
                *sorted(Counter(inner[i] for i in _children(topology, level, unit)).items()),
            )
            for unit in range(topology.num_units(level))
        )
        kinds.append(_numbered(contents))
    return tuple(kinds)


def _numbered(contents: Iterator[tuple[object, ...]]) -> tuple[int, ...]:
    known: dict[tuple[object, ...], int] = {}
    return tuple(known.setdefault(content, len(known)) for content in contents)


def _children(topology: Topology, level: int, unit: int) -> range:
    """Units of the next-inner level inside a unit."""
    domains = topology.unit_domains(level, unit)
    inner = topology.domain_unit[:, level - 1]
    return range(int(inner[domains.start]), int(inner[domains.stop - 1]) + 1)


def _grouped(units: range, level: int, kinds: Kinds) -> list[Group]:
    groups: dict[int, list[int]] = {}
    for unit in units:
        groups.setdefault(kinds[level][unit], []).append(unit)
    return [Group(level, tuple(members)) for members in groups.values()]


def _title(topology: Topology, group: Group) -> str:
    """``pod x 8: 3,072 accelerators, 384 hosts each  (pod0 ... pod7)``."""
    level = topology.levels[group.level]
    domains = topology.unit_domains(group.level, group.units[0])
    part = slice(domains.start, domains.stop)
    gpus = topology.domain_gpus[part]
    hosts = int((gpus // topology.domain_gpus_per_host[part]).sum())
    alike = len(group.units) > 1
    return (
        f"{level.name}{f' x {len(group.units):,}' if alike else ''}: {int(gpus.sum()):,}"
        f" accelerators, {hosts:,} host{'' if hosts == 1 else 's'}{' each' if alike else ''}"
        f"{_names(topology, group)}"
    )


def _names(topology: Topology, group: Group) -> str:
    """First and last name of the units, where they have names of their own."""
    first = topology.unit_name(group.level, group.units[0])
    if len(group.units) > 1:
        return f"  ({first} ... {topology.unit_name(group.level, group.units[-1])})"
    own = first not in (topology.levels[group.level].name, topology.name)
    return f"  ({first})" if own else ""


def _facts(topology: Topology, group: Group, shared_traits: str) -> Iterator[str]:
    """What an accelerator gets at this level, what the unit moves, how wide its way out is.

    ``shared_traits`` are said elsewhere.
    """
    domains = topology.unit_domains(group.level, group.units[0])
    part = slice(domains.start, domains.stop)
    gpus = int(topology.domain_gpus[part].sum())
    generation = int(topology.domain_generation[domains.start])
    level = topology.generation_levels[generation][group.level]
    fabric = level.kind is not LevelKind.SCALE_UP
    rates = [level.bandwidth_bytes_per_s] * 2
    if fabric:
        inside = topology.domain_uplink_bytes_per_s[part, group.level - 1]
        rates = [float(inside.min()), float(inside.max())]
    traits = ", ".join(_wiring(level))
    own = [] if traits == shared_traits else [traits]
    yield ", ".join([_rate(rates, gpus, fabric=fabric), _latency(level), *own])
    outside = float(topology.domain_uplink_bytes_per_s[domains.start, group.level])
    if outside > 0:
        out = _rate([outside, outside], gpus, fabric=True)
        yield _uplink(topology, group, out) if fabric else f"NIC: {out}"


def _uplink(topology: Topology, group: Group, rate: str) -> str:
    table = topology.names.layout.tables[group.level - topology.domain_level - 1]
    ratio = table.oversubscription[group.units[0]]
    if topology.levels[group.level + 1].kind is LevelKind.SCALE_ACROSS:
        return f"to other sites: {rate}"
    return "uplink 1:1" if ratio == 1 else f"uplink {ratio:g}:1, {rate}"


def _rate(rates: list[float], gpus: int, *, fabric: bool) -> str:
    """Per accelerator (networks are quoted in bits) and all of them together."""
    low, high = rates
    each = format_bandwidth(low)
    if fabric:
        each = f"{format_bit_rate(low)} ({each})"
    if high > low * (1 + 1e-9):
        each = f"{each} to {format_bit_rate(high) if fabric else format_bandwidth(high)}"
        return f"{each} per accelerator"
    return f"{each} per accelerator, {format_bandwidth(low * gpus)} together"


def _latency(level: Level) -> str:
    if level.latency_s < 1e-3:
        return f"{level.latency_s * 1e6:.3g} us"
    return format_time(level.latency_s)


def _wiring(level: Level) -> Iterator[str]:
    """Link and shape in words: ``nvlink5, switched, in-switch reduction``."""
    yield level.link
    if level.kind is LevelKind.SCALE_UP:
        sides = " x ".join(map(str, level.dims))
        yield f"{level.shape.replace('_', ' ')}{f' {sides}' if sides else ''}"
    elif level.kind is LevelKind.SCALE_OUT:
        yield f"{level.routing.replace('_', ' ')} routing"
        if level.rails > 1:
            yield f"{level.rails} rails"
        if level.planes > 1:
            yield f"{level.planes} planes"
    if level.in_network_reduction:
        yield "in-switch reduction"


def _hosts(topology: Topology, domain: int) -> str:
    """``host x 18: 4 x gb200 each  (rack0-n00 ... rack0-n17)``."""
    key = topology.accelerators[int(topology.domain_generation[domain])].key
    gpus, per_host = int(topology.domain_gpus[domain]), int(topology.domain_gpus_per_host[domain])
    if gpus == per_host:
        return f"{gpus} x {key}"
    first = int(topology.domain_first_host[domain])
    last = topology.host_name(first + gpus // per_host - 1)
    names = f"({topology.host_name(first)} ... {last})"
    return f"host x {gpus // per_host}: {per_host} x {key} each  {names}"
