"""The cluster as nested boxes, and what each place in it does: the data of the placement map.

Small clusters show every accelerator, larger ones every host or scale-up domain, huge ones every
unit of a network level. Levels of many units are not framed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.plan.ranks import gpu_of_rank
from placer.topology.build import build_topology
from placer.topology.tree import GpuState

if TYPE_CHECKING:
    from placer.plan.plan import Plan
    from placer.plan.strategy import IntArray
    from placer.topology.tree import Topology

MOST_GPUS: Final = 4096
MOST_FRAMES: Final = 160
"""Up to so many accelerators, in so many domains, every accelerator is a tile."""

MOST_TILES: Final = 2560
"""Beyond, a tile is a unit of the innermost level that has no more."""

FEWEST_TILES: Final = 64
"""A level with fewer units says too little; then blocks of domains are tiles."""

_MOST_RANGES: Final = 4


class Use(IntEnum):
    """What an accelerator without a rank is; ranks are told by their stage, from 0."""

    IDLE = -1
    SPARE = -2
    GONE = -3


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One accelerator, one host, one unit of a level, or consecutive ones.

    ``parts`` are pairs of a stage (or a ``Use``) and how many accelerators serve it, in order of
    place. ``cell`` numbers the model-parallel group that holds the whole tile, -1 where none does;
    ``first_replica`` says whether ranks of data-parallel replica 0 are in it.
    """

    name: str
    parts: tuple[tuple[int, int], ...]
    cell: int
    first_replica: bool
    tip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A unit of the cluster with the units or the tiles inside it; the whole has no name."""

    name: str
    boxes: tuple[Box, ...] = ()
    tiles: tuple[Tile, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupancy:
    """All boxes; ``tile`` says what a tile is, ``uses`` which kinds of idle place occur."""

    root: Box
    tile: str
    uses: tuple[Use, ...]


def occupancy(plan: Plan) -> Occupancy:
    """Where the plan sits."""
    topology = build_topology(plan.cluster)
    return _Census(plan, topology).occupancy()


class _Census:
    """What every accelerator does, looked up range by range."""

    def __init__(self, plan: Plan, topology: Topology) -> None:
        self._topology = topology
        self._strategy = plan.strategy
        gpu = gpu_of_rank(plan.strategy, plan.placement)
        self._rank = np.full(topology.num_accelerators, -1, dtype=np.int64)
        self._rank[gpu] = np.arange(len(gpu))
        unused = np.full(topology.num_accelerators, Use.GONE, dtype=np.int64)
        unused[topology.gpu_state == GpuState.USABLE] = Use.IDLE
        unused[topology.gpu_state == GpuState.SPARE] = Use.SPARE
        stage = self._rank // plan.strategy.gpus_per_stage
        self._kind = np.where(self._rank >= 0, stage, unused)
        self._inside_domains = _tile_inside_domains(topology)
        self._tile_level = _tile_level(topology)
        self._block = _block(topology, self._tile_level)

    def occupancy(self) -> Occupancy:
        top = len(self._topology.levels) - 1
        root = self._box(top, 0)
        present = np.unique(self._kind).tolist()
        return Occupancy(
            root=Box(name="", boxes=root.boxes, tiles=root.tiles),
            tile=self._tile_name(),
            uses=tuple(use for use in Use if use in present),
        )

    def _tile_name(self) -> str:
        if self._inside_domains == 1:
            return "one GPU"
        if self._inside_domains:
            return f"one host of {self._inside_domains} GPUs"
        level = self._topology.levels[self._tile_level]
        one = f"one {level.name} of {level.num_accelerators} GPUs"
        several = f"up to {self._block} {level.name}s of {level.num_accelerators} GPUs"
        return one if self._block == 1 else several

    def _box(self, level: int, unit: int) -> Box:
        """A unit; levels of a single unit or of very many are passed over."""
        topology = self._topology
        name = topology.unit_name(level, unit)
        if level == topology.domain_level:
            return Box(name=name, tiles=tuple(self._host_tiles(unit)))
        below = level - 1
        if not self._inside_domains and below <= self._framed_level():
            return Box(name=name, tiles=tuple(self._unit_tiles(self._inside(level, unit))))
        inside = [self._box(below, child) for child in self._children(level, unit)]
        if len(inside) == 1:
            return Box(name=name, boxes=inside[0].boxes, tiles=inside[0].tiles)
        return Box(name=name, boxes=tuple(inside))

    def _framed_level(self) -> int:
        """The outermost level without frames of its own: tiles, and what is too many to frame."""
        levels = range(self._tile_level, len(self._topology.levels))
        many = [i for i in levels if self._topology.num_units(i) > MOST_FRAMES]
        return max([self._tile_level, *many])

    def _children(self, level: int, unit: int) -> list[int]:
        domains = self._topology.unit_domains(level, unit)
        column = self._topology.domain_unit[domains.start : domains.stop, level - 1]
        found: list[int] = np.unique(column).tolist()
        return found

    def _inside(self, level: int, unit: int) -> list[int]:
        """Units of the tiles' level inside a unit."""
        domains = self._topology.unit_domains(level, unit)
        column = self._topology.domain_unit[domains.start : domains.stop, self._tile_level]
        found: list[int] = np.unique(column).tolist()
        return found

    def _host_tiles(self, domain: int) -> Iterator[Tile]:
        """The accelerators of a domain one by one, or host by host."""
        topology = self._topology
        first = int(topology.domain_first_gpu[domain])
        ids = np.arange(first, first + int(topology.domain_gpus[domain]))
        hosts = topology.host_of(ids)
        found = np.unique(hosts)
        names = topology.host_names(found.tolist())
        for host, name in zip(found.tolist(), names, strict=True):
            own = ids[hosts == host]
            if self._inside_domains > 1:
                yield self._tile(name, int(own[0]), int(own[-1]) + 1)
                continue
            within = topology.gpu_index_in_host(own).tolist()
            for gpu, index in zip(own.tolist(), within, strict=True):
                yield self._tile(f"{name} GPU {index}", gpu, gpu + 1)

    def _unit_tiles(self, units: list[int]) -> Iterator[Tile]:
        topology, level = self._topology, self._tile_level
        for index in range(0, len(units), self._block):
            held = units[index : index + self._block]
            name = topology.unit_name(level, held[0])
            if len(held) > 1:
                name += f" to {topology.unit_name(level, held[-1])}"
            first = topology.unit_domains(level, held[0]).start
            last = topology.unit_domains(level, held[-1]).stop - 1
            begin = int(topology.domain_first_gpu[first])
            end = int(topology.domain_first_gpu[last] + topology.domain_gpus[last])
            yield self._tile(name, begin, end)

    def _tile(self, name: str, begin: int, end: int) -> Tile:
        kinds, ranks = self._kind[begin:end], self._rank[begin:end]
        used = ranks[ranks >= 0]
        cells = np.unique(used // self._strategy.cell_gpus)
        whole = len(used) == end - begin and len(cells) == 1
        local = used % self._strategy.gpus_per_stage
        replicas = local // (self._strategy.tp * self._strategy.cp)
        return Tile(
            name=name,
            parts=_parts(kinds),
            cell=int(cells[0]) if whole else -1,
            first_replica=bool(np.any(replicas == 0)),
            tip=f"{name}: {_told(kinds)}{_ranks(used)}",
        )


def _tile_inside_domains(topology: Topology) -> int:
    """Accelerators of a tile that is smaller than a domain: one, those of a host, or 0 for none."""
    if topology.num_domains > MOST_FRAMES:
        return 0
    if topology.num_accelerators <= MOST_GPUS:
        return 1
    few = topology.num_domains < FEWEST_TILES and topology.num_hosts <= MOST_TILES
    return topology.gpus_per_host if few else 0


def _tile_level(topology: Topology) -> int:
    """The innermost level, from the domain's on, with few enough units that are not too few."""
    levels = range(topology.domain_level, len(topology.levels))
    few = [i for i in levels if topology.num_units(i) <= MOST_TILES]
    some = [i for i in few if topology.num_units(i) >= FEWEST_TILES]
    return some[0] if some else topology.domain_level


def _block(topology: Topology, level: int) -> int:
    """Units of a level per tile: the smallest power of two that keeps the tiles countable."""
    block = 1
    while -(-topology.num_units(level) // block) > MOST_TILES:
        block *= 2
    return block


def _parts(kinds: IntArray) -> tuple[tuple[int, int], ...]:
    """Kinds in order of first appearance with their counts."""
    found, first, counts = np.unique(kinds, return_index=True, return_counts=True)
    order = np.argsort(first)
    return tuple(zip(found[order].tolist(), counts[order].tolist(), strict=True))


def _told(kinds: IntArray) -> str:
    """``stage 4``, or ``stage 4 (7 GPUs), failed, drained or excluded (1 GPU)``."""
    parts = _parts(kinds)
    if len(parts) == 1:
        return kind_name(parts[0][0])
    return ", ".join(
        f"{kind_name(kind)} ({count:,} GPU{'s' if count > 1 else ''})" for kind, count in parts
    )


def kind_name(kind: int) -> str:
    """A stage or what an unused accelerator is, in words."""
    if kind >= 0:
        return f"stage {kind}"
    return {Use.IDLE: "not used", Use.SPARE: "spare", Use.GONE: "failed, drained or excluded"}[
        Use(kind)
    ]


def _ranks(used: IntArray) -> str:
    """``, ranks 4096-4103``: the first ranges."""
    if not len(used):
        return ""
    ordered = np.sort(used)
    runs = np.split(ordered, np.flatnonzero(np.diff(ordered) != 1) + 1)
    told = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs[:_MOST_RANGES]]
    more = " ..." if len(runs) > _MOST_RANGES else ""
    return f", rank{'s' if len(used) > 1 else ''} {', '.join(told)}{more}"
