"""The hierarchy a cluster file describes, counted out: every unit with the domains it holds.

Domains (units of the outermost scale-up level) are numbered along the hierarchy, so that each
unit of every level is a range of them; accelerators and hosts are numbered domain by domain.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from placer.spec.hierarchy.findings import Finding, Findings
from placer.spec.hierarchy.hardware import Hardware

if TYPE_CHECKING:
    from placer.spec.cluster import ClusterSpec

MAX_GPUS = 1 << 20
MAX_UNITS = 1 << 17


@dataclass(frozen=True, slots=True)
class DomainRun:
    """Consecutive domains of one kind; ``hosts`` are their hosts' names where the file lists them."""

    hardware: int
    num_domains: int
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitTable:
    """All units of one scale-out level.

    Unit u holds the domains ``[first_domain[u], first_domain[u + 1])``, has the name ``labels[u]``
    (empty: level name and number) and an uplink oversubscribed by ``oversubscription[u]``.
    """

    name: str
    first_domain: tuple[int, ...]
    labels: tuple[str, ...]
    oversubscription: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def unit_name(self, index: int) -> str:
        """Name of one unit; a level of a single unit has the level's name."""
        number = "" if len(self) == 1 else str(index)
        return self.labels[index] or f"{self.name}{number}"

    def unit_of(self, domain: int) -> int:
        """The unit that holds a domain."""
        return bisect_right(self.first_domain, domain) - 1


@dataclass(frozen=True, kw_only=True)
class ClusterLayout:
    """Counts and names of a whole cluster; ``tables`` run from the innermost network level out."""

    hardware: tuple[Hardware, ...]
    runs: tuple[DomainRun, ...]
    tables: tuple[UnitTable, ...]
    sites: tuple[str, ...]

    @cached_property
    def first_domain(self) -> tuple[int, ...]:
        """First domain of each run, and the number of domains."""
        return tuple(accumulate((run.num_domains for run in self.runs), initial=0))

    @cached_property
    def first_gpu(self) -> tuple[int, ...]:
        """First accelerator of each run, and the number of accelerators."""
        sizes = (run.num_domains * self.hardware[run.hardware].domain_gpus for run in self.runs)
        return tuple(accumulate(sizes, initial=0))

    @cached_property
    def first_host(self) -> tuple[int, ...]:
        """First host of each run, and the number of hosts."""
        sizes = (
            run.num_domains * self.hardware[run.hardware].hosts_per_domain for run in self.runs
        )
        return tuple(accumulate(sizes, initial=0))

    @property
    def num_domains(self) -> int:
        """Domains of the cluster."""
        return self.first_domain[-1]

    @property
    def num_gpus(self) -> int:
        """Accelerators of the cluster, usable or not."""
        return self.first_gpu[-1]

    @property
    def num_hosts(self) -> int:
        """Hosts of the cluster, usable or not."""
        return self.first_host[-1]

    def gpu_at_domain(self, domain: int) -> int:
        """First accelerator of a domain; of one past the last, the number of accelerators."""
        run, within = self._in_run(self.first_domain, domain)
        return self.first_gpu[run] + within * self._hardware_of(run).domain_gpus

    def gpu_at_host(self, host: int) -> int:
        """First accelerator of a host; of one past the last, the number of accelerators."""
        run, within = self._in_run(self.first_host, host)
        return self.first_gpu[run] + within * self._hardware_of(run).gpus_per_host

    def host_at_domain(self, domain: int) -> int:
        """First host of a domain; of one past the last, the number of hosts."""
        run, within = self._in_run(self.first_domain, domain)
        return self.first_host[run] + within * self._hardware_of(run).hosts_per_domain

    def domain_at_host(self, host: int) -> int:
        """The domain of a host."""
        run, within = self._in_run(self.first_host, host)
        return self.first_domain[run] + within // self._hardware_of(run).hosts_per_domain

    def domain_at_gpu(self, gpu: int) -> int:
        """The domain of an accelerator."""
        run, within = self._in_run(self.first_gpu, gpu)
        return self.first_domain[run] + within // self._hardware_of(run).domain_gpus

    def hardware_at_domain(self, domain: int) -> Hardware:
        """What stands in a domain."""
        return self._hardware_of(self._in_run(self.first_domain, domain)[0])

    def run_at_host(self, host: int) -> tuple[DomainRun, int]:
        """The run of a host, and the host's number in it."""
        run, within = self._in_run(self.first_host, host)
        return self.runs[run], within

    def _hardware_of(self, run: int) -> Hardware:
        return self.hardware[self.runs[run].hardware]

    def _in_run(self, first: tuple[int, ...], index: int) -> tuple[int, int]:
        run = min(bisect_right(first, index), len(self.runs)) - 1
        return run, index - first[run]


def resolve_layout(spec: ClusterSpec) -> ClusterLayout:
    """Count out a cluster that has passed its checks."""
    layout, findings = _walked(spec)
    assert layout is not None, findings
    return layout


def find_problems(spec: ClusterSpec) -> list[Finding]:
    """Everything contradictory in a cluster: sizes, names, links, outages."""
    from placer.spec.hierarchy.naming import check_names
    from placer.spec.hierarchy.outages import find_outages
    from placer.spec.hierarchy.sites import check_budgets, check_sites

    layout, findings = _walked(spec)
    collected = Findings()
    collected.items += findings
    check_sites(spec, collected)
    if layout is not None and not findings:
        check_names(spec, layout, collected)
        check_budgets(spec, layout, collected)
    if layout is not None and not collected.items:
        find_outages(spec, layout, collected)
    return collected.items


def _walked(spec: ClusterSpec) -> tuple[ClusterLayout | None, list[Finding]]:
    from placer.spec.hierarchy.unit_walk import UnitWalk

    findings = Findings()
    layout = UnitWalk(spec, findings).layout()
    return layout, findings.items
