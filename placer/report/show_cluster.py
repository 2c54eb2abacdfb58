"""A cluster as a person would want to see it: the tree with its bandwidths, totals, what is odd."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from placer.report.cluster_tree import draw_tree, network_traits
from placer.report.show_parts import part_rows
from placer.report.show_sites import link_rows, site_rows
from placer.topology.build import build_topology
from placer.topology.tree import GpuState
from placer.units import (
    format_bandwidth,
    format_flops,
    format_percent,
    format_power,
    format_size,
)

if TYPE_CHECKING:
    from placer.compare.economics.prices import Prices
    from placer.spec.accelerator import Accelerator
    from placer.spec.cluster import ClusterSpec
    from placer.topology.tree import Topology

WIDTH = 100


def render_cluster(cluster: ClusterSpec, prices: Prices | None = None) -> str:
    """Lay the cluster out as plain text of at most 100 columns, priced where there are prices."""
    topology = build_topology(cluster)
    sections = [
        [cluster.name, *_wrapped(cluster.description)],
        [_heading(topology), *draw_tree(topology, WIDTH)],
        *(_accelerator(topology, part) for part in range(len(topology.accelerators))),
        ["Totals", *_table(_totals(topology))],
        ["Parts, counted from the levels", *_table(part_rows(cluster, prices))],
        ["Out of use", *_table(_outages(cluster, topology))],
        ["Sites", *_table(site_rows(cluster, topology))],
        ["Links between sites", *_table(link_rows(cluster))],
        ["Sources", *_bullets((*cluster.sources, *_part_sources(topology)))],
        ["Assumed", *_bullets((*cluster.assumed, *_part_assumptions(topology)))],
    ]
    return "\n\n".join("\n".join(section) for section in sections if len(section) > 1)


def _heading(topology: Topology) -> str:
    traits = network_traits(topology)
    network = f"; network: {traits}" if traits else ""
    return f"Hierarchy (bandwidth in one direction{network})"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  ")


def _bullets(texts: tuple[str, ...]) -> list[str]:
    lines = []
    for text in texts:
        lines += textwrap.wrap(text, WIDTH, initial_indent="  - ", subsequent_indent="    ")
    return lines


def _table(rows: Iterator[tuple[str, str]]) -> list[str]:
    pairs = list(rows)
    width = max((len(name) for name, _ in pairs), default=0)
    lines = []
    for name, value in pairs:
        first, rest = f"  {name:<{width}}  ", " " * (width + 4)
        lines += textwrap.wrap(value, WIDTH, initial_indent=first, subsequent_indent=rest)
    return lines


def _accelerator(topology: Topology, generation: int) -> list[str]:
    part = topology.accelerators[generation]
    count = int(topology.domain_gpus[topology.domain_generation == generation].sum())
    return [f"{part.name}  ({part.key}, {count:,})", *_table(_part_rows(part))]


def _part_rows(part: Accelerator) -> Iterator[tuple[str, str]]:
    rates = {
        "bf16": part.bf16_flops_per_s,
        "fp8": part.fp8_flops_per_s,
        "fp4": part.fp4_flops_per_s,
    }
    peaks = [f"{name} {format_flops(rate)}" for name, rate in rates.items() if rate]
    yield "dense peak", ", ".join(peaks)
    best = {"bf16": part.bf16_achievable_flops_per_s, "fp8": part.fp8_achievable_flops_per_s}
    measured = [f"{name} {format_flops(rate)}" for name, rate in best.items() if rate]
    if measured:
        yield "best product", ", ".join(measured) + " measured"
    printed = part.hbm_bytes / 1e9
    yield (
        "memory",
        f"{printed:g} GB as printed, {format_size(part.hbm_usable_bytes)} offered to a process, "
        + format_bandwidth(part.hbm_bytes_per_s),
    )
    yield "power", "not published" if part.power_w is None else format_power(part.power_w)
    if part.notes:
        yield "note", part.notes


def _totals(topology: Topology) -> Iterator[tuple[str, str]]:
    usable, number = topology.num_usable, topology.num_accelerators
    share = "" if usable == number else f", {usable:,} usable ({format_percent(usable / number)})"
    yield "accelerators", f"{number:,}{share}"
    yield "hosts", f"{topology.num_hosts:,}"
    counts = np.bincount(
        topology.domain_generation, topology.domain_usable, len(topology.accelerators)
    )
    pairs = list(zip(topology.accelerators, counts.tolist(), strict=True))
    peaks = {
        "bf16": _sum((part.bf16_flops_per_s, count) for part, count in pairs),
        "fp8": _sum((part.fp8_flops_per_s, count) for part, count in pairs),
        "fp4": _sum((part.fp4_flops_per_s, count) for part, count in pairs),
    }
    known = [f"{name} {format_flops(total)}" for name, total in peaks.items() if total is not None]
    yield "dense peak", ", ".join(known)
    yield "memory", format_size(sum(part.hbm_usable_bytes * count for part, count in pairs))


def _sum(products: Iterable[tuple[float | None, float]]) -> float | None:
    """Sum of figure x count, None where a figure is not known."""
    total = 0.0
    for figure, count in products:
        if figure is None:
            return None
        total += figure * count
    return total


def _outages(cluster: ClusterSpec, topology: Topology) -> Iterator[tuple[str, str]]:
    if topology.num_usable == topology.num_accelerators:
        return
    for state in list(GpuState)[1:]:
        count = topology.num_in_state(state)
        if count:
            yield state.name.lower(), f"{count:,} accelerators{_reasons(cluster, state)}"
    level = topology.levels[topology.domain_level].name
    left = Counter(zip(topology.domain_usable.tolist(), topology.domain_gpus.tolist(), strict=True))
    degraded = [
        f"{count:,} with {usable} of {gpus}"
        for (usable, gpus), count in sorted(left.items(), reverse=True)
    ]
    yield f"{level} domains", ", ".join(degraded)


def _reasons(cluster: ClusterSpec, state: GpuState) -> str:
    stated = {
        GpuState.FAILED: cluster.unavailable,
        GpuState.DRAINED: cluster.drained,
        GpuState.EXCLUDED: cluster.excluded,
    }.get(state, ())
    reasons = dict.fromkeys(outage.reason for outage in stated if outage.reason)
    if state is GpuState.SPARE:
        return f" ({cluster.spares})"
    return f" ({', '.join(reasons)})" if reasons else ""


def _part_sources(topology: Topology) -> tuple[str, ...]:
    """Sources of the accelerators' figures, each once with the parts it speaks of."""
    parts: dict[str, list[str]] = {}
    for part in topology.accelerators:
        for source in part.sources:
            parts.setdefault(source, []).append(part.key)
    return tuple(f"{', '.join(keys)}: {source}" for source, keys in parts.items())


def _part_assumptions(topology: Topology) -> tuple[str, ...]:
    return tuple(
        f"{part.key}: {', '.join(part.assumed)} (neither printed nor measured)"
        for part in topology.accelerators
        if part.assumed
    )
