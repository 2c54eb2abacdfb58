"""From sizes and lists of units in a cluster file to its layout, unit by unit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from placer.spec.cluster import ClusterSpec, FabricLevelSpec, UnitSpec
from placer.spec.hierarchy.counted import INNER, SYNONYMS, PartCount
from placer.spec.hierarchy.findings import Findings, Path
from placer.spec.hierarchy.hardware import (
    Choice,
    Hardware,
    HardwareShop,
    cluster_choice,
    overridden,
    part_size,
)
from placer.spec.hierarchy.hostlist import MAX_NAMES, expand_names
from placer.spec.hierarchy.layout import MAX_GPUS, MAX_UNITS, ClusterLayout, DomainRun, UnitTable
from placer.spec.suggest import did_you_mean

RESERVED = frozenset(SYNONYMS) | {"site", "sites", "cluster", "index"}


class UnitWalk:
    """Walks the hierarchy from the outermost level in and writes down each unit it enters.

    Levels count from 0, the innermost network level; -1 stands for the scale-up domain.
    """

    def __init__(self, spec: ClusterSpec, findings: Findings) -> None:
        self.spec = spec
        self.findings = findings
        self.shop = HardwareShop(spec, findings)
        self.levels = spec.scale_out.levels if spec.scale_out else ()
        self.runs: list[DomainRun] = []
        self.first_domain: list[list[int]] = [[] for _ in self.levels]
        self.labels: list[list[str]] = [[] for _ in self.levels]
        self.oversubscription: list[list[float]] = [[] for _ in self.levels]
        self.num_domains = 0
        self.num_gpus = 0
        self.num_units = 0
        self._level_domains: dict[tuple[int, int], int] = {}

    def layout(self) -> ClusterLayout | None:
        """The whole cluster; None when something was found wrong."""
        base = self.shop.index_of(cluster_choice(self.spec))
        if base is None or not self._check_lists():
            return None
        self._check_levels(self.shop.hardware[base])
        if not self.findings.items:
            self._walk_cluster(base)
            self._check_scale_up_levels()
        if self.findings.items:
            return None
        tables = [
            UnitTable(
                name=level.name,
                first_domain=(*self.first_domain[index], self.num_domains),
                labels=tuple(self.labels[index]),
                oversubscription=tuple(self.oversubscription[index]),
            )
            for index, level in enumerate(self.levels)
        ]
        return ClusterLayout(
            hardware=tuple(self.shop.hardware),
            runs=tuple(self.runs),
            tables=tuple(tables),
            sites=tuple(site.name for site in self.spec.sites) or (self.spec.name,),
        )

    def _check_lists(self) -> bool:
        """Lists of pods and sites need a level around them that does not state its own size."""
        spec, before = self.spec, len(self.findings.items)
        for field in ("pods", "sites"):
            needed = 2 if field == "pods" else 1
            if getattr(spec, field) and len(self.levels) < needed:
                self.findings.add(
                    (field,),
                    f"a scale_out with at least {needed} level(s), to join them",
                    f"{len(self.levels)}",
                    "Add the level that connects them to scale_out.levels.",
                )
        for field in ("pods", "hosts"):
            if not getattr(spec, field):
                continue
            if spec.sites:
                remedy = f"Move the {field} into their sites."
                self.findings.add((field,), f"no {field} beside sites", "both", remedy)
            if self.levels and self.levels[-1].size is not None:
                self.findings.add(
                    ("scale_out", "levels", len(self.levels) - 1, "size"),
                    f"no size, because the {field} are listed",
                    f"'{self.levels[-1].size}'",
                    f"Remove it, or remove {field}.",
                )
        return len(self.findings.items) == before

    def _check_levels(self, hardware: Hardware) -> None:
        """Names, the outermost uplink, and sizes as far as they are the same everywhere."""
        scale_up: list[tuple[str, Path]] = []
        path: Path = ("scale_up",)
        for inner in hardware.scale_up:
            scale_up.append((inner.name, (*path, "name")))
            path = (*path, "outer")
        seen: set[str] = set()
        network = [("scale_out", "levels", i, "name") for i in range(len(self.levels))]
        names = [*scale_up, *zip([level.name for level in self.levels], network, strict=True)]
        for name, where in names:
            if name in seen or name.lower() in RESERVED:
                remedy = f"Level names are unique, and not one of {', '.join(sorted(RESERVED))}."
                self.findings.add(where, "a name no other level has", repr(name), remedy)
            seen.add(name)
        for index, level in enumerate(self.levels):
            if level.size is not None:
                self._unit_domains(index, 0)
        if self.levels and self.levels[-1].oversubscription != 1:
            self.findings.add(
                ("scale_out", "levels", len(self.levels) - 1, "oversubscription"),
                "1 at the outermost level, which has no uplink",
                f"{self.levels[-1].oversubscription:g}",
                "Put it on the level whose uplink is narrow.",
            )

    def _check_scale_up_levels(self) -> None:
        """Every generation has the scale-up levels of the first, by number."""
        depth = len(self.shop.hardware[0].scale_up)
        for hardware in self.shop.hardware[1:]:
            if len(hardware.scale_up) != depth:
                self.findings.add(
                    ("pods",),
                    f"{depth} scale-up level(s) everywhere",
                    f"{len(hardware.scale_up)} for {hardware.accelerator.key}",
                    "Give each scale_up as many outer levels as the cluster's.",
                )

    def _walk_cluster(self, base: int) -> None:
        spec, choice, outermost = self.spec, cluster_choice(self.spec), len(self.levels) - 1
        if not self.levels and spec.hosts:
            self._add_only_domain(base)
        elif not self.levels:
            self._add_domains(base, 1, ())
        elif spec.sites:
            for index, site in enumerate(spec.sites):
                path: Path = ("sites", index)
                unit = UnitSpec(name=site.name, size=site.size, hosts=site.hosts, units=site.pods)
                self._enter(outermost, unit, overridden(choice, spec, site, path), path, site.name)
        else:
            unit = UnitSpec(units=spec.pods, hosts=spec.hosts)
            self._enter(outermost, unit, choice, (), "")

    def _add_only_domain(self, base: int) -> None:
        """The hosts of a cluster that is one domain."""
        self._add_hosts(-1, UnitSpec(hosts=self.spec.hosts), base, ())
        hardware = self.shop.hardware[base]
        if self.num_domains > 1:
            found = f"{self.num_domains * hardware.hosts_per_domain} hosts"
            remedy = "Add the network that joins them as scale_out."
            expected = f"the {hardware.hosts_per_domain} host(s) of one domain"
            self.findings.add(("hosts",), expected, found, remedy)

    def _enter(self, index: int, unit: UnitSpec, choice: Choice, path: Path, label: str) -> None:
        """Write down one unit of a level that the file describes, and all inside it."""
        level, start = self.levels[index], self.num_domains
        if self._is_too_large() or (position := self.shop.index_of(choice)) is None:
            return
        self._open(index, label, unit.oversubscription or level.oversubscription)
        stated = [name for name in ("size", "hosts", "units") if getattr(unit, name)]
        if len(stated) > 1:
            remedy = "One of them says what a unit holds."
            self.findings.add(path, "size, hosts or units", " and ".join(stated), remedy)
        elif unit.units:
            self._enter_units(index, unit, choice, path)
        elif unit.hosts:
            self._add_hosts(index, unit, position, path)
        else:
            own = unit.size is not None
            where = (*path, "size") if own else ("scale_out", "levels", index, "size")
            num_domains = self._domains(unit.size or level.size, index, position, where)
            self._fill(index - 1, num_domains, position, exact=not own)
        if self.num_domains == start and not self.findings.items:
            self.findings.add(path, "at least one domain", "none", "Give it a size.")

    def _enter_units(self, index: int, unit: UnitSpec, choice: Choice, path: Path) -> None:
        if index == 0:
            level = self.levels[0].name
            remedy = "Write size or hosts here: inside are scale-up domains."
            self.findings.add((*path, "units"), f"no units inside a {level}", "a list", remedy)
            return
        field = "pods" if path == () or path[:-1] == ("sites",) else "units"
        for position, inner in enumerate(unit.units):
            where = (*path, field, position)
            inner_choice = overridden(choice, self.spec, inner, where)
            for number in range(inner.count):
                suffix = "" if inner.count == 1 else str(number)
                label = f"{inner.name}{suffix}" if inner.name else ""
                found = len(self.findings.items)
                self._enter(index - 1, inner, inner_choice, where, label)
                if len(self.findings.items) > found or self._is_too_large():
                    break
        self._check_total(path)

    def _fill(self, index: int, num_domains: int, position: int, *, exact: bool) -> None:
        """Write down regular units of a level, and all inside them, until the domains are used up."""
        if self.findings.items or self._is_too_large():
            return
        if index < 0:
            self._add_domains(position, num_domains, ())
            return
        level, size = self.levels[index], self._unit_domains(index, position)
        outer = self.levels[index + 1]
        if size and exact and num_domains % size:
            self._add_indivisible(index, outer, size, num_domains)
        for start in range(0, num_domains, max(size, 1)):
            self._open(index, "", level.oversubscription)
            self._fill(index - 1, min(size, num_domains - start), position, exact=exact)
            if self.findings.items or self._is_too_large():
                break
        self._check_total(("scale_out", "levels", index + 1))

    def _add_indivisible(
        self, index: int, outer: FabricLevelSpec, size: int, num_domains: int
    ) -> None:
        inner = self.levels[index].name
        what = "smaller than one" if num_domains < size else "no multiple of"
        self.findings.add(
            ("scale_out", "levels", index + 1, "size"),
            f"a whole number of {inner} units ({size} domains each)",
            f"'{outer.size}' = {num_domains} domains, {what} {inner}",
            "Change one of the two sizes, or list unequal units under pods.",
        )

    def _open(self, index: int, label: str, oversubscription: float) -> None:
        self.num_units += 1
        self.first_domain[index].append(self.num_domains)
        self.labels[index].append(label)
        self.oversubscription[index].append(oversubscription)

    def _add_domains(self, position: int, num_domains: int, hosts: tuple[str, ...]) -> None:
        last = self.runs[-1] if self.runs else None
        if last is not None and last.hardware == position and not last.hosts and not hosts:
            self.runs[-1] = replace(last, num_domains=last.num_domains + num_domains)
        else:
            self.runs.append(DomainRun(position, num_domains, hosts))
        self.num_domains += num_domains
        self.num_gpus += num_domains * self.shop.hardware[position].domain_gpus

    def _add_hosts(self, index: int, unit: UnitSpec, position: int, path: Path) -> None:
        """Domains made of the hosts the file names, in that order."""
        hardware = self.shop.hardware[position]
        names = tuple(self._host_names(unit, path))
        if unit.count > 1:
            remedy = "List each unit's hosts on their own."
            self.findings.add((*path, "count"), "1 with hosts", str(unit.count), remedy)
        if len(names) % hardware.hosts_per_domain:
            self.findings.add(
                (*path, "hosts"),
                f"whole domains of {hardware.hosts_per_domain} hosts",
                f"{len(names)} hosts",
                "Name the missing hosts too, and list them under unavailable.",
            )
        num_domains = len(names) // hardware.hosts_per_domain
        before = self.num_domains
        for inner in range(index - 1, -1, -1):
            size = max(self._unit_domains(inner, position), 1)
            for start in range(0, num_domains, size):
                self.first_domain[inner].append(before + start)
                self.labels[inner].append("")
                self.oversubscription[inner].append(self.levels[inner].oversubscription)
        if not self.findings.items:
            self._add_domains(position, num_domains, names)

    def _host_names(self, unit: UnitSpec, path: Path) -> Iterator[str]:
        total = 0
        for position, text in enumerate(unit.hosts):
            try:
                names = expand_names(text)
                total += len(names)
                if total > MAX_NAMES:
                    raise ValueError(f"expected at most {MAX_NAMES} hosts, found more")
                yield from names
            except ValueError as error:
                expected, _, rest = str(error).removeprefix("expected ").partition(", found ")
                found, _, remedy = rest.partition(". ")
                self.findings.add((*path, "hosts", position), expected, found, remedy)
                return

    def _unit_domains(self, index: int, position: int) -> int:
        """Domains of one regular unit of a level; 0 when its size is wrong or not stated."""
        if (index, position) not in self._level_domains:
            where: Path = ("scale_out", "levels", index, "size")
            size = self._domains(self.levels[index].size, index, position, where)
            self._level_domains[index, position] = size
        return self._level_domains[index, position]

    def _domains(self, size: PartCount | None, index: int, position: int, path: Path) -> int:
        """Domains of a unit of this size; 0 when that is wrong or not stated."""
        if size is None:
            remedy = "Say what one unit holds, for example size: 32 hosts."
            self.findings.add(path, "a size", "nothing", remedy)
            return 0
        per_part = self._gpus_per_part(size.part, index, position)
        if per_part is None:
            names = [*(level.name for level in self.levels[:index]), "gpu", "host", "domain"]
            remedy = did_you_mean(size.part, names)
            self.findings.add(path, "a part inside this level", repr(size.part), remedy)
            return 0
        hardware, num_gpus = self.shop.hardware[position], size.count * per_part
        if num_gpus > MAX_GPUS:
            self.findings.add(path, f"at most {MAX_GPUS} accelerators", str(num_gpus), "Shrink it.")
            return 0
        if num_gpus % hardware.domain_gpus:
            domain = hardware.scale_up[-1].name
            self.findings.add(
                path,
                f"a whole number of {domain} domains of {hardware.domain_gpus} accelerators",
                f"'{size}' = {num_gpus} accelerators",
                "Missing accelerators belong under unavailable.",
            )
            return 0
        return num_gpus // hardware.domain_gpus

    def _gpus_per_part(self, part: str, index: int, position: int) -> int | None:
        """Accelerators of one part inside a unit of the level; 0 where that part's size is wrong."""
        hardware = self.shop.hardware[position]
        inner = [level.name for level in self.levels[:index]]
        if part == INNER:
            part = inner[-1] if inner else hardware.scale_up[-1].name
        if (small := part_size(part, hardware)) is not None:
            return small
        name = part if part in inner else part.removesuffix("s")
        if name not in inner:
            return None
        return self._unit_domains(inner.index(name), position) * hardware.domain_gpus

    def _is_too_large(self) -> bool:
        return self.num_gpus > MAX_GPUS or self.num_units > MAX_UNITS

    def _check_total(self, path: Path) -> None:
        if self._is_too_large() and not self.findings.items:
            expected = f"at most {MAX_GPUS} accelerators and {MAX_UNITS} units of network levels"
            self.findings.add(path, expected, "more", "Shrink it, or leave out a level.")
