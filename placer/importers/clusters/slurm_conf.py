"""Slurm's topology.conf, and what ``scontrol show topology`` prints.

One record per line, ``Key=Value`` pairs, keys in any case, ``#`` comments, a backslash at the end
continues a line (slurm.conf(5), topology.conf(5)).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from placer.importers.clusters.problems import HostProblems
from placer.importers.clusters.slurm_topology import SlurmBlock, SlurmKind, SlurmTopology
from placer.importers.clusters.switches import Switch
from placer.spec.source_text import SourceText
from placer.spec.suggest import did_you_mean

_PAIR: Final = re.compile(r'\s*([A-Za-z_]\w*)\s*=\s*(?:"([^"]*)"|(\S*))')
_SIZE: Final = re.compile(r"[1-9]\d{0,6}")
MAX_SIZES: Final = 16

Record = Mapping[str, str]


@dataclass(slots=True)
class _Draft:
    """What has been read so far."""

    switches: dict[str, Switch] = field(default_factory=dict)
    blocks: dict[str, SlurmBlock] = field(default_factory=dict)
    block_sizes: list[int] = field(default_factory=list)
    rings_at: int | None = None


def parse_conf(file: SourceText, problems: HostProblems) -> tuple[SlurmTopology, ...]:
    """The topology of a file, none when it holds no line of one; what is wrong is noted."""
    draft = _Draft()
    for line, text in logical_lines(file.text):
        record = _record(line, text, problems)
        kind = next((key for key in _READERS if key in record), None)
        if kind is not None:
            _READERS[kind](record, line, draft, problems)
        elif record:
            expected = "a line with SwitchName=, BlockName= or BlockSizes="
            remedy = did_you_mean(next(iter(record)), ["SwitchName", "BlockName", "BlockSizes"])
            problems.add(line, "", expected, text.strip(), remedy)
    return _topologies(draft, problems)


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments, continued ones joined, each with the number of its first."""
    pending, start = "", 0
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.partition("#")[0].rstrip()
        start = start or number
        if line.endswith("\\"):
            pending += f"{line[:-1]} "
            continue
        if pending or line:
            yield start, pending + line
        pending, start = "", 0
    if pending:
        yield start, pending


def _record(line: int, text: str, problems: HostProblems) -> Record:
    """The pairs of one line, keys in lower case; what is no pair is noted."""
    if text.split(maxsplit=1)[:1] and text.split(maxsplit=1)[0].lower() == "include":
        remedy = "Paste the included lines in; placer opens no other file."
        problems.add(line, "", "no Include", text.strip(), remedy)
        return {}
    record: dict[str, str] = {}
    position = 0
    while match := _PAIR.match(text, position):
        key = match[1].lower()
        if key in record:
            problems.add(line, match[1], "each key once in a line", "a second one")
        record.setdefault(key, match[2] if match[2] is not None else match[3])
        position = match.end()
    if text[position:].strip():
        expected = "Key=Value pairs with blanks between them"
        problems.add(line, "", expected, text[position:].strip())
    return record


def _read_switch(record: Record, line: int, draft: _Draft, problems: HostProblems) -> None:
    """SwitchName, with Nodes or Switches; of a printed switch with both, Switches counts."""
    name = record["switchname"]
    _check_keys(record, ("switchname", "switches", "nodes", "linkspeed", "level"), line, problems)
    children = problems.hostlist(record.get("switches", ""), line, "Switches")
    hosts = problems.hostlist(record.get("nodes", ""), line, "Nodes")
    if children and hosts and "level" in record:
        hosts = ()
    if children and hosts:
        problems.add(line, name, "Nodes or Switches", "both")
    if not name or name in draft.switches:
        problems.add(line, "SwitchName", "a name no other switch has", repr(name))
    draft.switches.setdefault(
        name,
        Switch(
            name=name,
            children=tuple(dict.fromkeys(children)),
            hosts=tuple(dict.fromkeys(hosts)),
            line=line,
        ),
    )


def _read_block(record: Record, line: int, draft: _Draft, problems: HostProblems) -> None:
    name = record["blockname"]
    _check_keys(record, ("blockname", "nodes", "blockindex", "blocksize"), line, problems)
    hosts = problems.hostlist(record.get("nodes", ""), line, "Nodes")
    if not name or name in draft.blocks:
        problems.add(line, "BlockName", "a name no other block has", repr(name))
    draft.blocks.setdefault(
        name, SlurmBlock(name=name, hosts=tuple(dict.fromkeys(hosts)), line=line)
    )
    if "blocksize" in record:
        _add_sizes([record["blocksize"]], line, draft, problems)


def _read_sizes(record: Record, line: int, draft: _Draft, problems: HostProblems) -> None:
    _check_keys(record, ("blocksizes",), line, problems)
    _add_sizes(record["blocksizes"].split(","), line, draft, problems)


def _read_aggregate(record: Record, line: int, draft: _Draft, problems: HostProblems) -> None:
    """A printed aggregate says its size; which blocks it joins follows from it."""
    _add_sizes([record.get("blocksize", "")], line, draft, problems)


def _read_ring(record: Record, line: int, draft: _Draft, problems: HostProblems) -> None:
    draft.rings_at = draft.rings_at or line


def _add_sizes(texts: list[str], line: int, draft: _Draft, problems: HostProblems) -> None:
    for text in texts:
        if not _SIZE.fullmatch(text.strip()):
            problems.add(line, "BlockSizes", "numbers of hosts, with commas", repr(text))
        elif int(text) not in draft.block_sizes and len(draft.block_sizes) < MAX_SIZES:
            draft.block_sizes.append(int(text))


def _check_keys(record: Record, known: tuple[str, ...], line: int, problems: HostProblems) -> None:
    for key in record:
        if key not in known:
            problems.add(line, key, "a known key", repr(key), did_you_mean(key, known))


_READERS: Final[Mapping[str, Callable[[Record, int, _Draft, HostProblems], None]]] = {
    "switchname": _read_switch,
    "blockname": _read_block,
    "blocksizes": _read_sizes,
    "aggregatedblock": _read_aggregate,
    "ringname": _read_ring,
}


def _topologies(draft: _Draft, problems: HostProblems) -> tuple[SlurmTopology, ...]:
    switches, blocks = tuple(draft.switches.values()), tuple(draft.blocks.values())
    if switches and blocks:
        found = f"SwitchName beside the BlockName of line {blocks[0].line}"
        remedy = "Slurm reads one plugin's lines; keep those."
        problems.add(switches[0].line, "", "a tree or blocks", found, remedy)
    if switches:
        line = switches[0].line
        return (SlurmTopology(name="", kind=SlurmKind.TREE, line=line, switches=switches),)
    if blocks:
        sizes = tuple(sorted(draft.block_sizes))
        return (
            SlurmTopology(
                name="",
                kind=SlurmKind.BLOCK,
                line=blocks[0].line,
                blocks=blocks,
                block_sizes=sizes,
            ),
        )
    if draft.rings_at is not None:
        return (SlurmTopology(name="", kind=SlurmKind.RING, line=draft.rings_at),)
    return ()
