"""Topograph's model files and the records of its graph engine as fabrics.

A model has ``switches`` (a tree) and ``blocks`` of nodes on leaf switches, whose annotations name
the accelerator domain (docs/modeling.md of topograph 1.1). The graph engine prints one record per
instance (docs/engines/graph.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from placer.importers.clusters.fabric import Fabric, FabricHost, level_names, qualified
from placer.importers.clusters.options import ClusterOptions
from placer.importers.clusters.problems import HostProblems, only_file
from placer.importers.clusters.switches import Switch, unit_tree
from placer.spec.source_text import SourceText
from placer.spec.yaml_source import SourceMapping, mapping_of, validate_mapping

FROZEN = ConfigDict(frozen=True, extra="forbid")
DOMAIN_KEYS: Final = ("accelerator.topology.test/domain", "accelerator.topograph.run/domain")
SUB_DOMAIN_KEYS: Final = (
    "accelerator.topology.test/sub-domain",
    "accelerator.topograph.run/sub-domain",
)


def _text(value: object) -> object:
    """A name of digits alone is a number to YAML."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Name = Annotated[str, BeforeValidator(_text), Field(min_length=1, max_length=1000)]
Names = Annotated[tuple[Name, ...], Field(max_length=100_000)]
Labels = dict[str, Annotated[str, BeforeValidator(_text)]]


class ModelSwitch(BaseModel):
    """A switch, the switches below it, and what it says of every node below."""

    model_config = FROZEN

    switches: Names = ()
    labels: Labels = {}
    annotations: Labels = {}


class ModelBlock(BaseModel):
    """Nodes that are alike, on one leaf switch."""

    model_config = FROZEN

    switch: Name | None = None
    nodes: Names
    labels: Labels = {}
    annotations: Labels = {}


class Model(BaseModel):
    """A whole model file."""

    model_config = FROZEN

    switches: dict[Name, ModelSwitch | None] = {}
    blocks: tuple[ModelBlock, ...]


class Instance(BaseModel):
    """What the graph engine prints of one instance; layers run from the host outwards."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: Name
    network_layers: Names = ()
    labels: Labels = {}


class Graph(BaseModel):
    """The graph engine's output."""

    model_config = FROZEN

    instances: tuple[Instance, ...]


def read_topograph(files: Sequence[SourceText], options: ClusterOptions) -> Fabric:
    """Read a model file, or the graph engine's JSON.

    Raises
    ------
    InputError
        With everything wrong in the file.
    """
    file = only_file(files, "topograph file")
    source = mapping_of(file)
    problems = HostProblems(file.name)
    if "instances" in source.data:
        fabric = _graph_fabric(validate_mapping(source, Graph), source, problems)
    else:
        fabric = _model_fabric(validate_mapping(source, Model), source, problems)
    problems.raise_any()
    return fabric


def _first(labels: Mapping[str, str], keys: Sequence[str]) -> str:
    return next((labels[key] for key in keys if key in labels), "")


def _graph_fabric(graph: Graph, source: SourceMapping, problems: HostProblems) -> Fabric:
    depth = max((len(instance.network_layers) for instance in graph.instances), default=0)
    hosts = []
    for index, instance in enumerate(graph.instances):
        line = source.locate(("instances", index))[0]
        if len(instance.network_layers) != depth:
            found = f"{len(instance.network_layers)} layers"
            problems.add(line, instance.id, f"{depth} network layers, as others have", found)
        hosts.append(
            FabricHost(
                name=instance.id,
                units=instance.network_layers[:-1],
                domain=_first(instance.labels, DOMAIN_KEYS),
                sub_domain=_first(instance.labels, SUB_DOMAIN_KEYS),
                line=line,
            )
        )
    _check_once(hosts, problems)
    tops = sorted({"".join(instance.network_layers[-1:]) for instance in graph.instances})
    if len(tops) > 1:
        expected = "one outermost layer for all instances"
        problems.add(None, "instances", expected, ", ".join(tops[:4]))
    return Fabric(
        source=source.source,
        kind="topograph graph",
        hosts=qualified(hosts),
        levels=level_names(max(depth, 1)),
    )


def _check_once(hosts: Sequence[FabricHost], problems: HostProblems) -> None:
    seen: set[str] = set()
    for host in hosts:
        if host.name in seen:
            problems.add(host.line, host.name, "each node once", "a second time")
        seen.add(host.name)
    if not hosts:
        problems.add(None, "", "at least one node", "none")


def _model_fabric(model: Model, source: SourceMapping, problems: HostProblems) -> Fabric:
    labels = _inherited(model)
    switches = _switches(model, source)
    hosts: list[FabricHost] = []
    for index, block in enumerate(model.blocks):
        line = source.locate(("blocks", index))[0]
        names = [name for text in block.nodes for name in problems.hostlist(text, line, "nodes")]
        if block.switch is not None and block.switch not in switches:
            problems.add(line, "switch", "a switch of the model", block.switch)
        elif block.switch is not None:
            switch = switches[block.switch]
            switch.hosts = (*switch.hosts, *names)
        said = {**labels.get(block.switch or "", {}), **block.labels, **block.annotations}
        domain, sub_domain = _first(said, DOMAIN_KEYS), _first(said, SUB_DOMAIN_KEYS)
        hosts += [
            FabricHost(name=name, domain=domain, sub_domain=sub_domain, line=line) for name in names
        ]
    _check_once(hosts, problems)
    kind = "topograph model"
    if problems.items or not any(block.switch for block in model.blocks):
        return Fabric(source=source.source, kind=kind, hosts=tuple(hosts), levels=level_names(1))
    tree = unit_tree(list(switches.values()), problems)
    for host in hosts:
        if host.name not in tree.units_of and not problems.items:
            problems.add(host.line, host.name, "a switch, as other nodes have", "none")
    return Fabric(
        source=source.source,
        kind=kind,
        hosts=tuple(replace(host, units=tree.units_of.get(host.name, ())) for host in hosts),
        levels=level_names(tree.num_levels),
    )


def _switches(model: Model, source: SourceMapping) -> dict[str, Switch]:
    """Switches by name; a leaf that only its parent names is made from that."""
    switches: dict[str, Switch] = {}
    for name, stated in model.switches.items():
        line = source.locate_key(("switches", name))[0]
        children = tuple(dict.fromkeys(stated.switches)) if stated else ()
        switches[name] = Switch(name=name, children=children, line=line)
    for switch in list(switches.values()):
        for child in switch.children:
            switches.setdefault(child, Switch(name=child, line=switch.line))
    return switches


def _inherited(model: Model) -> dict[str, dict[str, str]]:
    """Labels and annotations of each switch and of those above it, its own first to count."""
    parents = {
        child: name
        for name, stated in model.switches.items()
        for child in (stated.switches if stated else ())
    }
    labels: dict[str, dict[str, str]] = {}
    for leaf in {*parents, *model.switches}:
        said: dict[str, str] = {}
        name, seen = leaf, set[str]()
        while name and name not in seen:
            seen.add(name)
            stated = model.switches.get(name)
            if stated is not None:
                said = {**stated.labels, **stated.annotations, **said}
            name = parents.get(name, "")
        labels[leaf] = said
    return labels
