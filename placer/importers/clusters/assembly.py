"""From a fabric and the user's options to the fields of a cluster file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any, Final

from placer.errors import InputError
from placer.importers.clusters.domains import DomainHosts, Domains, find_domains, natural_key
from placer.importers.clusters.fabric import Fabric, Ports, without_trivial_levels
from placer.importers.clusters.hostlists import compress_list
from placer.importers.clusters.options import OptionReader, Parts
from placer.importers.problems import Problems
from placer.spec.cluster import MAX_SITES
from placer.spec.hierarchy.hostlist import HOST_NAME
from placer.spec.interconnect import ScaleOutLink
from placer.units import format_bandwidth

Draft = dict[str, Any]
"""Fields of ``ClusterSpec``, not yet validated."""

FIRST_LATENCY_US: Final = 3
"""Through one switch; each tier more adds 1 us (2-5 us per NIC hop measured)."""
MAX_NAME: Final = 63
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9.]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """The fields of a cluster file, and sentences for its comments."""

    fields: Draft
    notes: tuple[str, ...]


def assemble(fabric: Fabric, parts: Parts, options: OptionReader) -> Assembled:
    """Nest the hosts into units, fill in what the options say, list what is assumed.

    Raises
    ------
    InputError
        When hosts and accelerator contradict each other, or an option is missing.
    """
    fabric = without_trivial_levels(fabric)
    problems = Problems(fabric.source)
    ports = _merged(fabric.ports, parts.ports)
    gpus_per_host = ports.gpus_per_host or parts.accelerator.gpus_per_host
    domains = find_domains(fabric, parts.accelerator, gpus_per_host, problems)
    sites = list(dict.fromkeys(domain.site for domain in domains.domains))
    if len(sites) > MAX_SITES:
        problems.add(None, "sites", f"at most {MAX_SITES} sites", f"{len(sites)}")
    if domains.levels and ports.nic_bytes_per_s is None:
        options.require_nic()
    if len(sites) > 1 and parts.site_link is None:
        options.require_site_link()
    if problems.items or options.problems:
        raise InputError([*options.problems, *problems.items])
    files = file_names(fabric.source)
    labels = _Labels(domains, options.options.name or files.partition(".")[0])
    network, assumed = _network(domains, ports, gpus_per_host, fabric)
    fields: Draft = {
        "name": labels.cluster,
        "description": _description(fabric, domains, gpus_per_host, parts),
        "sources": [f"{fabric.kind}: {files}"],
        "assumed": [*fabric.assumed, *domains.assumed, *assumed],
        "accelerator": parts.accelerator.key,
        "gpus_per_host": gpus_per_host,
        "scale_up": {"size": domains.hosts_per_domain * gpus_per_host},
    }
    if network:
        fields["scale_out"] = network
    builder = _Nesting(domains, fabric, labels)
    fields |= builder.units(sites if len(sites) > 1 else [], parts)
    fields |= _outages(fabric, builder.missing)
    return Assembled(fields=fields, notes=fabric.read)


def file_names(source: str) -> str:
    """Paths with commas between them as names without folders, the same on every machine."""
    return ", ".join(PurePath(path).name for path in source.split(", "))


def _merged(read: Ports, stated: Ports) -> Ports:
    """What the file counts, the user's word before it."""
    given = {
        "gpus_per_host": stated.gpus_per_host,
        "nic_bytes_per_s": stated.nic_bytes_per_s,
        "link": stated.link,
    }
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return replace(read, **changes)


def _outages(fabric: Fabric, missing: Sequence[str]) -> Draft:
    """What is out of use: hosts nobody named, accelerators a host lacks, hosts that take no jobs."""
    unavailable: list[Draft] = []
    if missing:
        unavailable.append({"units": list(compress_list(missing)), "reason": "not in the file"})
    for lost in sorted({host.lost_gpus for host in fabric.hosts} - {0}):
        names = compress_list(host.name for host in fabric.hosts if host.lost_gpus == lost)
        unavailable.append({"units": list(names), "lose": f"{lost} gpu"})
    drained = compress_list(host.name for host in fabric.hosts if host.drained)
    return {"unavailable": unavailable, "drained": list(drained)}


def _description(fabric: Fabric, domains: Domains, gpus_per_host: int, parts: Parts) -> str:
    num_hosts = len(fabric.hosts)
    gpus = f"{num_hosts * gpus_per_host:,} {parts.accelerator.name}"
    where = "1 host" if num_hosts == 1 else f"{num_hosts:,} hosts"
    joined = f", network levels {listed(domains.levels)}" if domains.levels else ""
    return f"{gpus} in {where}{joined}."


def listed(names: Sequence[str]) -> str:
    """Names as a sentence has them: a, b and c."""
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _network(
    domains: Domains, ports: Ports, gpus_per_host: int, fabric: Fabric
) -> tuple[Draft, list[str]]:
    """The ``scale_out`` section, and what it assumes."""
    if not domains.levels:
        return {}, []
    assert ports.nic_bytes_per_s is not None
    assumed = []
    if ports.link is None:
        assumed.append("The network is InfiniBand; no option said otherwise.")
    network: Draft = {
        "link": (ports.link or ScaleOutLink.INFINIBAND).value,
        "nic": format_rate(ports.nic_bytes_per_s),
    }
    if ports.nics_per_host is None:
        assumed.append(f"One port of {network['nic']} per accelerator.")
    elif ports.nics_per_host != gpus_per_host:
        network["nics_per_accelerator"] = ports.nics_per_host / gpus_per_host
    if ports.rails is None:
        assumed.append("All ports of a host meet at the same leaf switches (no rails).")
    elif ports.rails > 1:
        network["rails"] = ports.rails
    tiers = [fabric.levels.index(name) for name in domains.levels]
    latencies = [f"{FIRST_LATENCY_US + tier} us" for tier in tiers]
    assumed.append(f"Latency by level {listed(latencies)}; 2-5 us per NIC hop were measured.")
    network["levels"] = [
        {"name": name, "latency": latency}
        for name, latency in zip(domains.levels, latencies, strict=True)
    ]
    uncounted = [name for name in domains.levels[:-1] if not _is_counted(name, fabric)]
    if uncounted:
        assumed.append(f"Uplinks of {listed(uncounted)} are as wide as what is below them.")
    return network, assumed


def _is_counted(level: str, fabric: Fabric) -> bool:
    return any(name == level for name, _ in fabric.oversubscription)


def format_rate(rate_bytes_per_s: float) -> str:
    """A port's rate as people name it: ``400 Gbit/s``."""
    gigabits = rate_bytes_per_s * 8 / 1e9
    return f"{gigabits:g} Gbit/s" if gigabits >= 0.1 else format_bandwidth(rate_bytes_per_s)


class _Labels:
    """Names fit for a cluster file, each one once: switches are often called what it cannot hold."""

    def __init__(self, domains: Domains, cluster: str) -> None:
        self.cluster = _safe(cluster) or "cluster"
        hosts = {name for domain in domains.domains for name in domain.hosts}
        self._taken = hosts | {self.cluster} | _default_names(domains)
        self._given: dict[tuple[int, str], str] = {}
        self._numbers: dict[str, int] = {}

    def unit(self, level: int, name: str) -> str:
        """The label of a unit."""
        if (level, name) not in self._given:
            self._given[level, name] = self._fresh(_safe(name) or "unit")
        return self._given[level, name]

    def missing(self, domain: str, number: int) -> str:
        """A name for a host the file does not list."""
        return self._fresh(f"{_safe(domain)[:40]}-missing{number}")

    def _fresh(self, wanted: str) -> str:
        stem, label = wanted[: MAX_NAME - 8], wanted
        while label in self._taken:
            number = self._numbers[stem] = self._numbers.get(stem, 1) + 1
            label = f"{stem}-{number}"
        self._taken.add(label)
        return label


def _default_names(domains: Domains) -> set[str]:
    """Names the outermost units get by themselves."""
    return set(domains.levels)


def _safe(name: str) -> str:
    """Letters, digits, dots and dashes of a name; of an InfiniBand node description, its own part.

    ``MF0;A09-LEAF-04:MQM9701/U1`` (type, name, module) is A09-LEAF-04.
    """
    own = name.partition(";")[2].partition(":")[0] if ";" in name else name
    safe = _UNSAFE.sub("-", own).strip("-.")[:MAX_NAME].strip("-.")
    return f"unit-{safe}" if safe and not HOST_NAME.fullmatch(safe) else safe


class _Nesting:
    """Units inside units, as ``pods``, ``sites`` or ``hosts`` of a cluster file."""

    def __init__(self, domains: Domains, fabric: Fabric, labels: _Labels) -> None:
        self.domains = domains
        self.fabric = fabric
        self.labels = labels
        self.missing: list[str] = []

    def units(self, sites: Sequence[str], parts: Parts) -> Draft:
        """The fields that hold the hosts."""
        depth = len(self.domains.levels) - 1
        if not sites:
            return self._inside(self.domains.domains, depth, "pods")
        names = [self.labels.unit(depth, site) for site in sites]
        listed = []
        for site, name in zip(sites, names, strict=True):
            here = [domain for domain in self.domains.domains if domain.site == site]
            listed.append({"name": name, **self._inside(here, depth, "pods")})
        assert parts.site_link is not None
        link = {"bandwidth": parts.site_link.bandwidth, "distance": parts.site_link.distance}
        pairs = [(a, b) for index, a in enumerate(names) for b in names[index + 1 :]]
        return {"sites": listed, "links": [{"between": list(pair), **link} for pair in pairs]}

    def _inside(self, domains: Sequence[DomainHosts], level: int, field: str) -> Draft:
        """What one unit of a level holds: units of the level inside, or hosts."""
        if level <= 0:
            return {"hosts": self._hosts(domains)}
        inner: dict[str, list[DomainHosts]] = {}
        for domain in domains:
            inner.setdefault(domain.units[level - 1], []).append(domain)
        return {field: [self._unit(level - 1, name, held) for name, held in inner.items()]}

    def _unit(self, level: int, name: str, domains: Sequence[DomainHosts]) -> Draft:
        unit: Draft = {"name": self.labels.unit(level, name)}
        ratio = self.fabric.oversubscription.get((self.domains.levels[level], name), 1.0)
        if ratio > 1.0:
            unit["oversubscription"] = ratio
        return unit | self._inside(domains, level, "units")

    def _hosts(self, domains: Iterable[DomainHosts]) -> list[str]:
        """Hosts domain by domain, so that each domain gets its own."""
        if self.domains.hosts_per_domain == 1:
            return list(compress_list(name for domain in domains for name in domain.hosts))
        ordered = sorted(domains, key=lambda domain: natural_key(domain.hosts[0]))
        return [name for domain in ordered for name in compress_list(self._filled(domain))]

    def _filled(self, domain: DomainHosts) -> tuple[str, ...]:
        """Hosts of a domain, those without a name included."""
        extra = tuple(
            self.labels.missing(domain.name, number) for number in range(1, domain.num_missing + 1)
        )
        self.missing += extra
        return (*domain.hosts, *extra)


def ordered_fields(fields: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """Fields that say something, in the order of a cluster file."""
    return ((name, value) for name, value in fields.items() if value not in ({}, [], None))
