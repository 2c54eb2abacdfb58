"""Which hosts share a scale-up domain, and which network levels lie outside the domains."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from placer.importers.clusters.fabric import Fabric, FabricHost
from placer.importers.problems import Problems

if TYPE_CHECKING:
    from placer.spec.accelerator import Accelerator

_DIGITS: Final = re.compile(r"(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainHosts:
    """A domain: its hosts in order, where it stands, and how many hosts it has no name for."""

    name: str
    hosts: tuple[str, ...]
    units: tuple[str, ...]
    site: str
    num_missing: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Domains:
    """All domains, the network levels outside them, and what was decided on the way."""

    hosts_per_domain: int
    domains: tuple[DomainHosts, ...]
    levels: tuple[str, ...]
    assumed: tuple[str, ...] = ()


def natural_key(name: str) -> tuple[tuple[int, int | str], ...]:
    """Sort key that puts n10 behind n9."""
    parts = _DIGITS.split(name)
    return tuple((0, int(part)) if part.isdecimal() else (1, part) for part in parts if part)


def find_domains(
    fabric: Fabric, accelerator: Accelerator, gpus_per_host: int, problems: Problems
) -> Domains:
    """Group hosts into domains of the accelerator; contradictions are noted in ``problems``.

    Domains the source names are taken where the part's domain spans hosts; a source that names
    none has them cut in order of host names. Hosts a domain lacks to the size of the largest are
    counted, since a domain keeps its size when a tray is out.
    """
    most = max(1, accelerator.scale_up.size // gpus_per_host)
    label, assumed = _label(fabric, accelerator, most)
    if label is None and most == 1:
        groups = {host.name: [host] for host in fabric.hosts}
    elif label is None:
        groups = _cut(fabric.hosts, most, accelerator, problems)
        assumed += (f"Domains are {most} hosts each in order of their names; the file has none.",)
    else:
        groups = _labelled(fabric.hosts, label, problems)
    largest = max((len(hosts) for hosts in groups.values()), default=1)
    if largest > most:
        name = max(groups, key=lambda name: len(groups[name]))
        _report_large(name, groups[name], accelerator, most, problems)
    kept = _levels_outside(fabric, groups, problems)
    domains = tuple(
        _domain(name, _in_order(hosts), kept, largest) for name, hosts in groups.items()
    )
    _check_sites(groups, problems)
    levels = (*(fabric.levels[index] for index in kept), *fabric.levels[-1:])
    return Domains(
        hosts_per_domain=largest,
        domains=domains,
        levels=levels if len(domains) > 1 else (),
        assumed=assumed,
    )


def _label(
    fabric: Fabric, accelerator: Accelerator, most: int
) -> tuple[str | None, tuple[str, ...]]:
    """The field of a host that names its domain, None for neither, and what to say about it."""
    hosts = fabric.hosts
    if not any(host.domain for host in hosts):
        return None, ()
    if most == 1:
        text = f"Accelerator domains are left out: that of {accelerator.name} is one host."
        return None, () if _is_level(fabric) else (text,)
    parts = _counts(host.sub_domain for host in hosts)
    whole = _counts(host.domain for host in hosts)
    if max(whole.values()) > most and "" not in parts and max(parts.values()) <= most:
        text = (
            f"Sub-domains are the scale-up domains: {accelerator.name} spans {most} hosts at most."
        )
        return "sub_domain", (text,)
    return "domain", ()


def _is_level(fabric: Fabric) -> bool:
    """Whether domains are single hosts, or the units of some network level."""
    domains = [host.domain for host in fabric.hosts]
    columns = [[host.name for host in fabric.hosts]]
    columns += [[h.units[i] for h in fabric.hosts] for i in range(len(fabric.levels) - 1)]
    return any(
        len(set(zip(domains, column, strict=True))) == len(set(domains)) == len(set(column))
        for column in columns
    )


def _counts(names: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return counts


def _labelled(
    hosts: Sequence[FabricHost], label: str, problems: Problems
) -> dict[str, list[FabricHost]]:
    """Hosts by the domain the source names; hosts it leaves out are noted."""
    name_of = attrgetter(label)
    groups: dict[str, list[FabricHost]] = {}
    for host in hosts:
        groups.setdefault(name_of(host), []).append(host)
    for host in groups.pop("", []):
        remedy = "Other hosts have one; cordon the host off, or add its domain."
        problems.add(host.line, host.name, "the host's accelerator domain", "none", remedy)
    return groups


def _cut(
    hosts: Sequence[FabricHost], size: int, accelerator: Accelerator, problems: Problems
) -> dict[str, list[FabricHost]]:
    """Domains of ``size`` hosts inside each innermost unit, in order of names."""
    units: dict[tuple[str, ...], list[FabricHost]] = {}
    for host in hosts:
        units.setdefault((host.site, *host.units), []).append(host)
    groups: dict[str, list[FabricHost]] = {}
    for members in units.values():
        ordered = sorted(members, key=lambda host: natural_key(host.name))
        if len(ordered) % size:
            where = ordered[0].units[0] if ordered[0].units else "the cluster"
            problems.add(
                ordered[0].line,
                where,
                f"a multiple of {size} hosts, which a domain of {accelerator.name} spans",
                f"{len(ordered)}",
                "Import a file that names the domains: a block topology, or Kubernetes labels.",
            )
        for start in range(0, len(ordered), size):
            groups[f"domain{len(groups)}"] = ordered[start : start + size]
    return groups


def _report_large(
    name: str,
    hosts: Sequence[FabricHost],
    accelerator: Accelerator,
    most: int,
    problems: Problems,
) -> None:
    expected = f"at most {most} hosts in a scale-up domain of {accelerator.name}"
    remedy = "Check --accelerator and --gpus-per-host."
    problems.add(hosts[0].line, name, expected, f"{len(hosts)}", remedy)


def _levels_outside(
    fabric: Fabric, groups: Mapping[str, Sequence[FabricHost]], problems: Problems
) -> tuple[int, ...]:
    """Network levels (the outermost left out) whose units hold whole domains, several in one.

    A level that lies inside the domains, or has one domain in each unit, is dropped.
    """
    kept = []
    for index, level in enumerate(fabric.levels[:-1]):
        units_of = {name: {host.units[index] for host in hosts} for name, hosts in groups.items()}
        split = [name for name, units in units_of.items() if len(units) > 1]
        count = _counts(unit for units in units_of.values() for unit in units)
        if not split and max(count.values(), default=0) > 1:
            kept.append(index)
        torn = [name for name in split if any(count[unit] > 1 for unit in units_of[name])]
        if torn:
            host = groups[torn[0]][0]
            units = ", ".join(sorted(units_of[torn[0]])[:3])
            expected = f"each domain inside one {level}, or whole {level} units inside it"
            problems.add(host.line, torn[0], expected, f"parts of {units}")
    return tuple(kept)


def _in_order(hosts: Sequence[FabricHost]) -> Sequence[FabricHost]:
    return hosts if len(hosts) == 1 else sorted(hosts, key=lambda host: natural_key(host.name))


def _domain(name: str, hosts: Sequence[FabricHost], kept: Sequence[int], size: int) -> DomainHosts:
    return DomainHosts(
        name=name,
        hosts=tuple(host.name for host in hosts),
        units=tuple(hosts[0].units[index] for index in kept),
        site=hosts[0].site,
        num_missing=size - len(hosts),
    )


def _check_sites(groups: Mapping[str, Sequence[FabricHost]], problems: Problems) -> None:
    for name, hosts in groups.items():
        sites = sorted({host.site for host in hosts})
        if len(sites) > 1:
            problems.add(hosts[0].line, name, "each domain at one site", " and ".join(sites))
