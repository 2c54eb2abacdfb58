"""Accelerators out of use: names and patterns of a cluster file as ranges of accelerators."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from placer.spec.hierarchy.counted import DOMAIN, GPU, HOST, name_part
from placer.spec.hierarchy.findings import Findings, Path
from placer.spec.hierarchy.hardware import part_size
from placer.spec.hierarchy.hostlist import MAX_NAMES, expand_names
from placer.spec.hierarchy.naming import ClusterNames, cluster_names

if TYPE_CHECKING:
    from placer.spec.cluster import ClusterSpec, OutageSpec
    from placer.spec.hierarchy.layout import ClusterLayout


MAX_HITS = 1 << 17


class OutageKind(StrEnum):
    """Why an accelerator is not used; where several hold, the first of these counts."""

    FAILED = "failed"
    DRAINED = "drained"
    EXCLUDED = "excluded"
    SPARE = "spare"


@dataclass(frozen=True, slots=True)
class Outage:
    """Accelerators ``gpus`` that are out of use."""

    kind: OutageKind
    gpus: range


def find_outages(
    spec: ClusterSpec, layout: ClusterLayout, findings: Findings
) -> tuple[Outage, ...]:
    """All accelerators out of use, in order of precedence; what cannot be resolved is reported."""
    finder = _OutageFinder(layout, cluster_names(spec, layout), findings)
    fields = {
        "unavailable": (OutageKind.FAILED, spec.unavailable),
        "drained": (OutageKind.DRAINED, spec.drained),
        "excluded": (OutageKind.EXCLUDED, spec.excluded),
    }
    outages = [
        Outage(kind, gpus)
        for field, (kind, stated) in fields.items()
        for position, outage in enumerate(stated)
        for gpus in _joined(finder.lost(outage, (field, position)))
    ]
    if spec.spares is not None:
        parts, per = spec.spares.parts, spec.spares.per
        healthy = _Healthy(outage.gpus for outage in outages)
        spares = finder.spares(parts.count, parts.part, per, healthy)
        outages += [Outage(OutageKind.SPARE, gpus) for gpus in _joined(spares)]
    return tuple(outages)


def _joined(parts: Iterable[range]) -> Iterator[range]:
    """Ranges with those joined that follow each other without a gap."""
    last = range(0)
    for part in parts:
        if last and part.start == last.stop:
            last = range(last.start, part.stop)
            continue
        yield last
        last = part
    yield last


@dataclass(frozen=True, slots=True)
class _OutageFinder:
    """Turns what the file names into ranges of accelerators."""

    layout: ClusterLayout
    names: ClusterNames
    findings: Findings

    def lost(self, outage: OutageSpec, path: Path) -> Iterator[range]:
        """What one entry takes out of use."""
        patterns = [name for name in ("every", "share") if getattr(outage, name) is not None]
        if len(patterns) + bool(outage.units) != 1:
            found = " and ".join([*(["units"] if outage.units else []), *patterns]) or "none"
            remedy = "Write for example {every: 33, of: hosts, lose: 1 gpu}."
            self.findings.add(path, "one of units, every and share", found, remedy)
            return
        parts = self._named(outage.units, path) if outage.units else self._patterned(outage, path)
        for part in parts:
            size = len(part) if outage.lose is None else self._loss(outage, part, path)
            yield part[len(part) - size :]

    def spares(self, count: int, part: str, per: str, healthy: _Healthy) -> Iterator[range]:
        """The last healthy parts of each unit of a level, or of the whole cluster.

        A unit with none has nothing to replace; one with too few is reported.
        """
        path: Path = ("spares",)
        scopes = [range(self.layout.num_domains)]
        if per:
            units = self._parts_of(per, scopes[0], path)
            scopes = [self._domains_in(units[index]) for index in range(len(units))]
        for scope in scopes:
            parts = self._parts_of(part, scope, path)
            found = 0
            for index in reversed(range(len(parts))):
                if found < count and healthy.holds(parts[index]):
                    found += 1
                    yield parts[index]
            if 0 < found < count and not self.findings.items:
                remedy = "Hold back fewer, or smaller parts."
                expected = f"{count} healthy {part} units in each {per or 'cluster'}"
                self.findings.add(path, expected, str(found), remedy)

    def _domains_in(self, gpus: range) -> range:
        """Domains of a unit given by its accelerators."""
        layout = self.layout
        first = layout.domain_at_gpu(gpus.start)
        return range(first, layout.domain_at_gpu(gpus.stop - 1) + 1)

    def _named(self, units: tuple[str, ...], path: Path) -> Iterator[range]:
        """Accelerators of units by name; an entry may be a single name without ``units``."""
        whole = path if len(units) == 1 else (*path, "units")
        for where, name in self._expanded(units, whole):
            gpus = self.names.gpus_named(name)
            if gpus is None:
                remedy = f"Hosts are called {self.names.host_name(0)}, ..."
                self.findings.add(where, "a unit of the cluster", repr(name), remedy)
            else:
                yield gpus

    def _expanded(self, texts: tuple[str, ...], path: Path) -> Iterator[tuple[Path, str]]:
        """Names that hostlists stand for, each with its place in the file."""
        total = 0
        for position, text in enumerate(texts):
            where = path if len(texts) == 1 else (*path, position)
            try:
                names = expand_names(text)
                total += len(names)
                if total > MAX_NAMES:
                    raise ValueError(f"expected at most {MAX_NAMES} names, found more")
            except ValueError as error:
                expected, _, found = str(error).removeprefix("expected ").partition(", found ")
                self.findings.add(where, expected, found, "")
                return
            yield from ((where, name) for name in names)

    def _patterned(self, outage: OutageSpec, path: Path) -> Iterator[range]:
        """The parts a pattern hits: counted anew inside each unit of ``within``."""
        for scope in self._scopes(outage, path):
            parts = self._parts_of(outage.of, scope, (*path, "of"))
            share = 1 / outage.every if outage.every is not None else outage.share or 0.0
            hits = int(len(parts) * share + 1e-9)
            if hits > MAX_HITS:
                remedy = "Name the units they make up instead."
                self.findings.add(path, f"at most {MAX_HITS} parts hit", str(hits), remedy)
            elif outage.every is not None:
                yield from parts.every(outage.every)
            else:
                yield from (parts[math.ceil(k / share - 1e-9) - 1] for k in range(1, hits + 1))

    def _scopes(self, outage: OutageSpec, path: Path) -> Iterator[range]:
        if not outage.within:
            yield range(self.layout.num_domains)
        for where, name in self._expanded(outage.within, (*path, "within")):
            domains = self.names.domains_named(name)
            if domains is None:
                self.findings.add(where, "a domain or a unit of a level", repr(name), "")
            else:
                yield domains

    def _parts_of(self, word: str, scope: range, path: Path) -> _Parts:
        """Parts of one kind inside a range of domains."""
        part, layout = name_part(word), self.layout
        start, stop = scope.start, scope.stop
        if part == GPU:
            first = layout.gpu_at_domain(start)
            numbers = range(first, layout.gpu_at_domain(stop))
            return _Parts(numbers, lambda gpu: gpu)
        if part == HOST:
            numbers = range(layout.host_at_domain(start), layout.host_at_domain(stop))
            return _Parts(numbers, layout.gpu_at_host)
        domain_names = {level.scale_up[-1].name for level in layout.hardware}
        if part == DOMAIN or part in domain_names or part.removesuffix("s") in domain_names:
            return _Parts(scope, layout.gpu_at_domain)
        table = self.names.table(part)
        if table is None:
            known = ["gpu", "host", "domain", *(table.name for table in layout.tables)]
            remedy = f"Known: {', '.join(known)}."
            self.findings.add(path, "a part of the cluster", repr(word), remedy)
            return _Parts(range(0), layout.gpu_at_domain)
        units = range(table.unit_of(start), table.unit_of(stop - 1) + 1)
        return _Parts(units, lambda unit: layout.gpu_at_domain(table.first_domain[unit]))

    def _loss(self, outage: OutageSpec, unit: range, path: Path) -> int:
        """Accelerators one hit unit loses."""
        assert outage.lose is not None
        domain = self.layout.domain_at_gpu(unit.start)
        hardware = self.layout.hardware_at_domain(domain)
        size = part_size(outage.lose.part, hardware)
        if size is None:
            remedy = "Write for example lose: 1 gpu, 2 hosts or all."
            found = f"'{outage.lose}'"
            self.findings.add((*path, "lose"), "gpus, hosts or domains", found, remedy)
            return 0
        lost = size * outage.lose.count
        if lost > len(unit):
            found = f"'{outage.lose}' = {lost} accelerators"
            expected = f"at most the unit's {len(unit)} accelerators"
            self.findings.add((*path, "lose"), expected, found, "Write lose: all.")
            return 0
        return lost


class _Parts:
    """Parts numbered in a row, as ranges of accelerators made when asked for."""

    def __init__(self, numbers: range, first_gpu: Callable[[int], int]) -> None:
        self.numbers = numbers
        self.first_gpu = first_gpu

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: int) -> range:
        number = self.numbers[index]
        return range(self.first_gpu(number), self.first_gpu(number + 1))

    def every(self, period: int) -> Iterator[range]:
        """Each ``period``-th part."""
        return (self[index] for index in range(period - 1, len(self), period))


class _Healthy:
    """Tells parts that nothing has touched."""

    def __init__(self, outages: Iterator[range]) -> None:
        merged: list[range] = []
        for gpus in sorted((gpus for gpus in outages if gpus), key=lambda gpus: gpus.start):
            if merged and gpus.start <= merged[-1].stop:
                merged[-1] = range(merged[-1].start, max(merged[-1].stop, gpus.stop))
            else:
                merged.append(gpus)
        self.starts = [gpus.start for gpus in merged]
        self.stops = [gpus.stop for gpus in merged]

    def holds(self, part: range) -> bool:
        """Whether no outage overlaps the part."""
        before = bisect_right(self.starts, part.stop - 1) - 1
        return before < 0 or self.stops[before] <= part.start
