"""The same cluster with one thing better: what a tenth more of each resource is asked with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from placer.topology.level import LevelKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from placer.spec.accelerator import Accelerator
    from placer.topology.level import Level
    from placer.topology.tree import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Improvement:
    """One resource raised: its name in the user's terms, and the cluster with it."""

    name: str
    topology: Topology


def improvements(topology: Topology, factor: float) -> tuple[Improvement, ...]:
    """Each bandwidth, the matrix units, HBM and its capacity times ``factor``, one at a time.

    The network is raised as a whole (its NICs and every level above), then each uplink that is
    narrower than what is inside it by itself.
    """
    return tuple(
        Improvement(name=name, topology=better) for name, better in _better(topology, factor)
    )


def widened(topology: Topology, levels: frozenset[int], factor: float) -> Topology:
    """The cluster with the bandwidth of some levels times ``factor``."""
    uplink = topology.domain_uplink_bytes_per_s.copy()
    below = [level - 1 for level in sorted(levels) if level > 0]
    uplink[:, below] *= factor

    def _widened(generation: tuple[Level, ...]) -> tuple[Level, ...]:
        return tuple(
            replace(level, bandwidth_bytes_per_s=level.bandwidth_bytes_per_s * factor)
            if index in levels
            else level
            for index, level in enumerate(generation)
        )

    return replace(
        topology,
        levels=_widened(topology.levels),
        generation_levels=tuple(_widened(levels) for levels in topology.generation_levels),
        domain_uplink_bytes_per_s=uplink,
    )


def _better(topology: Topology, factor: float) -> Iterator[tuple[str, Topology]]:
    kinds = [level.kind for level in topology.levels]
    for index, level in enumerate(topology.levels):
        if level.kind is LevelKind.SCALE_UP:
            name = f"{level.name} bandwidth"
            yield name, widened(topology, frozenset({index}), factor)
    network = frozenset(i for i, kind in enumerate(kinds) if kind is LevelKind.SCALE_OUT)
    if network:
        yield "network bandwidth", widened(topology, network, factor)
    for inside in topology.bottleneck_levels():
        if inside + 1 in network:
            name = f"bandwidth out of a {topology.levels[inside].name}"
            yield name, widened(topology, frozenset({inside + 1}), factor)
    across = frozenset(i for i, kind in enumerate(kinds) if kind is LevelKind.SCALE_ACROSS)
    if across:
        yield "bandwidth between sites", widened(topology, across, factor)
    for name, fields in _ACCELERATOR_PARTS:
        parts = tuple(_raised(part, fields, factor) for part in topology.accelerators)
        yield name, replace(topology, accelerators=parts)


_ACCELERATOR_PARTS = (
    (
        "matrix units",
        (
            "bf16_flops_per_s",
            "fp8_flops_per_s",
            "fp4_flops_per_s",
            "bf16_achievable_flops_per_s",
            "fp8_achievable_flops_per_s",
        ),
    ),
    ("HBM bandwidth", ("hbm_bytes_per_s",)),
    ("HBM capacity", ("hbm_bytes", "hbm_usable_bytes")),
)


def _raised(part: Accelerator, fields: tuple[str, ...], factor: float) -> Accelerator:
    given = {name: getattr(part, name) for name in fields}
    return replace(part, **{name: v * factor for name, v in given.items() if v is not None})
