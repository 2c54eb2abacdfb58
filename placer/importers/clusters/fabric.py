"""What any description of a cluster comes down to: hosts, and where each one stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from placer.spec.interconnect import ScaleOutLink

LEVEL_NAMES: Final = ("leaf", "spine", "core")

Uplink = tuple[str, str]
"""Level and unit that an uplink leaves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FabricHost:
    """A host and where it stands.

    ``units`` has one name per network level from inside out, the outermost level (one unit for
    all) left out. ``domain`` is the scale-up domain the source states, ``sub_domain`` a part of
    it; both empty where it states none. ``lost_gpus`` are missing from the host, a ``drained`` one
    takes no jobs. ``line`` is where the source names the host.
    """

    name: str
    units: tuple[str, ...] = ()
    domain: str = ""
    sub_domain: str = ""
    site: str = ""
    lost_gpus: int = 0
    drained: bool = False
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What one host is known to have; None is what nobody said."""

    gpus_per_host: int | None = None
    nics_per_host: int | None = None
    nic_bytes_per_s: float | None = None
    link: ScaleOutLink | None = None
    rails: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fabric:
    """A whole cluster as one file describes it.

    ``levels`` names the network levels from inside out, one more than each host has units.
    ``oversubscription`` is by level and unit, for the units whose uplinks the source counts.
    ``read`` and ``assumed`` are sentences: what was taken from the source, what it leaves open.
    """

    source: str
    kind: str
    hosts: tuple[FabricHost, ...]
    levels: tuple[str, ...]
    ports: Ports = Ports()
    oversubscription: Mapping[Uplink, float] = field(default_factory=lambda: MappingProxyType({}))
    read: tuple[str, ...] = ()
    assumed: tuple[str, ...] = ()


def level_names(count: int) -> tuple[str, ...]:
    """Names for so many network levels, from inside out: leaf, spine, core, tier4, ..."""
    more = (f"tier{number}" for number in range(len(LEVEL_NAMES) + 1, count + 1))
    return (*LEVEL_NAMES, *more)[:count]


def qualified(hosts: Sequence[FabricHost]) -> tuple[FabricHost, ...]:
    """Hosts with unit names that are unique: a rack 1 in each of two pods gets its pod's name."""
    num_levels = max((len(host.units) for host in hosts), default=0)
    parents: list[dict[str, set[tuple[str, ...]]]] = [{} for _ in range(num_levels)]
    for host in hosts:
        for level, name in enumerate(host.units):
            parents[level].setdefault(name, set()).add((*host.units[level + 1 :], host.site))
    named = ((host, _qualified_units(host, parents)) for host in hosts)
    return tuple(
        host if units == host.units else replace(host, units=units) for host, units in named
    )


def _qualified_units(
    host: FabricHost, parents: Sequence[Mapping[str, set[tuple[str, ...]]]]
) -> tuple[str, ...]:
    """Names with those of the units around them in front, where the name alone is ambiguous."""
    names: list[str] = []
    outer = host.site
    for level in reversed(range(len(host.units))):
        own = host.units[level]
        outer = f"{outer}-{own}" if len(parents[level][own]) > 1 and outer else own
        names.append(outer)
    return tuple(reversed(names))


def without_trivial_levels(fabric: Fabric) -> Fabric:
    """The fabric without outermost levels of a single unit below the one that joins all."""
    num_levels = len(fabric.levels)
    while num_levels > 1 and len({host.units[num_levels - 2] for host in fabric.hosts}) == 1:
        num_levels -= 1
    if num_levels == len(fabric.levels):
        return fabric
    hosts = tuple(replace(host, units=host.units[: num_levels - 1]) for host in fabric.hosts)
    return replace(fabric, hosts=hosts, levels=fabric.levels[:num_levels])
