"""Slurm's topology files as fabrics: trees of switches, blocks, or both.

A block is a level of the network; where the accelerator's scale-up domain spans hosts, it is the
domain. ``BlockSizes`` beyond the first join 2, 4, ... blocks in file order, each a level around.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import Final

from placer.importers.clusters.fabric import Fabric, FabricHost, level_names
from placer.importers.clusters.options import ClusterOptions
from placer.importers.clusters.problems import HostProblems, only_file
from placer.importers.clusters.slurm_conf import parse_conf
from placer.importers.clusters.slurm_topology import SlurmBlock, SlurmKind, SlurmTopology
from placer.importers.clusters.slurm_yaml import parse_yaml
from placer.importers.clusters.switches import unit_tree
from placer.spec.source_text import SourceText
from placer.spec.suggest import did_you_mean

_YAML_START: Final = re.compile(r"^\s*(---\s*)?-\s*topology\s*:", re.MULTILINE)
BLOCK: Final = "block"


def read_slurm(files: Sequence[SourceText], options: ClusterOptions) -> Fabric:
    """Read a topology.conf, a topology.yaml or the output of ``scontrol show topology``.

    Raises
    ------
    InputError
        With everything wrong in the file.
    """
    file = only_file(files, "topology file")
    problems = HostProblems(file.name)
    is_yaml = PurePath(file.name).suffix.lower() in {".yaml", ".yml"}
    if is_yaml or _YAML_START.search(file.text[:4096]):
        topologies, kind = parse_yaml(file, problems), "Slurm topology.yaml"
    else:
        topologies, kind = parse_conf(file, problems), "Slurm topology.conf"
    problems.raise_any()
    chosen = _chosen(topologies, options.topology, problems)
    problems.raise_any()
    assert chosen is not None
    fabric = _fabric_of(chosen, problems)
    problems.raise_any()
    fabric = replace(fabric, source=file.name, kind=f"{kind}, {chosen.title}")
    others = [topology for topology in topologies if topology.kind is SlurmKind.BLOCK]
    if chosen.kind is SlurmKind.TREE and len(others) == 1:
        return _with_domains(fabric, others[0])
    return fabric


def _chosen(
    topologies: Sequence[SlurmTopology], name: str | None, problems: HostProblems
) -> SlurmTopology | None:
    """The topology asked for, else the default one, else the first with hosts."""
    if name is not None:
        found = [topology for topology in topologies if topology.name == name]
        if not found:
            known = [topology.name for topology in topologies if topology.name]
            remedy = did_you_mean(name, known) or "The file has one topology without a name."
            problems.add(None, "--topology", "the name of a topology", repr(name), remedy)
            return None
    else:
        usable = [t for t in topologies if t.kind in {SlurmKind.TREE, SlurmKind.BLOCK}]
        found = [t for t in usable if t.default] or usable or list(topologies)
    if not found:
        remedy = "The file says nothing."
        problems.add(None, "", "lines with SwitchName= or BlockName=", "none", remedy)
        return None
    if found[0].kind not in {SlurmKind.TREE, SlurmKind.BLOCK}:
        remedy = "A CSV table of hosts and racks may stand in for it."
        expected = "a tree or blocks, which say where each host is"
        problems.add(found[0].line, found[0].name, expected, found[0].kind.value, remedy)
        return None
    return found[0]


def _fabric_of(topology: SlurmTopology, problems: HostProblems) -> Fabric:
    if topology.kind is SlurmKind.TREE:
        return _tree(topology, problems)
    return _blocks(topology, problems)


def _tree(topology: SlurmTopology, problems: HostProblems) -> Fabric:
    tree = unit_tree(topology.switches, problems)
    lines = {host: switch.line for switch in topology.switches for host in switch.hosts}
    hosts = tuple(
        FabricHost(name=name, units=units, line=lines[name])
        for name, units in tree.units_of.items()
    )
    read = [
        f"{name} stands for {len(switches)} switches that reach the same hosts."
        for name, switches in sorted(tree.members.items())[:10]
    ]
    return Fabric(
        source="",
        kind="",
        hosts=hosts,
        levels=level_names(tree.num_levels),
        read=tuple(read),
    )


def _blocks(topology: SlurmTopology, problems: HostProblems) -> Fabric:
    ratios = _ratios(topology, problems)
    hosts = tuple(
        FabricHost(
            name=host,
            units=(block.name, *(f"group{ratio}-{index // ratio}" for ratio in ratios)),
            domain=block.name,
            line=block.line,
        )
        for index, block in enumerate(topology.blocks)
        for host in block.hosts
    )
    _check_once(topology.blocks, problems)
    levels = (BLOCK, *(f"group{ratio}" for ratio in ratios), "core")
    return Fabric(source="", kind="", hosts=hosts, levels=levels)


def _ratios(topology: SlurmTopology, problems: HostProblems) -> tuple[int, ...]:
    """Blocks in each aggregated block, smaller than the whole: powers of two (topology.conf(5))."""
    sizes = topology.block_sizes
    if not sizes:
        return ()
    ratios = [size // sizes[0] if size % sizes[0] == 0 else 0 for size in sizes]
    for size, ratio in zip(sizes, ratios, strict=True):
        if ratio < 1 or ratio & (ratio - 1):
            expected = f"block sizes that are {sizes[0]} times a power of two"
            problems.add(topology.line, "BlockSizes", expected, f"{size}")
    smallest = min((len(block.hosts) for block in topology.blocks), default=sizes[0])
    if smallest < sizes[0]:
        block = min(topology.blocks, key=lambda block: len(block.hosts))
        expected = f"at least {sizes[0]} hosts, the smallest block size"
        problems.add(block.line, block.name, expected, f"{smallest}")
    return tuple(sorted({ratio for ratio in ratios if 1 < ratio < len(topology.blocks)}))


def _check_once(blocks: Sequence[SlurmBlock], problems: HostProblems) -> None:
    seen: dict[str, str] = {}
    for block in blocks:
        for host in block.hosts:
            other = seen.setdefault(host, block.name)
            if other != block.name:
                problems.add(
                    block.line, block.name, "each host in one block", f"{host}, in {other}"
                )


def _with_domains(fabric: Fabric, blocks: SlurmTopology) -> Fabric:
    """The tree with the blocks of the other topology as scale-up domains, if they cover it."""
    domain_of = {host: block.name for block in blocks.blocks for host in block.hosts}
    if any(host.name not in domain_of for host in fabric.hosts):
        return fabric
    hosts = tuple(replace(host, domain=domain_of[host.name]) for host in fabric.hosts)
    text = f"Domains are the blocks of topology {blocks.name}."
    return replace(fabric, hosts=hosts, read=(*fabric.read, text))
