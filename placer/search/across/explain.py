"""Why no arrangement of the sites fits, in numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from placer.cost.model import SiteTerms
from placer.errors import InfeasibleError
from placer.search.best_first import Search, without_gpu_share
from placer.search.explain import Question, infeasible
from placer.units import format_power

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from placer.plan.legality import FrameworkRules
    from placer.search.across.ground import Ground
    from placer.search.across.outcome import Outcome
    from placer.search.across.request import SiteRequest
    from placer.search.options import SearchOptions


def nothing_fits(
    ground: Ground,
    outcomes: Sequence[Outcome],
    request: SiteRequest,
    rules: FrameworkRules,
    options: SearchOptions,
) -> InfeasibleError:
    """The error that explains it: what power feeds, what may be lost, what memory asks."""
    fed = sum(power.fed for power in ground.power)
    binding = [*_power_lines(ground), *_loss_lines(request, outcomes)]
    name, cluster = ground.model.model.name, ground.topology.name
    if fed == 0:
        return InfeasibleError(
            f"No plan: no arrangement of the sites of {cluster} can hold {name}.",
            binding=binding,
            relaxation=_relaxation(ground, request),
        )
    merged = ground.costing(range(ground.num_sites), SiteTerms())
    most = min(fed, options.max_gpus or fed)
    question = Question(costing=merged, rules=rules, options=replace(options, max_gpus=most))
    none: Mapping[str, int] = {}
    pruned = max((o.pruned for o in outcomes), key=lambda p: sum(p.values()), default=none)
    inside = infeasible(question, pruned or _pruned_as_one(ground, question), ())
    return InfeasibleError(
        inside.message,
        binding=(*binding, *inside.binding),
        relaxation=_relaxation(ground, request) or inside.relaxation,
    )


def _pruned_as_one(ground: Ground, question: Question) -> Mapping[str, int]:
    """What strategies are dropped for where the whole cluster is one site."""
    options = without_gpu_share(question.options)
    return Search(question.costing, rules=question.rules, options=options, listener=None).pruned


def _power_lines(ground: Ground) -> list[str]:
    """Sites whose power feeds fewer accelerators than they hold."""
    return [
        f"power: the computers of {site.name} may draw {format_power(power.budget_w or 0.0)} (PUE"
        f" {site.pue:g}), which feeds {power.fed:,} of {power.usable:,} GPUs at"
        f" {format_power(power.watts_per_gpu)} each with host and network; all of them need"
        f" {format_power(power.usable * power.watts_per_gpu)}"
        for site, power in zip(ground.topology.sites, ground.power, strict=True)
        if power.fed < power.usable
    ]


def _loss_lines(request: SiteRequest, outcomes: Sequence[Outcome]) -> list[str]:
    """What the loss of a site must leave."""
    least = request.min_replicas_after_loss
    if not least:
        return []
    sites = max((len(outcome.arrangement.sites) for outcome in outcomes), default=1)
    line = (
        f"loss of a site: {least:,} replicas must remain at the other sites; arrangements of up to"
        f" {sites} sites were looked at, none holds that many beside each site"
    )
    return [line]


def _relaxation(ground: Ground, request: SiteRequest) -> str:
    short = [
        (site.name, power)
        for site, power in zip(ground.topology.sites, ground.power, strict=True)
        if power.fed < power.usable
    ]
    if short:
        name, power = short[0]
        needed = format_power(power.usable * power.watts_per_gpu)
        return f"Give the computers of {name} {needed} (power over PUE, and cooling)."
    if request.min_replicas_after_loss:
        return "Lower --min-replicas-after-site-loss, or raise --global-batch-size."
    return ""
