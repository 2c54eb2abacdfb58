"""Nodes of a Kubernetes cluster (``kubectl get nodes -o json``) as a fabric.

Topology comes from node labels: topograph's, those of cloud providers, or the GPU operator's
``nvidia.com/gpu.clique`` (ClusterUUID.CliqueID) for the scale-up domain.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from placer.errors import InputError, Problem
from placer.importers.clusters.fabric import Fabric, FabricHost, Ports, level_names, qualified
from placer.importers.clusters.options import ClusterOptions
from placer.importers.problems import Problems
from placer.spec.source_text import SourceText

FAMILIES: Final[tuple[tuple[str, ...], ...]] = (
    tuple(f"fabric.topograph.run/tier-{tier}" for tier in range(14)),
    tuple(f"network.topology.nvidia.com/{tier}" for tier in ("leaf", "spine", "core")),
    tuple(f"network.topology.nvidia.com/{tier}" for tier in ("block", "spine", "datacenter")),
    tuple(f"topology.k8s.aws/network-node-layer-{layer}" for layer in (3, 2, 1)),
    tuple(f"cloud.google.com/gce-topology-{part}" for part in ("host", "subblock", "block")),
    tuple(f"cloud.provider.com/topology-{part}" for part in ("rack", "block")),
)
"""Labels from the host outwards: topograph 1, its releases before, EKS, GKE, Kueue's examples."""

DOMAIN_LABELS: Final = (
    "accelerator.topograph.run/domain",
    "network.topology.nvidia.com/accelerator",
    "nvidia.com/gpu.clique",
)
SUB_DOMAIN_LABEL: Final = "accelerator.topograph.run/sub-domain"
RESOURCES: Final = (
    "nvidia.com/gpu",
    "amd.com/gpu",
    "google.com/tpu",
    "habana.ai/gaudi",
    "aws.amazon.com/neuron",
    "huawei.com/Ascend910",
)
"""Extended resources that count accelerators."""

_COUNT: Final = re.compile(r"\d{1,4}")
JsonObject = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """What is read of one node; ``gpus`` is None where the node states no such resource."""

    name: str
    labels: JsonObject
    gpus: int | None
    working: int
    drained: bool


def read_kubernetes(files: Sequence[SourceText], options: ClusterOptions) -> Fabric:
    """Read lists of nodes; nodes without accelerators are left out.

    Raises
    ------
    InputError
        With everything wrong in the files.
    """
    problems = Problems(files[0].name)
    nodes = [node for file in files for node in _nodes(file)]
    gpu_nodes = [node for node in nodes if node.gpus] or nodes
    labels = _family(gpu_nodes)
    _check(gpu_nodes, labels, problems)
    problems.raise_any()
    gpus = max(node.gpus or 0 for node in gpu_nodes)
    hosts = [_host(node, labels, gpus) for node in gpu_nodes]
    counted = f"{len(gpu_nodes)} of {len(nodes)} nodes have accelerators"
    return Fabric(
        source=", ".join(file.name for file in files),
        kind="Kubernetes nodes",
        hosts=qualified(hosts),
        levels=level_names(len(labels) + 1),
        ports=Ports(gpus_per_host=gpus or None),
        read=(f"Read: {counted}; levels from {', '.join(labels) or 'no label'}.",),
        assumed=tuple(_assumed(hosts)),
    )


def _nodes(file: SourceText) -> Iterator[_Node]:
    """The nodes of one file."""
    document = _parsed(file)
    items = document.get("items", [document]) if isinstance(document, dict) else document
    problems = Problems(file.name)
    for index, item in enumerate(items if isinstance(items, list) else [items]):
        node = _node(item)
        if node is None:
            expected = "a node with metadata.name"
            problems.add(None, f"items[{index}]", expected, str(item)[:40])
        else:
            yield node
    problems.raise_any()


def _parsed(file: SourceText) -> Any:
    """The document; numbers stay text, since none is read as such.

    Raises
    ------
    InputError
        For what is no JSON.
    """
    try:
        return json.loads(file.text, parse_int=str, parse_float=str)
    except json.JSONDecodeError as error:
        found, line = error.msg, error.lineno
    except RecursionError:
        found, line = "thousands of nested levels", 1
    expected = "JSON as `kubectl get nodes -o json` prints it"
    raise InputError([Problem(source=file.name, line=line, expected=expected, found=found)])


def _part(value: Any, name: str) -> JsonObject:
    """A mapping inside a mapping; empty where there is none."""
    inner = value.get(name) if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def _node(item: Any) -> _Node | None:
    metadata, spec, status = _part(item, "metadata"), _part(item, "spec"), _part(item, "status")
    name = metadata.get("name")
    if not isinstance(name, str) or not name:
        return None
    labels = {
        key: value
        for key, value in _part(metadata, "labels").items()
        if isinstance(value, str) and value
    }
    gpus = _gpus(_part(status, "capacity"))
    working = _gpus(_part(status, "allocatable"))
    return _Node(
        name=name,
        labels=labels,
        gpus=gpus,
        working=gpus or 0 if working is None else working,
        drained=spec.get("unschedulable") is True or _is_down(status),
    )


def _gpus(resources: JsonObject) -> int | None:
    """Accelerators among the resources; None where none is listed."""
    for resource in RESOURCES:
        text = resources.get(resource)
        if isinstance(text, str) and _COUNT.fullmatch(text):
            return int(text)
    return None


def _is_down(status: JsonObject) -> bool:
    """Whether the node says it is not ready; nodes that say nothing are taken to be."""
    conditions = status.get("conditions")
    listed = conditions if isinstance(conditions, list) else []
    ready = [entry for entry in listed if isinstance(entry, dict) and entry.get("type") == "Ready"]
    return any(entry.get("status") != "True" for entry in ready)


def _family(nodes: Sequence[_Node]) -> tuple[str, ...]:
    """The labels that say where nodes are, from the host outwards: of the first family in use."""
    for family in FAMILIES:
        used = tuple(label for label in family if any(label in node.labels for node in nodes))
        if used:
            return used
    return ()


def _check(nodes: Sequence[_Node], labels: Sequence[str], problems: Problems) -> None:
    if not nodes:
        problems.add(None, "items", "at least one node", "none")
    for name, count in Counter(node.name for node in nodes).items():
        if count > 1:
            problems.add(None, name, "each node once", f"{count} times")
    for node in nodes:
        for label in labels:
            if label not in node.labels:
                remedy = "Other nodes have it; label this one, or leave it out of the file."
                problems.add(None, node.name, f"the label {label}", "none", remedy)


def _host(node: _Node, labels: Sequence[str], gpus: int) -> FabricHost:
    domain = next((node.labels[label] for label in DOMAIN_LABELS if label in node.labels), "")
    return FabricHost(
        name=node.name,
        units=tuple(node.labels[label] for label in labels),
        domain=domain,
        sub_domain=node.labels.get(SUB_DOMAIN_LABEL, ""),
        lost_gpus=gpus - min(node.working, gpus),
        drained=node.drained,
    )


def _assumed(hosts: Sequence[FabricHost]) -> Iterator[str]:
    if not hosts[0].units:
        yield "No label says where nodes are: one network joins all alike."
    elif len({host.units[-1] for host in hosts}) > 1:
        yield "One more level joins the outermost units, which no label names."
