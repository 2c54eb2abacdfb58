"""Names of hosts, domains and units, and back: what schedulers, launch files and people use."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from string import Formatter
from typing import TYPE_CHECKING

from placer.spec.hierarchy.counted import DOMAIN
from placer.spec.hierarchy.findings import Findings, Path
from placer.spec.hierarchy.hostlist import HOST_NAME
from placer.spec.hierarchy.layout import ClusterLayout, UnitTable

if TYPE_CHECKING:
    from placer.spec.cluster import ClusterSpec

POD = "pod"
INDEX = "index"
_WIDTH = re.compile(r"0?\d?")


@dataclass(frozen=True, slots=True)
class Piece:
    """Literal text, then a placeholder (empty at the end) padded with zeros to ``width``."""

    literal: str
    field: str
    width: int = 0


@dataclass(frozen=True)
class ClusterNames:
    """Names of everything in a layout.

    ``{index}`` of the host pattern counts hosts within the smallest unit the pattern names.
    """

    cluster: str
    pieces: tuple[Piece, ...]
    layout: ClusterLayout

    @cached_property
    def units(self) -> dict[str, tuple[UnitTable, int]]:
        """Every unit of the network levels by name."""
        return {
            table.unit_name(index): (table, index)
            for table in self.layout.tables
            for index in range(len(table))
        }

    @cached_property
    def listed_hosts(self) -> dict[str, int]:
        """Hosts that the file names itself."""
        layout = self.layout
        return {
            name: layout.first_host[position] + within
            for position, run in enumerate(layout.runs)
            for within, name in enumerate(run.hosts)
        }

    def table(self, name: str) -> UnitTable | None:
        """The network level of this name (or plural); ``pod`` is the last but one where none is."""
        tables = {table.name: table for table in self.layout.tables}
        found = tables.get(name) or tables.get(name.removesuffix("s"))
        if found is None and name.removesuffix("s") == POD and self.layout.tables:
            return self.layout.tables[max(len(self.layout.tables) - 2, 0)]
        return found

    def domain_name(self, domain: int) -> str:
        """Name of a domain: its host's where it has one host, else level name and number."""
        hardware = self.layout.hardware_at_domain(domain)
        if hardware.hosts_per_domain == 1:
            return self.host_name(self.layout.host_at_domain(domain))
        return f"{hardware.scale_up[-1].name}{domain}"

    def host_name(self, host: int) -> str:
        """Name of a host: the file's own, or by the pattern."""
        run, within = self.layout.run_at_host(host)
        return run.hosts[within] if run.hosts else self._by_pattern(host)

    def site_name(self, domain: int) -> str:
        """Name of the site that holds a domain."""
        if len(self.layout.sites) == 1:
            return self.layout.sites[0]
        return self.layout.sites[self.layout.tables[-1].unit_of(domain)]

    def gpus_named(self, name: str) -> range | None:
        """Accelerators of a unit, domain or host, or the one after ``host:``; None if unknown."""
        owner, colon, slot = name.partition(":")
        gpus = self._gpus_of(owner)
        if gpus is None or not colon:
            return gpus
        if not slot.isdecimal() or not slot.isascii() or int(slot[:9]) >= len(gpus):
            return None
        return gpus[int(slot) : int(slot) + 1]

    def domains_named(self, name: str) -> range | None:
        """Domains of a unit of the network, or one domain; None if unknown."""
        if name in self.units:
            table, index = self.units[name]
            return range(table.first_domain[index], table.first_domain[index + 1])
        domain = self._domain_named(name)
        return None if domain is None else range(domain, domain + 1)

    def host_named(self, name: str) -> int | None:
        """Number of a host, None if no host has the name."""
        if name in self.listed_hosts:
            return self.listed_hosts[name]
        host = self.host_by_pattern(name)
        return host if host is not None and self.host_name(host) == name else None

    def host_by_pattern(self, name: str) -> int | None:
        """The host the pattern gives this name, if it would; its real name may be listed."""
        match = self._pattern.fullmatch(name)
        if match is None:
            return None
        fields = {piece.field: match[f"p{i}"] for i, piece in enumerate(self.pieces) if piece.field}
        first = self._first_host_of_scope(fields)
        host = -1 if first is None else first + int(fields[INDEX])
        known = 0 <= host < self.layout.num_hosts and self._by_pattern(host) == name
        return host if known else None

    def _gpus_of(self, name: str) -> range | None:
        domains, layout = self.domains_named(name), self.layout
        if domains is not None:
            return range(layout.gpu_at_domain(domains.start), layout.gpu_at_domain(domains.stop))
        host = self.host_named(name)
        if host is None:
            return None
        return range(layout.gpu_at_host(host), layout.gpu_at_host(host + 1))

    def _domain_named(self, name: str) -> int | None:
        for hardware in self.layout.hardware:
            number = name.removeprefix(hardware.scale_up[-1].name)
            if number != name and number.isdecimal() and number.isascii() and len(number) < 9:
                domain = int(number)
                if domain < self.layout.num_domains and self.domain_name(domain) == name:
                    return domain
        return None

    def _by_pattern(self, host: int) -> str:
        domain = self.layout.domain_at_host(host)
        text = ""
        for piece in self.pieces:
            value = self._value(piece.field, host, domain)
            text += piece.literal + value.zfill(piece.width)
        return text

    def _value(self, field: str, host: int, domain: int) -> str:
        if field == INDEX:
            return str(host - self._scope_start(domain))
        if field == "cluster":
            return self.cluster
        if field == "site":
            return self.site_name(domain)
        table = self.table(field)
        if table is not None:
            return table.unit_name(table.unit_of(domain))
        return f"{field}{domain}" if field else ""

    @cached_property
    def _scope(self) -> UnitTable | str:
        """The smallest unit the pattern names: a network level, ``domain``, or nothing."""
        fields = {piece.field for piece in self.pieces}
        if self.layout.hardware[0].scale_up[-1].name in fields:
            return DOMAIN
        named = [table for field in sorted(fields) if (table := self.table(field)) is not None]
        if named:
            return max(named, key=len)
        return self.layout.tables[-1] if "site" in fields and len(self.layout.sites) > 1 else ""

    def _scope_start(self, domain: int) -> int:
        """First host of the pattern's smallest unit around a domain."""
        if isinstance(self._scope, UnitTable):
            first = self._scope.first_domain[self._scope.unit_of(domain)]
            return self.layout.host_at_domain(first)
        return self.layout.host_at_domain(domain) if self._scope == DOMAIN else 0

    def _first_host_of_scope(self, fields: dict[str, str]) -> int | None:
        """First host of the unit that a host's name mentions."""
        if isinstance(self._scope, UnitTable):
            for value in fields.values():
                table, index = self.units.get(value, (None, 0))
                if table is self._scope:
                    return self.layout.host_at_domain(self._scope.first_domain[index])
            return None
        if self._scope == DOMAIN:
            name = self.layout.hardware[0].scale_up[-1].name
            number = fields[name].removeprefix(name)
            known = number.isdecimal() and int(number[:9]) < self.layout.num_domains
            return self.layout.host_at_domain(int(number[:9])) if known else None
        return 0

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Any name the host pattern could give, one group per placeholder."""
        text = ""
        for i, piece in enumerate(self.pieces):
            text += re.escape(piece.literal)
            if piece.field:
                text += f"(?P<p{i}>" + (r"[0-9]{1,9}" if piece.field == INDEX else r".+?") + ")"
        return re.compile(text)


def cluster_names(spec: ClusterSpec, layout: ClusterLayout) -> ClusterNames:
    """The names of a cluster that has passed its checks."""
    return ClusterNames(spec.name, parse_pattern(_pattern_text(spec)), layout)


def _pattern_text(spec: ClusterSpec) -> str:
    if spec.host_name is not None:
        return spec.host_name
    deep = spec.scale_out is not None and len(spec.scale_out.levels) > 1
    return "{pod}-n{index}" if deep else "{cluster}-n{index}"


def parse_pattern(text: str) -> tuple[Piece, ...]:
    """Cut ``{pod}-n{index:03}`` at its placeholders.

    Raises
    ------
    ValueError
        For unpaired braces, attribute access, conversions, or another format than a width.
    """
    pieces = []
    for literal, field, width, conversion in Formatter().parse(text):
        if conversion or not _WIDTH.fullmatch(width or ""):
            raise ValueError(
                f"expected a width such as {{index:03}}, found {width or conversion!r}"
            )
        pieces.append(Piece(literal, field or "", int(width or 0)))
    return tuple(pieces)


def check_names(spec: ClusterSpec, layout: ClusterLayout, findings: Findings) -> None:
    """Host pattern, host names and unit names: safe in files, and each one unique."""
    _check_units(spec, layout, findings)
    path: Path = ("host_name",)
    try:
        names = cluster_names(spec, layout)
    except ValueError as error:
        found = str(error).partition("found ")[2] or repr(spec.host_name)
        findings.add(path, "a pattern of names", found, "Write for example '{pod}-n{index:03}'.")
        return
    _check_pattern(names, findings, path)
    if not findings.items:
        _check_hosts(names, findings, path)


def _check_units(spec: ClusterSpec, layout: ClusterLayout, findings: Findings) -> None:
    listed = [table.unit_name(i) for table in layout.tables for i in range(len(table))]
    twice = sorted(name for name, count in Counter(listed).items() if count > 1)
    if twice:
        path: Path = ("sites",) if spec.sites else ("pods",)
        remedy = "Unit names are unique in the whole cluster."
        findings.add(path, "a different name for each unit", f"two called {twice[0]!r}", remedy)


def _check_pattern(names: ClusterNames, findings: Findings, path: Path) -> None:
    fields = [piece.field for piece in names.pieces if piece.field]
    known = {"cluster", "site", INDEX, names.layout.hardware[0].scale_up[-1].name}
    unknown = [field for field in fields if field not in known and names.table(field) is None]
    if unknown:
        choices = sorted(known | {table.name for table in names.layout.tables})
        remedy = f"Known: {', '.join(choices)}."
        findings.add(path, "a known placeholder", f"{{{unknown[0]}}}", remedy)
    if fields.count(INDEX) != 1:
        remedy = "It numbers the hosts; write for example '{pod}-n{index}'."
        findings.add(path, "{index} once", f"{fields.count(INDEX)} times", remedy)
    between = [piece.literal for piece in names.pieces[1:] if piece.field]
    if any(not literal.strip("0123456789") for literal in between):
        remedy = "Put a letter or dash between them, or names may collide."
        findings.add(path, "text between placeholders", "none", remedy)


def _check_hosts(names: ClusterNames, findings: Findings, path: Path) -> None:
    """Patterned names are checked on the last host of each unit, listed ones each."""
    layout = names.layout
    ends = {end for table in layout.tables for end in table.first_domain[1:]}
    for end in sorted(ends | {layout.num_domains}):
        name = names.host_name(layout.host_at_domain(end) - 1)
        if not HOST_NAME.fullmatch(name) and name not in names.listed_hosts:
            remedy = "Letters, digits, dots and dashes, at most 63."
            findings.add(path, "a pattern of safe host names", repr(name), remedy)
    hosts = Counter(name for run in layout.runs for name in run.hosts)
    for name, count in hosts.items():
        other = names.host_by_pattern(name)
        if not HOST_NAME.fullmatch(name):
            remedy = "Letters, digits, dots and dashes, at most 63: it ends up in shell files."
            findings.add(("pods",), "safe host names", repr(name[:80]), remedy)
        elif count > 1:
            remedy = "List each host once."
            findings.add(("pods",), "each host once", f"{name!r} {count} times", remedy)
        elif other is not None and not layout.run_at_host(other)[0].hosts:
            remedy = "Change host_name, or list the hosts of every pod."
            findings.add(("pods",), "each host once", f"{name!r}, also made by host_name", remedy)
