"""From switches and what hangs below them to one unit per host and network level.

Switches that share what is below them (planes, rails, the spines of a fat tree) are one unit. Level
k joins all that switches up to tier k connect, a switch's tier being one more than the highest of
its children; where a branch has fewer tiers than others, its unit is carried outwards unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from placer.importers.problems import Problems

MAX_TIERS = 14


@dataclass(slots=True, kw_only=True)
class Switch:
    """A switch, the switches below it and the hosts on it, by name."""

    name: str
    children: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTree:
    """Units of each host, inner to outer, the outermost left out; the number of levels.

    ``switch_units`` has, for each of those levels, the unit of every switch at or below it;
    ``members`` the switches of each unit that has several.
    """

    units_of: Mapping[str, tuple[str, ...]]
    num_levels: int
    switch_units: tuple[Mapping[str, str], ...] = ()
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def unit_tree(switches: Sequence[Switch], problems: Problems) -> UnitTree:
    """Units by tier; what is wrong with the switches is noted, and the tree then empty."""
    known = {switch.name: switch for switch in switches}
    tiers = _tiers(known, problems)
    if problems.items:
        return UnitTree(units_of={}, num_levels=0)
    return tree_of_tiers(switches, tiers, problems)


def tree_of_tiers(
    switches: Sequence[Switch], tiers: Mapping[str, int], problems: Problems
) -> UnitTree:
    """Units of switches whose tiers (from 1) are known; ``children`` are of lower or equal tier."""
    hosts = list(dict.fromkeys(host for switch in switches for host in switch.hosts))
    forest = _Forest()
    levels: list[_Level] = []
    inner = _Level()
    for tier in range(1, max(tiers.values(), default=0) + 1):
        for switch in switches:
            if tiers[switch.name] == tier:
                forest.add(switch)
        below = [switch.name for switch in switches if tiers[switch.name] <= tier]
        own = {name for name in below if tiers[name] == tier}
        level = _level(hosts, below, own, forest, inner)
        if not levels or _partition(levels[-1].hosts, hosts) != _partition(level.hosts, hosts):
            levels.append(level)
        inner = level
    _check_joined(levels, hosts, switches, problems)
    return UnitTree(
        units_of={host: tuple(level.hosts[host] for level in levels[:-1]) for host in hosts},
        num_levels=len(levels),
        switch_units=tuple(level.switches for level in levels[:-1]),
        members={name: names for level in levels for name, names in level.members.items()},
    )


@dataclass(frozen=True, slots=True)
class _Level:
    """The unit of each host and switch at one tier, and the switches units are named after."""

    hosts: Mapping[str, str] = field(default_factory=dict)
    switches: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def _level(
    hosts: Iterable[str],
    switches: Iterable[str],
    own: AbstractSet[str],
    forest: _Forest,
    inner: _Level,
) -> _Level:
    """Units of one tier: named after its first switch there, or carried outwards unchanged."""
    names: dict[tuple[str, str], list[str]] = {}
    for name in sorted(own):
        names.setdefault(forest.root(("switch", name)), []).append(name)

    def unit(kind: str, name: str, carried: str) -> str:
        found = names.get(forest.root((kind, name)))
        return found[0] if found else carried

    return _Level(
        hosts={name: unit("host", name, inner.hosts.get(name, f"at {name}")) for name in hosts},
        switches={name: unit("switch", name, inner.switches.get(name, name)) for name in switches},
        members={found[0]: tuple(found) for found in names.values() if len(found) > 1},
    )


def _partition(column: Mapping[str, str], hosts: Iterable[str]) -> list[int]:
    """Units numbered by first appearance, so that equal divisions compare equal."""
    numbers: dict[str, int] = {}
    return [numbers.setdefault(column[host], len(numbers)) for host in hosts]


def _check_joined(
    levels: Sequence[_Level],
    hosts: Sequence[str],
    switches: Sequence[Switch],
    problems: Problems,
) -> None:
    """All hosts must meet somewhere."""
    tops = list(dict.fromkeys(levels[-1].hosts[host] for host in hosts)) if levels else []
    if len(tops) > 1:
        line = next((switch.line for switch in switches if switch.name == tops[1]), None)
        found = f"{len(tops)} parts that no switch joins: {', '.join(tops[:4])}"
        remedy = "Add the switch above them, or cut the file down to one part."
        problems.add(line, "", "one network that connects all hosts", found, remedy)
    if not tops:
        problems.add(None, "", "switches with hosts on them", "none")


def _tiers(known: Mapping[str, Switch], problems: Problems) -> dict[str, int]:
    """Tier of each switch from 1, by the longest way down; circles and strangers are noted."""
    tiers: dict[str, int] = {}
    for switch in known.values():
        if switch.name not in tiers:
            _set_tiers(switch, known, tiers, problems)
    if max(tiers.values(), default=0) > MAX_TIERS and not problems.items:
        highest = max(tiers, key=lambda name: tiers[name])
        found = f"{tiers[highest]} below {highest}"
        problems.add(known[highest].line, "", f"at most {MAX_TIERS} tiers of switches", found)
    return tiers


def _set_tiers(
    top: Switch, known: Mapping[str, Switch], tiers: dict[str, int], problems: Problems
) -> None:
    """Tiers of one switch and all below it, depth first without recursion."""
    stack = [(top, iter(top.children))]
    entered = {top.name}
    while stack:
        switch, children = stack[-1]
        child = next(children, None)
        if child is None:
            tiers[switch.name] = 1 + max(
                (tiers.get(name, 0) for name in switch.children), default=0
            )
            stack.pop()
        elif child not in known:
            remedy = f"Add a line for {child}, or remove it here."
            problems.add(switch.line, switch.name, "child switches that are defined", child, remedy)
        elif child not in tiers and child in entered:
            found = f"{child} above and below {switch.name}"
            problems.add(switch.line, switch.name, "switches in a tree", found)
        elif child not in tiers:
            entered.add(child)
            stack.append((known[child], iter(known[child].children)))


class _Forest:
    """Disjoint sets of switches and hosts that are connected."""

    def __init__(self) -> None:
        self._parent: dict[tuple[str, str], tuple[str, str]] = {}

    def add(self, switch: Switch) -> None:
        """Connect a switch with what is below it."""
        top = self.root(("switch", switch.name))
        for kind, names in (("switch", switch.children), ("host", switch.hosts)):
            for name in names:
                self._parent[self.root((kind, name))] = top

    def root(self, node: tuple[str, str]) -> tuple[str, str]:
        """The node that stands for all connected with this one."""
        parent = self._parent
        while (above := parent.setdefault(node, node)) != node:
            parent[node] = parent[above]
            node = parent[node]
        return node
