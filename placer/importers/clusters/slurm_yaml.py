"""Slurm's topology.yaml (25.05 and later): a list of named topologies, topology.yaml(5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from placer.importers.clusters.problems import HostProblems
from placer.importers.clusters.slurm_topology import SlurmBlock, SlurmKind, SlurmTopology
from placer.importers.clusters.switches import Switch
from placer.spec.nodes import Node, build_tree
from placer.spec.readers import yaml_events
from placer.spec.source_text import SourceText
from placer.spec.yaml_source import SourceMapping, validate_mapping

ROOT: Final = "topologies"
FROZEN = ConfigDict(frozen=True, extra="forbid")


def _as_text(value: object) -> object:
    """A name of digits alone is a number to YAML, a list of names may stand for one hostlist."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, list) and all(isinstance(item, str | int) for item in value):
        return ",".join(str(item) for item in value)
    return value


Names = Annotated[str, BeforeValidator(_as_text), Field(max_length=1 << 20)]
Title = Annotated[str, BeforeValidator(_as_text), Field(min_length=1, max_length=200)]
Size = Annotated[int, Field(strict=True, ge=1, le=1 << 20)]


class SwitchEntry(BaseModel):
    """A switch with the switches or the hosts below it."""

    model_config = FROZEN

    switch: Title
    children: Names = ""
    nodes: Names = ""


class TreeEntry(BaseModel):
    """Of topology/tree."""

    model_config = FROZEN

    switches: tuple[SwitchEntry, ...]


class BlockEntry(BaseModel):
    """A block and its hosts."""

    model_config = FROZEN

    block: Title
    nodes: Names = ""


class BlocksEntry(BaseModel):
    """Of topology/block."""

    model_config = FROZEN

    block_sizes: Annotated[tuple[Size, ...], Field(max_length=16)] = ()
    blocks: tuple[BlockEntry, ...]


class TopologyEntry(BaseModel):
    """One topology: exactly one of the plugins' sections."""

    model_config = FROZEN

    topology: Title
    cluster_default: bool = False
    tree: TreeEntry | None = None
    block: BlocksEntry | None = None
    flat: Any = None
    ring: Any = None
    torus3d: Any = None


class TopologyFile(BaseModel):
    """The file's list, under a name of its own so that paths into it can be written."""

    model_config = FROZEN

    topologies: tuple[TopologyEntry, ...]


def parse_yaml(file: SourceText, problems: HostProblems) -> tuple[SlurmTopology, ...]:
    """The topologies of a file, in order; contradictions are noted.

    Raises
    ------
    InputError
        For a file that is no list of topologies, with everything wrong in it.
    """
    source = _listed(file)
    entries = validate_mapping(source, TopologyFile).topologies
    return tuple(
        topology
        for index, entry in enumerate(entries)
        if (topology := _topology(entry, index, source, problems)) is not None
    )


def _listed(file: SourceText) -> SourceMapping:
    """The file as a mapping of one field; a single topology may do without the list's dash."""
    root, found = build_tree(file.name, yaml_events(file.name, file.text))
    if isinstance(root.value, dict):
        root = Node(root.line, root.column, [root.value], children={0: root})
    whole = Node(1, 1, {ROOT: root.value}, children={ROOT: root}, key_marks={ROOT: (1, 1)})
    return SourceMapping(
        source=file.name,
        sha256=file.sha256,
        data={ROOT: root.value},
        root=whole,
        problems=tuple(found),
    )


def _topology(
    entry: TopologyEntry, index: int, source: SourceMapping, problems: HostProblems
) -> SlurmTopology | None:
    line = source.locate((ROOT, index))[0]
    stated = [kind for kind in SlurmKind if getattr(entry, kind.value) is not None]
    if len(stated) != 1:
        expected = "one of tree, block, flat, ring and torus3d"
        problems.add(line, entry.topology, expected, " and ".join(stated) or "none")
        return None
    places = _Places(source, (ROOT, index), problems)
    return SlurmTopology(
        name=entry.topology,
        kind=stated[0],
        line=line,
        default=entry.cluster_default,
        switches=tuple(places.switches(entry.tree)) if entry.tree else (),
        blocks=tuple(places.blocks(entry.block)) if entry.block else (),
        block_sizes=tuple(sorted(entry.block.block_sizes)) if entry.block else (),
    )


class _Places:
    """Switches and blocks of one topology with their lines."""

    def __init__(
        self, source: SourceMapping, path: tuple[str | int, ...], problems: HostProblems
    ) -> None:
        self._source = source
        self._path = path
        self._problems = problems

    def switches(self, tree: TreeEntry) -> Iterator[Switch]:
        seen: set[str] = set()
        for index, entry in enumerate(tree.switches):
            line = self._line("tree", "switches", index)
            self._check_new(entry.switch, seen, line)
            children = self._problems.hostlist(entry.children, line, "children")
            hosts = self._problems.hostlist(entry.nodes, line, "nodes")
            if children and hosts:
                self._problems.add(line, entry.switch, "nodes or children", "both")
            yield Switch(
                name=entry.switch,
                children=tuple(dict.fromkeys(children)),
                hosts=tuple(dict.fromkeys(hosts)),
                line=line,
            )

    def blocks(self, section: BlocksEntry) -> Iterator[SlurmBlock]:
        seen: set[str] = set()
        for index, entry in enumerate(section.blocks):
            line = self._line("block", "blocks", index)
            self._check_new(entry.block, seen, line)
            hosts = self._problems.hostlist(entry.nodes, line, "nodes")
            yield SlurmBlock(name=entry.block, hosts=tuple(dict.fromkeys(hosts)), line=line)

    def _line(self, *path: str | int) -> int:
        return self._source.locate((*self._path, *path))[0]

    def _check_new(self, name: str, seen: set[str], line: int) -> None:
        if name in seen:
            self._problems.add(line, name, "a name nothing else has", "a second one")
        seen.add(name)
