"""What nccl-tests and rccl-tests print, as collectives with their ranks, sizes and times."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from pathlib import Path
from typing import Final

from placer.errors import InputError, Problem
from placer.spec.source_text import SourceText, read_text

_STARTED: Final = re.compile(r"Collective test starting:\s*(\w+)")
_RANK: Final = re.compile(r"^#\s+Rank\s+\d+\s.*\bon\s+(\S+)\s+device\b")
_MICROSECOND: Final = 1e-6
_SIZE, _TIME = 0, 5
"""Columns of a row: size count type redop root time algbw busbw ..., out of place."""


class Collective(StrEnum):
    """Collectives that can be compared, as the programs are called (less ``_perf``)."""

    ALL_REDUCE = "all_reduce"
    ALL_GATHER = "all_gather"
    REDUCE_SCATTER = "reduce_scatter"
    ALL_TO_ALL = "alltoall"


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectiveTimes:
    """One program's run; ``ranks_of_host`` counts ranks host by host, in order of name.

    ``sizes_bytes`` and ``times_s`` are the rows of the table, out of place.
    """

    source: str
    collective: Collective
    ranks_of_host: tuple[int, ...]
    sizes_bytes: tuple[float, ...]
    times_s: tuple[float, ...]

    @property
    def ranks(self) -> int:
        """Ranks of the group."""
        return sum(self.ranks_of_host)


def read_nccl_output(path: Path) -> CollectiveTimes:
    """Read one file of output.

    Raises
    ------
    InputError
        When the file is not what a known program prints.
    """
    source = read_text(path)
    lines = source.text.splitlines()
    hosts = Counter(match[1] for line in lines if (match := _RANK.match(line)))
    if not hosts:
        raise _problem(
            source,
            "lines `# Rank 0 ... on HOST device 0`",
            "none",
            "Keep the whole output, the lines that begin with # too.",
        )
    rows = _rows(source, lines)
    return CollectiveTimes(
        source=Path(source.name).name,
        collective=_collective(source),
        ranks_of_host=tuple(hosts[host] for host in sorted(hosts)),
        sizes_bytes=tuple(size for size, _ in rows),
        times_s=tuple(time for _, time in rows),
    )


def _collective(source: SourceText) -> Collective:
    """The program's name: as it prints it, or as the file is called."""
    stated = _STARTED.search(source.text)
    text = stated[1] if stated else Path(source.name).name
    text = text.lower().replace("all_to_all", "alltoall").replace("allreduce", "all_reduce")
    for collective in Collective:
        if collective.value in text:
            return collective
    names = ", ".join(collective.value for collective in Collective)
    raise _problem(
        source,
        f"output of {names}",
        stated[1] if stated else "no program's name",
        "Name the file after the program, such as all_reduce.txt.",
    )


def _rows(source: SourceText, lines: list[str]) -> list[tuple[float, float]]:
    """(bytes, seconds) of every row with a size and a time."""
    rows = []
    for number, line in enumerate(lines, start=1):
        cells = line.split()
        if line.lstrip().startswith("#") or len(cells) <= _TIME or not cells[_SIZE].isdigit():
            continue
        try:
            size, time = float(cells[_SIZE]), float(cells[_TIME])
        except ValueError as error:
            found = repr(cells[_TIME])
            raise _problem(source, "a time in microseconds", found, "", number) from error
        if size > 0.0 and 0.0 < time < inf:
            rows.append((size, time * _MICROSECOND))
    if not rows:
        raise _problem(source, "rows of sizes and times", "none", "Is this nccl-tests output?")
    return rows


def _problem(
    source: SourceText, expected: str, found: str, remedy: str, line: int | None = None
) -> InputError:
    problem = Problem(source=source.name, line=line, expected=expected, found=found, remedy=remedy)
    return InputError([problem])
