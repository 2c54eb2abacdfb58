"""How many cells fit: where failed accelerators, odd pods and mixed generations enter the search.

A cell is the smallest block of a stage that holds whole tp, cp and ep groups. One no larger than
its domain shares it with others; a larger one takes whole domains.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from placer.topology.tree import IntArray, Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainClass:
    """Domains that are alike: ``count`` of them with ``usable`` of ``gpus`` accelerators each."""

    generation: int
    gpus: int
    usable: int
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One unit of the solver's pod level.

    ``uplink_bytes_per_s`` is what all its accelerators together can send out of it, infinite where
    nothing narrower is outside. ``classes`` are sorted, fullest first.
    """

    index: int
    name: str
    site: int
    first_domain: int
    num_domains: int
    num_gpus: int
    num_usable: int
    uplink_bytes_per_s: float
    classes: tuple[DomainClass, ...]

    def cells(self, cell_gpus: int, generation: int | None = None) -> int:
        """Cells of one size that fit, of one generation or (each cell of one) of all."""
        total = 0
        spread: Counter[tuple[int, int]] = Counter()
        for kind in self.classes:
            if generation is not None and kind.generation != generation:
                continue
            if cell_gpus <= kind.gpus:
                total += kind.usable // cell_gpus * kind.count
            elif kind.usable == kind.gpus:
                spread[kind.generation, kind.gpus] += kind.count
        return total + sum(
            count // -(-cell_gpus // gpus) for (_, gpus), count in sorted(spread.items())
        )


def pods(topology: Topology) -> tuple[Pod, ...]:
    """Units of ``topology.pod_level()`` with their domains in classes, in cluster order."""
    level = topology.pod_level()
    uplinks = topology.uplink_bytes_per_s(level)
    usable = topology.sum_over_units(level, topology.domain_usable)
    return tuple(
        _pod(topology, level, index, int(usable[index]), float(uplinks[index]))
        for index in range(topology.num_units(level))
    )


def cells_per_domain(topology: Topology, cell_gpus: int) -> IntArray:
    """Cells that fit inside each domain, floor(usable / cell); (D,). 0 where a cell is larger."""
    return topology.domain_usable // cell_gpus


def cells_per_unit(
    topology: Topology, level: int, cell_gpus: int, generation: int | None = None
) -> IntArray:
    """Cells that fit inside each unit of a level, domains and beyond; (U,).

    Sum over domains of floor(usable / cell) where the cell fits a domain, else
    floor(full domains / ceil(cell / domain)); domains of one kind only go into one cell.
    """
    mine = np.ones(topology.num_domains, dtype=np.bool_)
    if generation is not None:
        mine = topology.domain_generation == generation
    fits = mine & (topology.domain_gpus >= cell_gpus)
    cells = topology.sum_over_units(level, np.where(fits, topology.domain_usable // cell_gpus, 0))
    full = mine & ~fits & (topology.domain_usable == topology.domain_gpus)
    kinds = np.unique(np.stack([topology.domain_generation, topology.domain_gpus])[:, full], axis=1)
    for kind, gpus in kinds.T:
        alike = full & (topology.domain_generation == kind) & (topology.domain_gpus == gpus)
        per_cell = -(-cell_gpus // int(gpus))
        cells = cells + topology.sum_over_units(level, alike.astype(np.int64)) // per_cell
    return cells


def _pod(topology: Topology, level: int, index: int, num_usable: int, uplink: float) -> Pod:
    domains = topology.unit_domains(level, index)
    part = slice(domains.start, domains.stop)
    rows = np.stack(
        [
            topology.domain_generation[part],
            topology.domain_gpus[part],
            topology.domain_usable[part],
        ]
    )
    kinds, counts = np.unique(rows, axis=1, return_counts=True)
    classes = [
        DomainClass(generation=int(g), gpus=int(gpus), usable=int(usable), count=int(count))
        for (g, gpus, usable), count in zip(kinds.T, counts, strict=True)
    ]
    return Pod(
        index=index,
        name=topology.unit_name(level, index),
        site=topology.site_of(domains.start),
        first_domain=domains.start,
        num_domains=len(domains),
        num_gpus=int(topology.domain_gpus[part].sum()),
        num_usable=num_usable,
        uplink_bytes_per_s=uplink if uplink > 0 else float("inf"),
        classes=tuple(sorted(classes, key=lambda kind: (-kind.usable, kind.generation, kind.gpus))),
    )
