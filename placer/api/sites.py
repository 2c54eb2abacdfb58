"""``plan`` on a cluster of several sites: the answer, and every arrangement beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from placer.api.found_answer import plan_of
from placer.cost.across.quality import SYNCHRONOUS as AS_GOOD
from placer.cost.across.quality import published_quality, quality_of
from placer.cost.sites import site_graph, site_traffic
from placer.emit.registry import launchable_by
from placer.errors import InputError, Problem
from placer.plan.across import LinkUse, OptionPlan, OptionStatus, SiteOption
from placer.plan.site_shares import usual_arrangement
from placer.plan.strategy import Strategy
from placer.search.across.find import find_across
from placer.search.across.legal import refusals
from placer.search.across.outcome import OUT_OF_TIME
from placer.search.across.request import SiteRequest
from placer.workload.params import count_params

if TYPE_CHECKING:
    from placer.api.question import Question
    from placer.cost.across.quality import Quality
    from placer.cost.across.routes import LinkLoad
    from placer.plan.estimate import Estimate
    from placer.plan.plan import Plan
    from placer.search.across.find import AcrossResult
    from placer.search.across.outcome import Outcome
    from placer.search.options import SearchOptions
    from placer.search.result import ProgressListener


def plan_over_sites(
    question: Question,
    options: SearchOptions,
    request: SiteRequest,
    listener: ProgressListener | None = None,
) -> Plan:
    """Find the fastest plan over the sites of a question's cluster.

    Raises
    ------
    InputError
        When the framework has no such arrangement, or nothing was measured about it.
    InfeasibleError
        When no arrangement fits.
    TimeLimitError
        When the time limit came before any plan.
    """
    _refuse_unknown(question, request)
    found = find_across(
        question.cost_model,
        rules=question.rules,
        options=options,
        request=request,
        progress=listener,
    )
    answer = plan_of(question, options, found.result)
    restrictions = (*answer.provenance.restrictions, *_typed(request))
    return replace(
        answer,
        provenance=replace(answer.provenance, restrictions=restrictions),
        cross_site_options=site_options(question, found),
    )


def _typed(request: SiteRequest) -> tuple[str, ...]:
    """What the user asked of the sites, where it is not what is usual."""
    usual = SiteRequest()
    said = [f"cross-site {mode.value}" for mode in request.modes]
    if request.inner_steps != usual.inner_steps:
        said.append(f"inner-steps {request.inner_steps}")
    if request.outer_bits is not None:
        said.append(f"outer-bits {request.outer_bits}")
    if request.min_replicas_after_loss:
        said.append(f"min-replicas-after-site-loss {request.min_replicas_after_loss}")
    if request.quality != usual.quality:
        said.append(f"quality of {request.quality.loss_change.source}")
    said += ["quality-exchange"] if request.quality_exchange else []
    return (*said, "extrapolate") if request.extrapolate else tuple(said)


def _refuse_unknown(question: Question, request: SiteRequest) -> None:
    """What is asked for by name and the framework's rules, or the measurements, exclude."""
    layers = question.model.num_layers
    problems = []
    for mode in request.modes:
        arranged = usual_arrangement(
            mode,
            inner_steps=request.inner_steps,
            outer_bits=request.outer_bits,
            num_layers=layers,
        )
        problems += [
            Problem(
                source="--cross-site",
                expected=f"what {question.run.framework} can launch",
                found=mode.value,
                remedy=f"{rule.sentence} {rule.remedy} Or add --framework any.",
            )
            for rule in refusals(question.rules, question.cost_model, arranged)
        ]
    most = request.quality.max_inner_steps
    if request.inner_steps > most and not request.extrapolate:
        problems.append(
            Problem(
                source="--inner-steps",
                expected=f"at most {most}, the most whose loss was measured",
                found=str(request.inner_steps),
                remedy="Add --extrapolate to go on anyway.",
            )
        )
    if problems:
        raise InputError(problems)


def site_options(question: Question, found: AcrossResult) -> tuple[SiteOption, ...]:
    """Every arrangement that was looked at, in the order of the search."""
    meaning = found.competing
    return tuple(
        _option(question, outcome, quality, _status(outcome, found.chosen, index in meaning))
        for index, (outcome, quality) in enumerate(zip(found.outcomes, found.quality, strict=True))
    )


def _status(outcome: Outcome, chosen: Outcome, competes: bool) -> OptionStatus:
    if outcome is chosen:
        return OptionStatus.CHOSEN
    if outcome.reason == OUT_OF_TIME:
        return OptionStatus.OPEN
    if not outcome.lower_bound_s < float("inf"):
        return OptionStatus.IMPOSSIBLE
    if competes or not outcome.plans:
        return OptionStatus.SLOWER
    return OptionStatus.BESIDE


def _option(
    question: Question, outcome: Outcome, quality: Quality, status: OptionStatus
) -> SiteOption:
    sites = question.topology.sites
    bound = outcome.lower_bound_s
    return SiteOption(
        mode=outcome.arrangement.mode,
        sites=tuple(sites[site].name for site in outcome.arrangement.sites),
        status=status,
        lower_bound_s=bound if bound < float("inf") else None,
        reason=outcome.reason,
        plan=_plan(question, *_best(outcome), quality) if outcome.plans else None,
        notes=quality.beyond if outcome.plans else (),
    )


def estimated_option(question: Question, strategy: Strategy, estimate: Estimate) -> SiteOption:
    """What crosses under a configuration somebody already has."""
    cross_site = strategy.cross_site
    quality = AS_GOOD
    if cross_site.is_asynchronous:
        quality = quality_of(
            published_quality(),
            num_parameters=count_params(question.model).total,
            replicas=cross_site.replicas,
            inner_steps=cross_site.inner_steps or 1,
            extrapolate=True,
        )
    return SiteOption(
        mode=cross_site.mode,
        sites=tuple(share.site for share in cross_site.shares),
        status=OptionStatus.CHOSEN,
        lower_bound_s=None,
        reason="",
        plan=_plan(question, strategy, estimate, quality),
        notes=quality.beyond,
    )


def _best(outcome: Outcome) -> tuple[Strategy, Estimate]:
    return outcome.plans[0].strategy, outcome.plans[0].estimate


def _plan(
    question: Question, strategy: Strategy, estimate: Estimate, quality: Quality
) -> OptionPlan:
    traffic = site_traffic(question.cost_model, strategy, estimate)
    graph = site_graph(question.cost_model)
    names = [site.name for site in question.topology.sites]

    def use(load: LinkLoad, period_s: float) -> LinkUse:
        ends = graph.links[load.link].sites
        source, target = ends if load.forward else (ends[1], ends[0])
        return LinkUse(
            source=names[source],
            target=names[target],
            size_bytes=load.size_bytes,
            capacity_bytes_per_s=graph.free_bytes_per_s(load.link, forward=load.forward),
            share=load.time_s / period_s,
        )

    return OptionPlan(
        strategy=strategy,
        step_time_s=estimate.step_time_s,
        tokens_per_s=estimate.tokens_per_s,
        sent_bytes=traffic.sent_bytes if traffic else 0.0,
        period_s=traffic.period_s if traffic else estimate.step_time_s,
        traffic_s=traffic.traffic_s if traffic else 0.0,
        exposed_s=estimate.breakdown.cross_site,
        links=tuple(use(load, traffic.period_s) for load in traffic.links) if traffic else (),
        loss_change=quality.loss_change,
        compute_factor=quality.compute_factor,
        equivalent_tokens_per_s=quality.equivalent(estimate.tokens_per_s),
        launchable_by=launchable_by(question.model, question.run, strategy),
    )
