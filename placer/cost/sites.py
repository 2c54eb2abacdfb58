"""What an arrangement between sites costs on top of what each site does by itself.

Everything but the traffic between sites is costed on the sites alone (``topology.sites``); the
formulas of the traffic are those of ``cost.across``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from placer.cost.across.diloco import (
    OUTER_STATE_BYTES,
    Streaming,
    diloco_cost,
    least_overlap_steps,
    streaming_cost,
)
from placer.cost.across.exchange import exchange_bytes
from placer.cost.across.pipelining import Crossing, fill_s, stretched_s
from placer.cost.across.routes import Exchange, Flow, LinkLoad, SiteGraph
from placer.cost.data_parallel import SENT_GRADIENT_BYTES
from placer.cost.model import CostModel, SiteTerms
from placer.plan.strategy import CrossSiteMode
from placer.spec.interconnect import DCI_LINK
from placer.topology.sites import SiteView, within_sites
from placer.workload.params import count_params

if TYPE_CHECKING:
    from placer.cost.stage_costs import FloatArray
    from placer.plan.estimate import Estimate
    from placer.plan.placement import CellRun, Placement
    from placer.plan.strategy import CrossSite, Strategy, StrategyBatch
    from placer.topology.tree import SiteLink, Topology

ACTIVATION_BYTES: Final = 2.0
"""Per element that crosses between two stages, bf16."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteTraffic:
    """What crosses between sites.

    ``sent_bytes`` leave a site in each direction every ``period_s`` (one step, or DiLoCo's H);
    ``traffic_s`` is how long that takes and ``exposed_s`` how much of it a step waits for, on
    average; ``links`` are the loads of one period.
    """

    sent_bytes: float
    period_s: float
    traffic_s: float
    exposed_s: float
    links: tuple[LinkLoad, ...]


def site_graph(model: CostModel) -> SiteGraph:
    """The links between the sites of the model's cluster, at the rate software gets."""
    topology = model.topology
    efficiency = model.constants.link(DCI_LINK).ring
    return _graph(len(topology.sites), topology.site_links, efficiency)


@lru_cache(maxsize=64)
def _graph(num_sites: int, links: tuple[SiteLink, ...], efficiency: float) -> SiteGraph:
    return SiteGraph(num_sites=num_sites, links=links, efficiency=efficiency)


@lru_cache(maxsize=1024)
def _ring(
    num_sites: int, links: tuple[SiteLink, ...], efficiency: float, sites: tuple[int, ...]
) -> Exchange:
    return _graph(num_sites, links, efficiency).exchange(sites)


def site_numbers(topology: Topology, cross_site: CrossSite) -> tuple[int, ...]:
    """Numbers of the sites used, in the order of their shares."""
    names = [site.name for site in topology.sites]
    return tuple(names.index(share.site) for share in cross_site.shares)


def payload_bytes(model: CostModel, cross_site: CrossSite) -> float:
    """Bytes all sites must agree on in one exchange: gradients, or outer gradients."""
    parameters = count_params(model.model).total
    if cross_site.outer_bits is not None:
        return parameters * cross_site.outer_bits / 8.0
    return parameters * SENT_GRADIENT_BYTES[model.run.features.gradients]


def site_terms(model: CostModel, cross_site: CrossSite) -> SiteTerms:
    """What the arrangement adds to every strategy alike."""
    if cross_site.is_asynchronous:
        return SiteTerms(outer_bytes=OUTER_STATE_BYTES)
    if cross_site.mode is CrossSiteMode.SYNC_DP:
        ring = exchange_of(model, cross_site)
        return SiteTerms(exchanged_s=ring.time_s(payload_bytes(model, cross_site)))
    return SiteTerms()


def exchange_of(model: CostModel, cross_site: CrossSite) -> Exchange:
    """The ring over the sites used."""
    topology = model.topology
    sites = tuple(sorted(site_numbers(topology, cross_site)))
    efficiency = model.constants.link(DCI_LINK).ring
    return _ring(len(topology.sites), topology.site_links, efficiency, sites)


def inside_model(model: CostModel, view: SiteView, cross_site: CrossSite) -> CostModel:
    """The cost model of the sites used, with what the arrangement adds."""
    return replace(model, topology=view.topology, site_terms=site_terms(model, cross_site))


def estimate_across(model: CostModel, strategy: Strategy, placement: Placement) -> Estimate:
    """The estimate of a strategy whose shares say which sites it uses."""
    view = within_sites(model.topology, site_numbers(model.topology, strategy.cross_site))
    inside = inside_model(model, view, strategy.cross_site)
    local = inside.estimate_inside(strategy, localised(placement, view))
    return slowed(local, added_s(model, strategy, local))


def localised(placement: Placement, view: SiteView) -> Placement:
    """The same placement by the numbers of the sites used."""

    def moved(run: CellRun) -> CellRun:
        first = np.array([start for start, _ in run.gpu_ids], dtype=np.int64)
        starts = view.local(first).tolist()
        counts = (count for _, count in run.gpu_ids)
        return replace(run, gpu_ids=tuple(zip(starts, counts, strict=True)))

    return replace(placement, cells=tuple(moved(run) for run in placement.cells))


def added_s(model: CostModel, strategy: Strategy, local: Estimate) -> float:
    """What a step waits between sites beyond what its sites do by themselves."""
    cross_site = strategy.cross_site
    if cross_site.is_asynchronous:
        return outer_exchange(model, cross_site).exposed_s(local.step_time_s)
    if cross_site.mode is CrossSiteMode.PIPELINE:
        return _crossings_s(model, strategy, max(local.stage_time_s)) + tied_s(model, cross_site)
    return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OuterExchange:
    """What DiLoCo sends between its sites, and on which ring."""

    ring: Exchange
    payload_bytes: float
    inner_steps: int
    streaming: Streaming | None

    def exposed_s(self, step_s: float) -> float:
        """What one inner step of ``step_s`` waits for the outer one, on average.

        The step with it is never less for a longer ``step_s``.
        """
        if self.streaming is None:
            return diloco_cost(
                self.ring, self.payload_bytes, inner_steps=self.inner_steps
            ).exposed_s
        return streaming_cost(
            self.ring,
            self.payload_bytes,
            inner_steps=self.inner_steps,
            step_s=step_s,
            streaming=self.streaming,
        ).exposed_s


def outer_exchange(model: CostModel, cross_site: CrossSite) -> OuterExchange:
    """The outer steps of a DiLoCo arrangement."""
    streams = cross_site.mode is CrossSiteMode.STREAMING_DILOCO
    streaming = Streaming(
        fragments=cross_site.fragments or 1, overlap_steps=cross_site.overlap_steps or 1
    )
    return OuterExchange(
        ring=exchange_of(model, cross_site),
        payload_bytes=payload_bytes(model, cross_site),
        inner_steps=cross_site.inner_steps or 1,
        streaming=streaming if streams else None,
    )


def least_over_any_link_s(model: CostModel, cross_site: CrossSite, inside_s: float) -> float:
    """A bound on steps that take ``inside_s`` inside any two or more sites of the cluster.

    A ring sends at least the payload over some link. Gradients hide behind less than the step's
    computation, so a step takes no less than they do; so do a pipeline's activations.
    """
    graph = site_graph(model)
    widest = max(
        graph.free_bytes_per_s(link, forward=way)
        for link in range(len(graph.links))
        for way in (True, False)
    )
    if cross_site.mode is CrossSiteMode.PIPELINE:
        tokens = model.run.global_batch_size * model.run.seq_len
        return max(inside_s, ACTIVATION_BYTES * tokens * model.model.hidden_size / widest)
    traffic_s = payload_bytes(model, cross_site) / widest
    if cross_site.mode is CrossSiteMode.DILOCO:
        return inside_s + traffic_s / (cross_site.inner_steps or 1)
    return max(inside_s, traffic_s / (cross_site.inner_steps or 1))


def needed_overlap_steps(model: CostModel, cross_site: CrossSite, step_s: float, most: int) -> int:
    """Inner steps a fragment should have on its way: as few as hide it, ``most`` at most."""
    least = least_overlap_steps(
        exchange_of(model, cross_site),
        payload_bytes(model, cross_site),
        fragments=cross_site.fragments or 1,
        step_s=step_s,
    )
    return min(max(least, 1), most)


def crossings(
    model: CostModel, cross_site: CrossSite, micro_batch_size: int, num_pipelines: int
) -> list[Crossing]:
    """The places where a pipeline leaves a site, in order.

    Replicas run in step, so all of ``num_pipelines`` send at once and share the link, as crossings
    share links that several of them take.
    """
    sites = site_numbers(model.topology, cross_site)
    graph = site_graph(model)
    hops = list(pairwise(sites))
    size = ACTIVATION_BYTES * micro_batch_size * model.run.seq_len * model.model.hidden_size
    busiest_s = graph.transfer_s(_both_ways(hops, 1.0))
    found = []
    for hop in hops:
        route = graph.route(*hop)
        assert route is not None
        rate = min(route.bandwidth_bytes_per_s, 1.0 / busiest_s) / num_pipelines
        crossing = Crossing(
            activation_bytes=size, bandwidth_bytes_per_s=rate, latency_s=route.latency_s
        )
        found.append(crossing)
    return found


def least_pipeline_s(model: CostModel, cross_site: CrossSite) -> float:
    """What a step of any pipeline through these sites takes at least: all activations on a link."""
    cuts = crossings(model, cross_site, 1, 1)
    return model.run.global_batch_size * max(cut.transfer_s for cut in cuts)


def fill_waits_s(model: CostModel, cross_site: CrossSite, batch: StrategyBatch) -> FloatArray:
    """What strategies wait between sites once a step, to fill and drain; (N,).

    The replicas' micro-batches that cross at once are 1 / M of the batch.
    """
    cuts = crossings(model, cross_site, 1, 1)
    together = model.run.global_batch_size / batch.num_microbatches
    waits = [2.0 * (cut.latency_s + together * cut.transfer_s) for cut in cuts]
    return np.asarray(np.sum(waits, axis=0))


def steady_waits_s(model: CostModel, cross_site: CrossSite, batch: StrategyBatch) -> FloatArray:
    """What strategies wait in the steady phase where 1F1B holds no more than it does; (N,).

    Each micro-batch takes a crossing's delay longer, so a step the latency M times and the time of
    all activations once; see ``_crossings_s``.
    """
    cuts = crossings(model, cross_site, 1, 1)
    sequences = model.run.global_batch_size
    waits = [batch.num_microbatches * cut.latency_s + sequences * cut.transfer_s for cut in cuts]
    return np.asarray(np.max(waits, axis=0))


def _crossings_s(model: CostModel, strategy: Strategy, stage_s: float) -> float:
    """What the crossings add to a step whose slowest stage takes ``stage_s`` per micro-batch.

    Each adds its delay to fill and drain. In the steady phase a stage runs one forward and one
    backward pass in turn, so the stage behind a crossing waits for what follows the gradient it has
    just sent back: two micro-batches take ``2 t + 2 x``, and with ``extra`` more in flight 2 + extra
    do (``stretched_s`` with one stage behind). The slowest crossing sets the pace.
    """
    cross_site = strategy.cross_site
    cuts = crossings(model, cross_site, strategy.micro_batch_size, strategy.dp)
    extra = cross_site.extra_in_flight
    pace = max(
        max(stretched_s(cut, stage_s, downstream=1, extra=extra), cut.transfer_s) for cut in cuts
    )
    return sum(fill_s(cut) for cut in cuts) + strategy.num_microbatches * (pace - stage_s)


def tied_s(model: CostModel, cross_site: CrossSite) -> float:
    """Gradients of an embedding that the first and last stage share, at two sites."""
    if not model.model.tied_embeddings:
        return 0.0
    sites = site_numbers(model.topology, cross_site)
    ends = site_graph(model).exchange((sites[0], sites[-1]))
    elements = model.model.hidden_size * model.model.vocab_size
    return ends.time_s(elements * SENT_GRADIENT_BYTES[model.run.features.gradients])


def slowed(estimate: Estimate, seconds: float) -> Estimate:
    """The estimate of a step that waits so much longer between sites."""
    if seconds == 0.0:
        return estimate
    breakdown = replace(estimate.breakdown, cross_site=estimate.breakdown.cross_site + seconds)
    step = breakdown.total_s
    share = estimate.step_time_s / step
    return replace(
        estimate,
        breakdown=breakdown,
        step_time_s=step,
        tokens_per_s=estimate.tokens_per_s * share,
        tflops_per_gpu=estimate.tflops_per_gpu * share,
        mfu=estimate.mfu * share,
        hfu=estimate.hfu * share,
    )


def site_traffic(model: CostModel, strategy: Strategy, estimate: Estimate) -> SiteTraffic | None:
    """What crosses between sites and the load of every link; None where nothing does."""
    cross_site = strategy.cross_site
    if cross_site.mode is CrossSiteMode.NONE or not cross_site.shares:
        return None
    graph, step = site_graph(model), estimate.step_time_s
    if cross_site.mode is CrossSiteMode.PIPELINE:
        sites = site_numbers(model.topology, cross_site)
        tokens = model.run.global_batch_size * model.run.seq_len
        sent = ACTIVATION_BYTES * tokens * model.model.hidden_size
        links = graph.loads(_both_ways(list(pairwise(sites)), sent))
        busy = max(load.time_s for load in links)
        return SiteTraffic(
            sent_bytes=sent,
            period_s=step,
            traffic_s=busy,
            exposed_s=estimate.breakdown.cross_site,
            links=links,
        )
    ring, payload = exchange_of(model, cross_site), payload_bytes(model, cross_site)
    period = step * (cross_site.inner_steps or 1)
    return SiteTraffic(
        sent_bytes=exchange_bytes(payload, len(ring.order)),
        period_s=period,
        traffic_s=ring.time_s(payload),
        exposed_s=estimate.breakdown.cross_site,
        links=graph.loads(_ring_flows(ring, payload)),
    )


def _ring_flows(ring: Exchange, payload: float) -> list[Flow]:
    """One exchange of a payload, site to next site."""
    sent = exchange_bytes(payload, len(ring.order))
    ends = zip(ring.order, (*ring.order[1:], ring.order[0]), strict=True)
    return [Flow(source=a, target=b, size_bytes=sent, what="exchange") for a, b in ends]


def _both_ways(hops: list[tuple[int, int]], size_bytes: float) -> list[Flow]:
    """Activations forward and gradients back over each hop."""
    forward = [Flow(source=a, target=b, size_bytes=size_bytes, what="activations") for a, b in hops]
    back = [Flow(source=b, target=a, size_bytes=size_bytes, what="gradients") for a, b in hops]
    return forward + back
