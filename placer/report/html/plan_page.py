"""The page of a plan: the order of its sections is the order a reader asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from placer.report.accounts import accounts_table, doubt, simulated_table
from placer.report.binding import fullest_stage
from placer.report.explain import neighbours_note, neighbours_table
from placer.report.figures.alternatives import alternatives_table
from placer.report.groups import groups_table
from placer.report.html.page import Section, page
from placer.report.html.parts import bullets, definitions, figure, paragraphs, table
from placer.report.html.provenance import assumptions_section
from placer.report.loss import signed_percent
from placer.report.side_work import loads_table, works_table, works_title
from placer.report.sites import options_table, site_lines
from placer.report.stages import stages_table
from placer.report.strategy_text import recompute_text, strategy_line, zero_text
from placer.report.text.headline import asked, launchable, proof, warnings
from placer.units import format_count, format_percent, format_time

if TYPE_CHECKING:
    from markupsafe import Markup

    from placer.plan.plan import Plan
    from placer.report.explain import Explanation
    from placer.report.plan_figures import Findings, PlanFigures

_EXPERT_FIELDS = ("ep", "etp", "edp")
_DEGREES = (
    ("tp", "tensor parallel (tp)"),
    ("cp", "context parallel (cp)"),
    ("ep", "expert parallel (ep)"),
    ("etp", "tensor parallel inside experts (etp)"),
    ("pp", "pipeline stages (pp)"),
    ("vpp", "chunks per stage (vpp)"),
    ("dp", "data-parallel replicas (dp)"),
    ("edp", "replicas of each expert (edp)"),
    ("micro_batch_size", "sequences per micro-batch"),
    ("num_microbatches", "micro-batches per step"),
)


def plan_page(found: Findings, figures: PlanFigures) -> str:
    """One HTML document; equal plans give equal bytes."""
    plan = found.explanation.plan
    has_experts = plan.model.moe is not None
    return page(
        title=f"{plan.model.name} on {plan.cluster.name}",
        lead=(
            strategy_line(plan.strategy, has_experts=has_experts),
            f"{_sentence(asked(plan))} {_sentence(proof(plan))} {_sentence(launchable(plan))}",
        ),
        facts=_facts(plan),
        warnings=warnings(plan),
        sections=tuple(_sections(found, figures)),
        footer=(f"Made by placer {plan.provenance.placer_version} from the plan alone.",),
    )


def _sections(found: Findings, figures: PlanFigures) -> list[Section]:
    explanation, plan = found.explanation, found.explanation.plan
    what_else: tuple[Markup, ...] = tuple(figure(drawn) for drawn in figures.alternatives)
    if plan.alternatives:
        what_else += (table(alternatives_table(plan)),)
    if plan.simulated:
        what_else += (table(simulated_table(plan)),)
    return [
        Section(
            title="Why this plan",
            body=(bullets((*explanation.findings, *_runner_up(plan))), definitions(_terms(plan))),
        ),
        Section(title="Where the time goes", body=(figure(figures.time),)),
        Section(
            title="Where everything sits",
            body=(figure(figures.placement), table(groups_table(plan))),
        ),
        *_sites(plan),
        *_side_work(plan),
        Section(title="Memory", body=(figure(figures.memory),)),
        Section(
            title="Stages and layers",
            body=(table(stages_table(plan)),),
        ),
        Section(title="A step, played", body=_played(found, figures)),
        *(Section(title="Traffic", body=(figure(drawn),)) for drawn in figures.traffic),
        Section(title="What else was possible", body=(*what_else, *_neighbours(explanation))),
        Section(title="What would help", body=(figure(figures.sensitivity),)),
        assumptions_section(plan),
    ]


def _sites(plan: Plan) -> tuple[Section, ...]:
    """What each site holds, what crosses, and what else could."""
    if not plan.strategy.cross_site.shares:
        return ()
    options = (table(options_table(plan)),) if plan.cross_site_options else ()
    return (Section(title="Between sites", body=(bullets(tuple(site_lines(plan))), *options)),)


def _side_work(plan: Plan) -> tuple[Section, ...]:
    """What stands beside the step, and what it sends."""
    if plan.side_work is None:
        return ()
    tables = (works_table(plan.side_work), loads_table(plan.side_work))
    body = tuple(table(data) for data in tables if data.rows)
    return (Section(title=works_title(plan.side_work), body=body),)


def _played(found: Findings, figures: PlanFigures) -> tuple[Markup, ...]:
    if found.simulation is not None:
        pictures = tuple(figure(drawn) for drawn in figures.pipeline)
        said = paragraphs(doubt(found.simulation))
        return (*pictures, said, table(accounts_table(found.simulation)))
    steps = found.explanation.plan.strategy.cross_site.inner_steps
    sentence = (
        f"The sites exchange every {steps} steps, and no single step stands for them all, so none is"
        " played."
    )
    return (paragraphs((sentence,)),)


def _neighbours(explanation: Explanation) -> tuple[Markup, ...]:
    note = paragraphs((neighbours_note(explanation),), quiet=True)
    return (note, table(neighbours_table(explanation)))


def _runner_up(plan: Plan) -> tuple[str, ...]:
    """What the next best plan loses."""
    if not plan.alternatives:
        return ()
    other = plan.alternatives[0]
    loss = signed_percent(other.step_time_s / plan.estimate.step_time_s - 1.0)
    doubt = "" if other.distinguishable else ", within the model's error"
    told = f"The next best plan takes {format_time(other.step_time_s)} ({loss}{doubt})"
    return (f"{told}; it has {other.why_not}.",)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _facts(plan: Plan) -> tuple[tuple[str, str], ...]:
    estimate, placement = plan.estimate, plan.placement
    stage, share = fullest_stage(estimate)
    unused = f"of {placement.gpus_available:,} GPUs used"
    return (
        (format_time(estimate.step_time_s), "per step"),
        (format_count(estimate.tokens_per_s), "tokens/s"),
        (format_percent(estimate.mfu), "MFU, model FLOPs utilisation"),
        (f"{estimate.tflops_per_gpu:.0f}", "TFLOP/s per GPU"),
        (f"{placement.gpus_used:,}", unused),
        (format_percent(share), f"of memory filled on stage {stage}, the fullest"),
    )


def _terms(plan: Plan) -> tuple[tuple[str, str], ...]:
    strategy = plan.strategy
    shown = [d for d in _DEGREES if plan.model.moe is not None or d[0] not in _EXPERT_FIELDS]
    terms = [(words, f"{getattr(strategy, name):,}") for name, words in shown]
    terms += [
        ("recomputation", recompute_text(strategy.recompute)),
        ("sharded", zero_text(strategy)),
        ("schedule", strategy.schedule.value),
        ("sequence parallelism", "yes" if strategy.sequence_parallel else "no"),
    ]
    return tuple(terms)
