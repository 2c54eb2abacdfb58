"""How groups cover the levels of a cluster, and over which links their traffic leaves a unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from placer.cost.constants import Constants
from placer.cost.links import LevelLink, link_levels
from placer.cost.stage_costs import FloatArray
from placer.plan.strategy import IntArray
from placer.topology.level import Level

Sizes = FloatArray | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How N groups cover the levels: the link of each level and members counted level by level.

    ``covered[l]`` (N,) is units covered at level l; ``inside[l]`` accelerators of the group inside
    one unit of the next-inner level (1 at level 0); ``units[l]`` next-inner units it covers in all;
    ``ranks`` its size, less than the product of ``covered`` where units are not filled evenly;
    ``domains`` how many scale-up domains it covers, ``in_domain`` its accelerators in each.
    """

    links: tuple[LevelLink, ...]
    covered: tuple[FloatArray, ...]
    inside: tuple[FloatArray, ...]
    units: tuple[FloatArray, ...]
    ranks: FloatArray
    in_domain: FloatArray
    domains: FloatArray
    constants: Constants
    sharing: Sizes

    @classmethod
    def of(
        cls,
        spans: IntArray,
        levels: tuple[Level, ...],
        constants: Constants,
        sharing: Sizes,
        ranks: Sizes = np.inf,
    ) -> Reach:
        """Reach of the groups ``spans`` (N, L), of at most ``ranks`` members."""
        links = link_levels(levels, constants)
        columns = np.asarray(spans, dtype=np.float64)
        members: FloatArray = np.cumprod(columns, axis=1, dtype=np.float64)
        inside = (np.ones(len(columns)), *members.T[:-1])
        size = np.minimum(members[:, -1], ranks)
        outwards = np.cumprod(columns[:, ::-1], axis=1, dtype=np.float64).T[::-1]
        last = sum(link.scale_up for link in links) - 1
        return cls(
            links=links,
            covered=tuple(columns.T),
            inside=inside,
            units=(size, *outwards[1:]),
            ranks=size,
            in_domain=members[:, last],
            domains=members[:, -1] / members[:, last],
            constants=constants,
            sharing=sharing,
        )

    def exits(self, at: int) -> FloatArray:
        """Accelerators whose links carry a group out of one next-inner unit of level ``at``; (N,).

        Inside the domain every member. On the network one collective keeps a bounded number of the
        domain's NICs busy (its channels), so large domains do not add up all of theirs; but where
        an oversubscribed uplink gives each accelerator less than its NIC, few NICs fill it for all.
        """
        if self.links[at].scale_up:
            return self.inside[at]
        nics = self.constants.collectives.nics_per_domain * self._narrowing(at)
        busy = np.minimum(self.in_domain, nics)
        return self.inside[at] / self.in_domain * busy

    def _narrowing(self, at: int) -> float:
        """NIC rate over an accelerator's share of the uplinks on the way to level ``at``."""
        network = [link for link in self.links if not link.scale_up]
        nic = network[0].level.bandwidth_bytes_per_s
        return max(1.0, nic / self.links[at].level.bandwidth_bytes_per_s)

    def shared(self, at: int) -> Sizes:
        """How many collectives the link of level ``at`` serves at a time."""
        return 1.0 if self.links[at].scale_up else self.sharing

    def crossing(self, at: int) -> NDArray[np.bool_]:
        """Groups with traffic at level ``at``; (N,)."""
        return self.covered[at] > 1.0
