"""The sites of a question: each by itself, several together, and what their power feeds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from placer.cost.sites import site_graph
from placer.search.candidates import Costing
from placer.search.unit_costs import unit_costs
from placer.spec.site_facts import draw_w
from placer.topology.sites import SiteView, site_of_domains, within_sites

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placer.cost.across.routes import SiteGraph
    from placer.cost.model import CostModel, SiteTerms
    from placer.cost.spans import AxisSpans
    from placer.plan.slots import CellShape
    from placer.plan.strategy import StrategyBatch
    from placer.search.unit_costs import UnitCosts


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePower:
    """What a site's computers may draw; ``watts_per_gpu`` with its share of host and network.

    Zero watts where no figure is published: then nothing is known to bind.
    """

    usable: int
    budget_w: float | None
    watts_per_gpu: float

    @property
    def fed(self) -> int:
        """Usable accelerators within the budget."""
        if self.budget_w is None or self.watts_per_gpu == 0.0:
            return self.usable
        return min(self.usable, int(self.budget_w / self.watts_per_gpu + 1e-9))


class OnEverySite(Costing):
    """Costs of replicas that stand on all sites, one strategy for all: the slowest generation's.

    Every stage has accelerators of every site, so no step is faster than on the slowest alone, and
    each must fit the smallest memory.
    """

    def __init__(self, model: CostModel, memory_headroom: float, num_sites: int) -> None:
        super().__init__(model, memory_headroom, num_sites)
        self.limits_bytes = (min(self.limits_bytes),) * len(self.order)

    def costs(self, batch: StrategyBatch, spans: AxisSpans) -> tuple[UnitCosts, ...]:
        """The slowest generation's costs, whatever stands where."""
        slowest = unit_costs(self.model.coefficients(batch, spans, self.order[-1]), self.units)
        return (slowest,) * len(self.order)


class Ground:
    """A cluster of several sites seen from the search."""

    def __init__(self, model: CostModel, memory_headroom: float) -> None:
        self.model = model
        self.topology = model.topology
        self.memory_headroom = memory_headroom
        self.num_sites = len(model.topology.sites)
        self._views: dict[tuple[int, ...], SiteView] = {}
        self._builds: dict[int, tuple[object, ...]] = {}

    def view(self, sites: Sequence[int]) -> SiteView:
        """Some sites as a cluster of their own."""
        key = tuple(sorted(sites))
        if key not in self._views:
            self._views[key] = within_sites(self.topology, key)
        return self._views[key]

    def costing(
        self, sites: Sequence[int], terms: SiteTerms, *, by_replica: bool = False
    ) -> Costing:
        """Costs on some sites, with what an arrangement adds."""
        view = self.view(sites)
        model = replace(self.model, topology=view.topology, site_terms=terms)
        if by_replica:
            return OnEverySite(model, self.memory_headroom, len(sites))
        return Costing(model, self.memory_headroom)

    def build_of(self, site: int) -> tuple[object, ...]:
        """Everything of a site that placing and costing depend on."""
        if site not in self._builds:
            topology = self.view((site,)).topology
            columns: tuple[np.ndarray, ...] = (
                topology.domain_gpus,
                topology.domain_generation,
                topology.domain_uplink_bytes_per_s,
                topology.gpu_state,
                *topology.unit_first_domain,
            )
            bytes_of = tuple(np.ascontiguousarray(column).tobytes() for column in columns)
            self._builds[site] = (topology.generation_levels, topology.accelerators, bytes_of)
        return self._builds[site]

    @cached_property
    def graph(self) -> SiteGraph:
        """The links between the sites."""
        return site_graph(self.model)

    @cached_property
    def power(self) -> tuple[SitePower, ...]:
        """What each site may draw, and what its accelerators do."""
        topology = self.topology
        site = site_of_domains(topology)
        found = []
        for number, place in enumerate(topology.sites):
            mine = site == number
            parts = [topology.accelerators[g] for g in np.unique(topology.domain_generation[mine])]
            watts = max(draw_w(part) or 0.0 for part in parts)
            usable = int(topology.domain_usable[mine].sum())
            found.append(SitePower(usable=usable, budget_w=place.computers_w, watts_per_gpu=watts))
        return tuple(found)

    def cells(self, site: int, shape: CellShape, costing: Costing, gpus_per_cell: int) -> int:
        """Cells of a shape that a site can hold and feed."""
        held = int(costing.pods.capacity(shape).sum())
        return min(held, self.power[site].fed // gpus_per_cell)
