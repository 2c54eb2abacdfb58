"""Work beside the step: read, given room before the plan is searched, charged to links after."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from placer.cost.across.routes import Flow
from placer.cost.across.side_work import (
    Training,
    consumed_tokens_per_s,
    freshness,
    generated_tokens_per_s,
    rates_of,
)
from placer.cost.sites import site_graph, site_numbers, site_traffic
from placer.errors import InfeasibleError, InputError, Problem
from placer.plan.side_work import LinkUse, PlacedWork, SideWork
from placer.plan.strategy import CrossSiteMode
from placer.search.room import Room, make_room, without_hosts
from placer.spec.side_work import RolloutSpec, SideWorkSpec, gpus_of
from placer.spec.suggest import did_you_mean
from placer.spec.yaml_source import load_document
from placer.topology.build import build_topology
from placer.units import format_bandwidth, format_count, format_time
from placer.workload.params import count_params

if TYPE_CHECKING:
    from collections.abc import Sequence

    from placer.api.question import Question
    from placer.cost.across.routes import SiteGraph
    from placer.cost.across.side_work import Rates
    from placer.plan.plan import Plan
    from placer.spec.side_work import WorkSpec


Hop = tuple[int, bool]
"""A link, and whether in its stated direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserved:
    """A job's side work with the room it got; ``home`` by number."""

    job: SideWorkSpec
    room: Room
    home: int


def read_side_work(job: str | Path | SideWorkSpec) -> SideWorkSpec:
    """The job's work beside its step, from a file or as it is.

    Raises
    ------
    InputError
        When the file does not hold.
    """
    return job if isinstance(job, SideWorkSpec) else load_document(Path(job), SideWorkSpec)


def with_room(question: Question, job: SideWorkSpec) -> tuple[Question, Reserved]:
    """The question on what the side work leaves of the cluster.

    Raises
    ------
    InputError
        When the job names a site that is not there.
    InfeasibleError
        When the sites have no room.
    """
    _check_sites(question, job)
    topology, works = question.topology, [work for _, work in job.works]
    names = [site.name for site in topology.sites]
    home = names.index(job.home) if job.home is not None else _largest_site(question)
    graph = site_graph(question.cost_model)
    distances = [_links_between(graph, home, site) for site in range(len(names))]
    room = make_room(works, topology, distances)
    hosts = {work.name: taken for work, taken in zip(works, room.hosts, strict=True)}
    cluster = without_hosts(question.cluster, hosts)
    left = replace(question, cluster=cluster, topology=build_topology(cluster))
    if left.topology.num_usable == 0:
        raise InfeasibleError(
            "the work beside the step leaves no accelerator to train on",
            binding=[f"{work.name} takes {gpus_of(work):,} accelerators" for work in works],
            relaxation="Ask for fewer accelerators.",
        )
    return left, Reserved(job=job, room=room, home=home)


def settled(question: Question, plan: Plan, reserved: Reserved) -> Plan:
    """The plan with its side work: rates, staleness and what every link carries.

    Side work gives way: training sends first, what is left must carry the rest on average.

    Raises
    ------
    InfeasibleError
        When links, staleness limits or the generators' speed do not allow it, with numbers.
    """
    topology, works = question.topology, [work for _, work in reserved.job.works]
    training = Training(
        num_parameters=count_params(question.model).total,
        step_s=plan.estimate.step_time_s,
        tokens_per_step=float(question.run.global_batch_size * question.run.seq_len),
    )
    trained = _sites_with_weights(question, plan, reserved.home)
    graph = site_graph(question.cost_model)
    sources = [_nearest(graph, trained, site) for site in reserved.room.sites]
    rates = [rates_of(work, training) for work in works]
    busy = _training_rates(question, plan)
    left = graph.with_taken(busy)
    ends = list(zip(sources, reserved.room.sites, strict=True))
    links = _link_uses(question, graph, _flows(works, ends, rates), busy)
    problems = _overloads(links)
    placed = []
    for (kind, work), source, site, rate, hosts in zip(
        reserved.job.works, sources, reserved.room.sites, rates, reserved.room.hosts, strict=True
    ):
        away = source != site
        broadcast_s = _broadcast_s(left, source, site, rate.broadcast_bytes)
        one = PlacedWork(
            name=work.name,
            kind=kind.value,
            site=topology.sites[site].name,
            source=topology.sites[source].name,
            gpus=gpus_of(work),
            hosts=hosts,
            out_bytes_per_s=rate.out_bytes_per_s if away else 0.0,
            back_bytes_per_s=rate.back_bytes_per_s if away else 0.0,
            broadcast_s=broadcast_s,
        )
        if isinstance(work, RolloutSpec):
            one, found = _judged(one, work, training)
            problems += found
        placed.append(one)
    if problems:
        raise InfeasibleError(
            "the work beside the step does not go with this plan",
            binding=problems,
            relaxation="Send less often, take a wider link, or place the work with `at`.",
        )
    side_work = SideWork(
        job=reserved.job.name,
        home=topology.sites[reserved.home].name,
        works=tuple(placed),
        links=links,
    )
    return replace(plan, side_work=side_work)


def _judged(one: PlacedWork, work: RolloutSpec, training: Training) -> tuple[PlacedWork, list[str]]:
    """Rollouts with the age of their weights, and what is wrong with it."""
    age = freshness(work, training, one.broadcast_s)
    problems = []
    if age.staleness > work.staleness_limit:
        problems.append(
            f"{work.name}: weights are {age.staleness} steps old ({age.between} between broadcasts, "
            f"{age.on_the_way} on the way, {age.generating} generating), limit {work.staleness_limit}"
        )
    between_s = work.weights_every_steps * training.step_s
    if one.broadcast_s > between_s:
        problems.append(
            f"{work.name}: sending the weights takes {format_time(one.broadcast_s)}, and they are sent"
            f" every {work.weights_every_steps} steps, {format_time(between_s)}"
        )
    made, wanted = generated_tokens_per_s(work), consumed_tokens_per_s(work, training)
    if made < wanted:
        gpus = -(-wanted // work.tokens_per_s_per_gpu)
        problems.append(
            f"{work.name}: {work.gpus:,} accelerators make {format_count(made)} tokens/s, training"
            f" takes {format_count(wanted)}; {gpus:,.0f} would do"
        )
    judged = replace(one, staleness_steps=age.staleness, staleness_limit=work.staleness_limit)
    return judged, problems


def _sites_with_weights(question: Question, plan: Plan, home: int) -> tuple[int, ...]:
    """Sites that hold the whole training state; home where none is known."""
    cross_site = plan.strategy.cross_site
    if not cross_site.shares:
        return (home,)
    numbers = site_numbers(question.topology, cross_site)
    return numbers[:1] if cross_site.mode is CrossSiteMode.PIPELINE else tuple(sorted(numbers))


def _nearest(graph: SiteGraph, trained: Sequence[int], site: int) -> int:
    """The training site a site is fed from: itself, else over the widest route."""
    if site in trained:
        return site

    def width(source: int) -> float:
        route = graph.route(source, site)
        return route.bandwidth_bytes_per_s if route is not None else 0.0

    return max(trained, key=lambda source: (width(source), -source))


def _training_rates(question: Question, plan: Plan) -> dict[Hop, float]:
    """Average bytes/s of the training step by link and direction."""
    traffic = site_traffic(question.cost_model, plan.strategy, plan.estimate)
    if traffic is None:
        return {}
    return {(load.link, load.forward): load.size_bytes / traffic.period_s for load in traffic.links}


def _flows(
    works: Sequence[WorkSpec],
    ends: Sequence[tuple[int, int]],
    rates: Sequence[Rates],
) -> list[Flow]:
    """Average rates as bytes of one second, from training to the work and back."""
    flows = []
    for work, (source, site), rate in zip(works, ends, rates, strict=True):
        ways = ((source, site, rate.out_bytes_per_s), (site, source, rate.back_bytes_per_s))
        flows += [
            Flow(source=a, target=b, size_bytes=size, what=work.name)
            for a, b, size in ways
            if size > 0 and a != b
        ]
    return flows


def _link_uses(
    question: Question, graph: SiteGraph, flows: Sequence[Flow], busy: dict[Hop, float]
) -> tuple[LinkUse, ...]:
    """Every direction of every link with what it carries on average."""
    side = {(load.link, load.forward): load for load in graph.loads(flows)}
    names = [site.name for site in question.topology.sites]
    uses = []
    for link, stated in enumerate(question.topology.site_links):
        for forward in (True, False):
            load = side.get((link, forward))
            ends = stated.sites if forward else stated.sites[::-1]
            uses.append(
                LinkUse(
                    link=stated.name,
                    source=names[ends[0]],
                    target=names[ends[1]],
                    training_bytes_per_s=busy.get((link, forward), 0.0),
                    side_bytes_per_s=load.size_bytes if load is not None else 0.0,
                    capacity_bytes_per_s=graph.free_bytes_per_s(link, forward=forward),
                    works=load.whats if load is not None else (),
                )
            )
    return tuple(uses)


def _overloads(links: Sequence[LinkUse]) -> list[str]:
    """Links that cannot carry what they should."""
    return [
        f"link {use.link}, {use.source} to {use.target}, carries {format_bandwidth(use.capacity_bytes_per_s)}:"
        f" training takes {format_bandwidth(use.training_bytes_per_s)},"
        f" {' and '.join(use.works)} {format_bandwidth(use.side_bytes_per_s)}"
        for use in links
        if use.works
        and use.training_bytes_per_s + use.side_bytes_per_s > use.capacity_bytes_per_s * (1 + 1e-9)
    ]


def _broadcast_s(left: SiteGraph, source: int, site: int, size_bytes: float) -> float:
    """Time of one sending in what training leaves of the links; 0 inside a site."""
    if source == site or size_bytes == 0:
        return 0.0
    route = left.route(source, site)
    if route is None:
        return float("inf")
    rate = min(left.free_bytes_per_s(link, forward=forward) for link, forward in route.hops)
    return size_bytes / rate + route.latency_s


def _largest_site(question: Question) -> int:
    """The site with most usable accelerators, the first of equals."""
    topology = question.topology
    if len(topology.sites) == 1:
        return 0
    usable = topology.sum_over_units(len(topology.levels) - 2, topology.domain_usable)
    return int(usable.argmax())


def _links_between(graph: SiteGraph, home: int, site: int) -> int:
    if home == site:
        return 0
    route = graph.route(home, site)
    return len(route.hops) if route is not None else len(graph.links) + 1


def _check_sites(question: Question, job: SideWorkSpec) -> None:
    """Every site the job names exists."""
    names = [site.name for site in question.topology.sites]
    stated = [("home", job.home), *((work.name, work.at) for _, work in job.works)]
    problems = [
        Problem(
            source="--job",
            field=field,
            expected=f"a site of {question.cluster.name}: {', '.join(names)}",
            found=repr(name),
            remedy=did_you_mean(name, names),
        )
        for field, name in stated
        if name is not None and name not in names
    ]
    if problems:
        raise InputError(problems)
