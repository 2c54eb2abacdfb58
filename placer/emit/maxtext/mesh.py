"""How a plan's groups fall into MaxText's mesh: which factor of each axis stays in the fast network.

``create_hybrid_device_mesh(ici, dcn)`` lays equal slices side by side: of every axis, the dcn factor
counts slices and the ici factor devices inside a slice, the last axis fastest in both. A slice is a
scale-up domain, or a host where the plan does not fill domains evenly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.errors import InputError, Problem

if TYPE_CHECKING:
    from placer.plan.plan import Plan
    from placer.plan.ranks import RankTable
    from placer.plan.strategy import IntArray, Strategy

FULLY_SHARDED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MeshSplit:
    """Factors of each mesh axis, slowest axis first, and the order of ranks they mean.

    ``order`` (N,) is the rank of the plan at each of MaxText's places.
    """

    axes: tuple[str, ...]
    ici: tuple[int, ...]
    dcn: tuple[int, ...]
    order: IntArray

    @property
    def devices_per_slice(self) -> int:
        """Devices in one slice."""
        return int(np.prod(self.ici))

    @property
    def num_slices(self) -> int:
        """Slices."""
        return int(np.prod(self.dcn))


def mesh_split(plan: Plan, ranks: RankTable) -> MeshSplit:
    """The split of a plan; ``ranks`` are in the plan's own order.

    Raises
    ------
    InputError
        When neither domains nor hosts hold equal, aligned blocks of every axis.
    """
    coordinates = _coordinates(plan.strategy)
    for unit in (ranks.domain, ranks.node_rank):
        split = _split_over(unit, coordinates, _sizes(plan.strategy))
        if split is not None:
            return split
    counts = np.bincount(ranks.node_rank)
    problem = Problem(
        source="plan",
        field="placement",
        expected="scale-up domains or hosts that hold equal, aligned blocks of every mesh axis, as"
        " MaxText's ici and dcn factors do",
        found=f"hosts with {counts.min()} to {counts.max()} ranks, groups cut unevenly",
        remedy="Plan for whole hosts with degrees that divide them, or emit for megatron.",
    )
    raise InputError((problem,))


def _sizes(strategy: Strategy) -> dict[str, int]:
    """Degree of each axis, slowest first; the tensor axis is named after what it splits."""
    sharded = strategy.zero_stage == FULLY_SHARDED
    tensor = "tensor_sequence" if strategy.sequence_parallel else "tensor"
    apart = strategy.cross_site.replicas if strategy.cross_site.is_asynchronous else 1
    return {
        "diloco": apart,
        "data": (strategy.dp_replicate if sharded else strategy.dp) // apart,
        "fsdp": strategy.dp_shard // strategy.ep if sharded else 1,
        "context": strategy.cp,
        tensor: strategy.tp,
        "expert": strategy.ep,
    }


def _coordinates(strategy: Strategy) -> dict[str, IntArray]:
    """(N,) coordinate of each of the plan's ranks on each axis."""
    rank = np.arange(strategy.num_gpus, dtype=np.int64)
    sizes = _sizes(strategy)
    strides = {"expert": strategy.tp * strategy.cp}
    strides["fsdp"] = strides["expert"] * sizes["expert"]
    strides["data"] = strides["fsdp"] * sizes["fsdp"]
    strides["diloco"] = strides["data"] * sizes["data"]
    strides["context"] = strategy.tp
    return {axis: rank // strides.get(axis, 1) % size for axis, size in sizes.items()}


def _split_over(
    unit: IntArray, coordinates: dict[str, IntArray], sizes: dict[str, int]
) -> MeshSplit | None:
    """The split with these units as slices; None when they are no equal, aligned boxes."""
    counts = np.bincount(unit)
    counts = counts[counts > 0]
    first = unit == unit[0]
    ici = {axis: len(np.unique(values[first])) for axis, values in coordinates.items()}
    if np.any(counts != counts[0]) or np.prod(list(ici.values())) != counts[0]:
        return None
    if any(size % ici[axis] for axis, size in sizes.items()):
        return None
    dcn = {axis: size // ici[axis] for axis, size in sizes.items()}
    slices = _mixed({axis: c // ici[axis] for axis, c in coordinates.items()}, dcn)
    pairs = np.unique(np.stack([unit, slices]), axis=1)
    if pairs.shape[1] != len(counts):
        return None
    inside = _mixed({axis: c % ici[axis] for axis, c in coordinates.items()}, ici)
    return MeshSplit(
        axes=tuple(sizes),
        ici=tuple(ici.values()),
        dcn=tuple(dcn.values()),
        order=np.argsort(slices * int(counts[0]) + inside),
    )


def _mixed(coordinates: dict[str, IntArray], sizes: dict[str, int]) -> IntArray:
    """(N,) row-major position, the last axis fastest."""
    position = np.zeros(len(next(iter(coordinates.values()))), dtype=np.int64)
    for axis, size in sizes.items():
        position = position * size + coordinates[axis]
    return position
