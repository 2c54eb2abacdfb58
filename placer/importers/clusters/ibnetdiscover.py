"""An InfiniBand fabric as ``ibnetdiscover`` prints it.

Hosts are told apart by the node descriptions of their adapters (``host mlx5_0``), switches are put
into tiers by their distance to hosts, link widths and speeds give the rate of a port and how narrow
uplinks are (ibnetdiscover(8): each switch is followed by a line per port).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from placer.importers.clusters.fabric import Fabric, FabricHost, Ports, Uplink, level_names
from placer.importers.clusters.options import ClusterOptions
from placer.importers.clusters.switches import Switch, UnitTree, tree_of_tiers
from placer.importers.problems import Problems
from placer.spec.interconnect import ScaleOutLink
from placer.spec.source_text import SourceText

_SWITCH: Final = re.compile(r'Switch\s+\d+\s+"(S-\w+)"[^#]*#\s*"([^"]*)"')
_SPEED: Final = re.compile(r"(\d{1,2})x([A-Z]+\d*)")
_ADAPTER: Final = re.compile(r"(?:mlx\d+_\d+|HCA-?\d+|hfi\d+_\d+|ib\w+|rdma\w+)", re.IGNORECASE)
UNNAMED: Final = "localhost"
"""What adapters call their host before anybody has named it."""
AGGREGATION: Final = "Aggregation Node"
"""In the description of a switch's own port for in-network reduction."""

GIGABITS_PER_LANE: Final = {
    "SDR": 2.0,
    "DDR": 4.0,
    "QDR": 8.0,
    "FDR10": 10.0,
    "FDR": 13.64,
    "EDR": 25.0,
    "HDR": 50.0,
    "NDR": 100.0,
    "XDR": 200.0,
}
"""Data rate of one lane with line coding taken off (InfiniBand Trade Association roadmap)."""

MAX_LISTED: Final = 10
WIDE_ENOUGH: Final = 1.02
"""Uplinks that are narrower than this much are oversubscribed; less is a cable that is out."""


@dataclass(slots=True)
class _Links:
    """Links as read, rates in Gbit/s; a rate is 0 where the file has none.

    ``switches`` has the description and line of each switch, ``uplinks`` the rate between two
    switches, ``adapters`` the switch and rate of each adapter of a host, ``below`` the rate of all
    adapters on a switch, those without a host's name too.
    """

    switches: dict[str, tuple[str, int]] = field(default_factory=dict)
    uplinks: defaultdict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    adapters: dict[str, list[tuple[str, float, int]]] = field(default_factory=dict)
    below: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    num_unnamed: int = 0
    num_reducing: int = 0


def read_ibnetdiscover(files: Sequence[SourceText], options: ClusterOptions) -> Fabric:
    """Read the output of one or more subnets.

    Raises
    ------
    InputError
        With everything wrong in the files.
    """
    links = _Links()
    for file in files:
        problems = Problems(file.name)
        _Reader(links, problems).read(file.text)
        problems.raise_any()
    problems = Problems(files[0].name)
    if not links.switches:
        problems.add(None, "", "lines that begin with Switch", "none")
    elif not links.adapters:
        expected = "adapters whose description names a host, such as node1 mlx5_0"
        problems.add(None, "", expected, "none", "Set node descriptions, or use a node-name map.")
    problems.raise_any()
    usual = _usual(len(adapters) for adapters in links.adapters.values())
    hosts = {name: held for name, held in links.adapters.items() if 2 * len(held) > usual}
    switches = _switches(links, hosts)
    tiers = _tiers(switches, links)
    tree = tree_of_tiers([switches[guid] for guid in tiers], tiers, problems)
    problems.raise_any()
    levels, titles = level_names(tree.num_levels), _titles(links)
    return Fabric(
        source=", ".join(file.name for file in files),
        kind="ibnetdiscover",
        hosts=_placed(hosts, tree, links, titles),
        levels=levels,
        ports=_ports(hosts, usual),
        oversubscription=_oversubscription(tree, links, levels, titles),
        read=tuple(_sentences(links, hosts, usual, tree, titles)),
    )


def _usual(counts: Iterable[int]) -> int:
    """The most common of some counts, of equally common ones the largest."""
    return max(Counter(counts).items(), key=lambda item: (item[1], item[0]))[0]


class _Reader:
    """Reads one file's switches and their ports; adapters' own blocks repeat them."""

    def __init__(self, links: _Links, problems: Problems) -> None:
        self._links = links
        self._problems = problems
        self._rates: dict[str, float] = {}
        self._adapters: dict[str, bool] = {}
        self._switch = ""

    def read(self, text: str) -> None:
        """Read a whole file; what follows the last switch are adapters, most of the text."""
        end = text.find("\nCa", max(text.rfind("\nSwitch"), 0))
        for number, line in enumerate(text[: end if end >= 0 else None].splitlines(), start=1):
            first = line[:1]
            if first == "[":
                if self._switch:
                    self._port(line, number)
            elif first == "S" and line.startswith("Switch"):
                self._header(line, number)
            elif first in {"C", "R"} and line.startswith(("Ca", "Rt")):
                self._switch = ""

    def _header(self, line: str, number: int) -> None:
        match = _SWITCH.match(line)
        self._switch = match[1] if match else ""
        if match is None:
            self._problems.add(number, "", 'Switch, ports, "S-guid" # "name"', line)
        else:
            self._links.switches.setdefault(self._switch, (match[2], number))

    def _port(self, line: str, number: int) -> None:
        """Read ``[port] "peer"[port](guid) # "description" lid n 4xNDR``, cut at its quotes."""
        parts = line.split('"')
        if len(parts) != 5 or parts[1][1:2] != "-":
            self._problems.add(number, "", '[port] "peer"[port] # "name" lid speed', line)
            return
        _, peer, _, description, rest = parts
        word = rest.rpartition(" ")[2]
        if word not in self._rates:
            self._rates[word] = self._rate(word, number)
        rate, links = self._rates[word], self._links
        if peer[0] == "S":
            links.uplinks[self._switch, peer] += rate or 1.0
        elif AGGREGATION in description:
            links.num_reducing += 1
        elif peer[0] == "H":
            host = self._host(description)
            links.below[self._switch] += rate or 1.0
            if host == UNNAMED:
                links.num_unnamed += 1
            else:
                links.adapters.setdefault(host, []).append((self._switch, rate, number))

    def _host(self, description: str) -> str:
        """The host in ``host mlx5_0``; the names of adapters repeat, so each is matched once."""
        words = description.strip("' ").split()
        if len(words) != 2:
            return UNNAMED
        host, adapter = words
        if adapter not in self._adapters:
            self._adapters[adapter] = _ADAPTER.fullmatch(adapter) is not None
        return host if self._adapters[adapter] else UNNAMED

    def _rate(self, word: str, number: int) -> float:
        """Gbit/s of ``4xNDR``; 0 where the line ends otherwise, as older releases print it."""
        match = _SPEED.fullmatch(word.strip())
        if match is None:
            return 0.0
        lanes, speed = match.groups()
        if speed not in GIGABITS_PER_LANE:
            self._problems.add(number, "", f"one of {', '.join(GIGABITS_PER_LANE)}", speed)
        return int(lanes) * GIGABITS_PER_LANE.get(speed, 0.0)


def _switches(links: _Links, hosts: Iterable[str]) -> dict[str, Switch]:
    """Switches by GUID, each with the hosts on it and, for now, no children."""
    on: dict[str, dict[str, None]] = {}
    for host in hosts:
        for guid, _, _ in links.adapters[host]:
            on.setdefault(guid, {})[host] = None
    return {
        guid: Switch(name=guid, hosts=tuple(on.get(guid, ())), line=line)
        for guid, (_, line) in links.switches.items()
    }


def _tiers(switches: Mapping[str, Switch], links: _Links) -> dict[str, int]:
    """Tier of each switch that reaches a host, by distance; children are set on the way."""
    neighbours: dict[str, list[str]] = {}
    for a, b in links.uplinks:
        if a in switches and b in switches:
            neighbours.setdefault(a, []).append(b)
            neighbours.setdefault(b, []).append(a)
    tiers = {guid: 1 for guid, switch in switches.items() if switch.hosts}
    queue = deque(tiers)
    while queue:
        guid = queue.popleft()
        for other in neighbours.get(guid, ()):
            if other not in tiers:
                tiers[other] = tiers[guid] + 1
                queue.append(other)
    for guid, tier in tiers.items():
        below = {other for other in neighbours.get(guid, ()) if tiers[other] <= tier}
        switches[guid].children = tuple(sorted(below))
    return tiers


def _placed(
    hosts: Iterable[str], tree: UnitTree, links: _Links, titles: Mapping[str, str]
) -> tuple[FabricHost, ...]:
    return tuple(
        FabricHost(
            name=name,
            units=tuple(titles.get(unit, unit) for unit in tree.units_of[name]),
            line=links.adapters[name][0][2],
        )
        for name in hosts
    )


def _titles(links: _Links) -> dict[str, str]:
    """What switches are called: their descriptions, with the GUID where several share one."""
    counts = Counter(description for description, _ in links.switches.values())
    return {
        guid: description if counts[description] == 1 else f"{description}-{guid}"
        for guid, (description, _) in links.switches.items()
    }


def _ports(hosts: Mapping[str, Sequence[tuple[str, float, int]]], usual: int) -> Ports:
    rates = Counter(rate for held in hosts.values() for _, rate, _ in held)
    rate = max(rates.items(), key=lambda item: (item[1], item[0]))[0]
    rails = _usual(len({switch for switch, _, _ in held}) for held in hosts.values())
    return Ports(
        nics_per_host=usual,
        nic_bytes_per_s=rate * 1e9 / 8 or None,
        link=ScaleOutLink.INFINIBAND,
        rails=rails,
    )


def _oversubscription(
    tree: UnitTree, links: _Links, levels: Sequence[str], titles: Mapping[str, str]
) -> dict[Uplink, float]:
    """Per unit, the rate of what is below over that of the links that leave it."""
    held: Mapping[str, float] = links.below
    inner: Mapping[str, str] = {guid: guid for guid in links.switches}
    ratios: dict[Uplink, float] = {}
    for level, units in zip(levels, tree.switch_units, strict=False):
        outer = {inner[guid]: units[guid] for guid in inner if guid in units}
        down: defaultdict[str, float] = defaultdict(float)
        up: defaultdict[str, float] = defaultdict(float)
        for unit, rate in held.items():
            if unit in outer:
                down[outer[unit]] += rate
        for (guid, peer), rate in links.uplinks.items():
            if guid in units and units.get(peer) != units[guid]:
                up[units[guid]] += rate
        for unit, rate in down.items():
            ratio = rate / up[unit] if up[unit] else 1.0
            usual = min(round(ratio, 2), 100.0) if ratio > WIDE_ENOUGH else 1.0
            ratios[level, titles[unit]] = usual
        held, inner = up, units
    return ratios


def _sentences(
    links: _Links,
    hosts: Mapping[str, object],
    usual: int,
    tree: UnitTree,
    titles: Mapping[str, str],
) -> Iterator[str]:
    yield (
        f"Read: switches {len(links.switches)}, hosts {len(hosts)} with {usual} adapters each, the"
        " rates of links, and of all adapters over those of uplinks."
    )
    few = len(links.adapters) - len(hosts)
    if few:
        yield f"Left out for having half as many adapters or fewer (storage, management): {few} hosts."
    if links.num_unnamed:
        yield f"Left out for naming no host in their description: {links.num_unnamed} adapters."
    if links.num_reducing:
        yield (
            f"Switches that could reduce in the network (SHARP): {links.num_reducing}; whether jobs"
            " may is not said, so in_network_reduction is left off."
        )
    for guid, members in list(tree.members.items())[:MAX_LISTED]:
        if titles[guid]:
            yield f"{titles[guid]} stands for {len(members)} switches that reach the same hosts."
