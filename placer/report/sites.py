"""Between the sites: what crosses, how long it takes, and what else could."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.plan.across import OptionStatus
from placer.plan.strategy import CrossSiteMode
from placer.report.tabular import Table, columns
from placer.units import (
    format_bit_rate,
    format_count,
    format_percent,
    format_size,
    format_time,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from placer.plan.across import OptionPlan, SiteOption
    from placer.plan.plan import Plan

_WHAT = {
    CrossSiteMode.NONE: "nothing",
    CrossSiteMode.SYNC_DP: "gradients, every step",
    CrossSiteMode.PIPELINE: "activations",
    CrossSiteMode.DILOCO: "outer gradients",
    CrossSiteMode.STREAMING_DILOCO: "outer gradients, in fragments",
}


def site_lines(plan: Plan) -> Iterator[str]:
    """What each site holds, what crosses, and how loaded the links are."""
    cross_site = plan.strategy.cross_site
    for share in cross_site.shares:
        stages = f"{share.pp} of {plan.strategy.pp} stages"
        whole = f"{share.dp} of {plan.strategy.dp} replicas"
        held = stages if cross_site.mode is CrossSiteMode.PIPELINE else whole
        yield f"{share.site}: {held}, {share.dp * share.pp * _per_cell(plan):,} GPUs"
    chosen = next((o for o in plan.cross_site_options if o.status is OptionStatus.CHOSEN), None)
    if chosen is not None and chosen.plan is not None:
        yield from _crossing(chosen.plan)
        yield from (f"Beyond what was measured: {note}." for note in chosen.notes)


def _per_cell(plan: Plan) -> int:
    return plan.strategy.tp * plan.strategy.cp


def _hidden(seconds: float) -> str:
    """What runs beside computation, where anything does."""
    return f", {format_time(seconds)} hidden" if seconds > 0.0 else ""


def _crossing(found: OptionPlan) -> Iterator[str]:
    cross_site = found.strategy.cross_site
    if cross_site.mode is CrossSiteMode.NONE:
        yield "Nothing crosses."
        return
    often = f"every {cross_site.inner_steps} steps" if cross_site.inner_steps else "every step"
    hidden = max(0.0, found.traffic_s / (cross_site.inner_steps or 1) - found.exposed_s)
    yield (
        f"{_WHAT[cross_site.mode].capitalize()}: {format_size(found.sent_bytes)} each way {often},"
        f" {format_time(found.traffic_s)} on the busiest link;"
        f" per step {format_time(found.exposed_s)} exposed{_hidden(hidden)}."
    )
    if cross_site.extra_in_flight:
        yield (
            f"Stages before a crossing hold {cross_site.extra_in_flight} micro-batches beyond their"
            " schedule's, to cover the round trip."
        )
    for link in found.links:
        yield (
            f"{link.source} to {link.target}: {format_size(link.size_bytes)} per"
            f" {format_time(found.period_s)}, {format_percent(link.share)} of"
            f" {format_bit_rate(link.capacity_bytes_per_s)}"
        )


def options_table(plan: Plan) -> Table:
    """Every arrangement that came to a plan, and how near the others can come."""
    with_plans = [o for o in plan.cross_site_options if o.plan is not None]
    others = [o for o in plan.cross_site_options if o.plan is None]
    return Table(
        caption="What may cross between the sites",
        columns=columns("what crosses", "sites", "step>", "tokens/s>", "loss>", ""),
        rows=tuple(
            (option.mode.value, ", ".join(option.sites), *_figures(option))
            for option in (*with_plans, *others)
        ),
    )


def _figures(option: SiteOption) -> tuple[str, str, str, str]:
    """Step, tokens per second, change of the loss, and the remark."""
    found = option.plan
    if found is None:
        bound = option.lower_bound_s
        least = "" if bound is None else f">= {format_time(bound)}"
        return least, "", "", option.reason
    loss = f"{100 * found.loss_change:+.2f} %" if found.strategy.cross_site.is_asynchronous else ""
    remark = {
        OptionStatus.CHOSEN: "this plan",
        OptionStatus.BESIDE: _meaning(found),
    }.get(option.status, option.status.value)
    return format_time(found.step_time_s), format_count(found.tokens_per_s), loss, remark


def _meaning(found: OptionPlan) -> str:
    """What its steps are worth, and who could run it."""
    worth = format_count(found.equivalent_tokens_per_s)
    who = ", ".join(found.launchable_by) or "no framework known to placer"
    steps = found.strategy.cross_site.inner_steps
    return f"not the same step: {steps} apart; worth {worth} tokens/s; {who}"
