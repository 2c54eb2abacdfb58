"""A plain table of hosts: ``host,rack,pod,site``, one host (or hostlist) per row."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import Final

from placer.importers.clusters.fabric import Fabric, FabricHost, qualified
from placer.importers.clusters.options import ClusterOptions
from placer.importers.clusters.problems import HostProblems, only_file
from placer.spec.source_text import SourceText
from placer.spec.suggest import did_you_mean

LEVELS: Final = ("rack", "pod")
COLUMNS: Final = ("host", "domain", *LEVELS, "site")
MAX_WIDTH: Final = 64


def read_csv(files: Sequence[SourceText], options: ClusterOptions) -> Fabric:
    """Read a table with the columns host and, where known, domain, rack, pod and site.

    Raises
    ------
    InputError
        With everything wrong in the file.
    """
    file = only_file(files, "table")
    problems = HostProblems(file.name)
    rows = list(_rows(file.text, problems))
    header = _header(rows[0], problems) if rows else []
    if not rows:
        problems.add(None, "", f"a line with {', '.join(COLUMNS)}", "an empty file")
    problems.raise_any()
    levels = tuple(name for name in LEVELS if name in header)
    hosts = [host for row in rows[1:] for host in _hosts(row, header, levels, problems)]
    if not hosts:
        problems.add(None, "", "rows with hosts", "none")
    _check_once(hosts, problems)
    problems.raise_any()
    return Fabric(
        source=file.name, kind="table of hosts", hosts=qualified(hosts), levels=(*levels, "core")
    )


def _rows(text: str, problems: HostProblems) -> Iterator[tuple[int, list[str]]]:
    """Rows with their line numbers; blank lines and comments left out."""
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(text.splitlines(), delimiter=delimiter)
    try:
        for cells in reader:
            stripped = [cell.strip() for cell in cells]
            if any(stripped) and not stripped[0].startswith("#"):
                yield reader.line_num, stripped
    except csv.Error as error:
        problems.add(reader.line_num, "", "cells with commas between them", str(error))


def _header(row: tuple[int, list[str]], problems: HostProblems) -> list[str]:
    line, cells = row
    header = [cell.lower() for cell in cells]
    for name in header[:MAX_WIDTH]:
        if name not in COLUMNS:
            problems.add(line, name, "a known column", repr(name), did_you_mean(name, COLUMNS))
        elif header.count(name) > 1:
            problems.add(line, name, "each column once", f"{header.count(name)} times")
    if "host" not in header:
        problems.add(line, "host", "a column host", "none", "The first line names the columns.")
    return header


def _hosts(
    row: tuple[int, list[str]], header: Sequence[str], levels: Sequence[str], problems: HostProblems
) -> Iterator[FabricHost]:
    """The hosts of one row."""
    line, cells = row
    if len(cells) != len(header):
        problems.add(line, "", f"{len(header)} cells, as in the first line", f"{len(cells)}")
        return
    values = dict(zip(header, cells, strict=True))
    for name in (*levels, "host", "site"):
        if name in values and not values[name]:
            problems.add(line, name, f"the {name} of each host", "an empty cell")
    for host in problems.hostlist(values["host"], line, "host"):
        yield FabricHost(
            name=host,
            units=tuple(values[name] for name in levels),
            domain=values.get("domain", ""),
            site=values.get("site", ""),
            line=line,
        )


def _check_once(hosts: Sequence[FabricHost], problems: HostProblems) -> None:
    seen: dict[str, int | None] = {}
    for host in hosts:
        if host.name in seen:
            found = f"{host.name} again, first on line {seen[host.name]}"
            problems.add(host.line, "host", "each host once", found)
        seen.setdefault(host.name, host.line)
