"""The collectives inside one lane's cells at one stage: tensor, context and expert groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from placer.plan.coordinates import Axis, axis_strides
from placer.plan.strategy import Strategy
from placer.simulate.collectives import Collectives, Duration, Operation
from placer.simulate.link_table import IntArray
from placer.simulate.routing import copies_of
from placer.spec.model import MoE
from placer.spec.run import MoeDispatcher

DEDUPLICATING = (MoeDispatcher.DEEPEP, MoeDispatcher.HYBRIDEP)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellExchanges:
    """Operations of the groups in a lane's cells; those of the expert grid where there is one.

    ``reductions`` are the ways a tensor-parallel group can all-reduce.
    """

    tp: Operation
    cp: Operation
    etp: Operation
    ep: Operation
    reductions: tuple[Operation, ...]
    tp_inside_domain: bool

    def reduction(self, payload_bytes: float) -> Duration:
        """An all-reduce over a tensor-parallel group, by the fastest way."""
        ways = [way.duration(payload_bytes) for way in self.reductions]
        return min(ways, key=lambda way: way.total_s)

    @property
    def leaving_domains(self) -> tuple[tuple[str, Operation], ...]:
        """Axes whose groups leave their domains, and so meet other traffic on the network."""
        axes = (("tp", self.tp), ("cp", self.cp), ("ep", self.ep))
        return tuple((axis, operation) for axis, operation in axes if operation.leaves_domain)


def cell_exchanges(
    strategy: Strategy,
    cells: IntArray,
    collectives: Collectives,
    moe: MoE | None,
    dispatcher: MoeDispatcher,
) -> CellExchanges:
    """Lay the groups inside cells (C, GPUs) over the links, all of an axis at a time."""
    tensor = groups_in(cells, Axis.TP, strategy)
    experts = groups_in(cells, Axis.EP, strategy)
    copies = copies_of(moe, experts, collectives.table, deduplicated=dispatcher in DEDUPLICATING)
    return CellExchanges(
        tp=collectives.ring("tp", tensor),
        cp=collectives.ring("cp", groups_in(cells, Axis.CP, strategy)),
        etp=collectives.ring("etp", groups_in(cells, Axis.ETP, strategy)),
        ep=collectives.exchange(
            "ep", experts, domain_copies=copies.domains, rank_copies=copies.ranks
        ),
        reductions=collectives.reductions("tp", tensor),
        tp_inside_domain=collectives.inside_domain(tensor),
    )


def groups_in(ranks: IntArray, axis: Axis, strategy: Strategy) -> IntArray:
    """(G, degree) members of the groups of an axis among blocks of consecutive ranks.

    ``ranks`` (B, K) are blocks that hold whole groups, in rank order.
    """
    degree, stride = axis_strides(strategy)[axis]
    grid = ranks.reshape(len(ranks), -1, degree, stride)
    groups: IntArray = np.swapaxes(grid, 2, 3).reshape(-1, degree)
    return groups
