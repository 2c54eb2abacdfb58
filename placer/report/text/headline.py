"""The first lines of the page: what comes out, how sure that is, what was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from placer.plan.plan import PlanStatus
from placer.report.binding import fullest_stage
from placer.report.strategy_text import strategy_line
from placer.units import format_count, format_percent, format_time

if TYPE_CHECKING:
    from rich.console import RenderableType

    from placer.plan.placement import Placement
    from placer.plan.plan import Plan


def headline(plan: Plan) -> tuple[RenderableType, ...]:
    """The figures, the question, the proof, the strategy."""
    return (
        Text(_figures(plan), style="bold"),
        *_idle(plan.placement),
        Text(question(plan)),
        Text(proof(plan)),
        Text(""),
        Text(strategy_line(plan.strategy, has_experts=plan.model.moe is not None), style="bold"),
        Text(launchable(plan)),
        *(Text(warning, style="bold red") for warning in warnings(plan)),
    )


def _figures(plan: Plan) -> str:
    estimate, placement = plan.estimate, plan.placement
    figures = (
        f"{format_time(estimate.step_time_s)} per step",
        f"{format_count(estimate.tokens_per_s)} tokens/s",
        f"{format_percent(estimate.mfu)} MFU",
        f"{estimate.tflops_per_gpu:.0f} TFLOP/s per GPU",
        f"{placement.gpus_used:,} of {placement.gpus_available:,} GPUs",
    )
    return "  ".join(figures)


def _idle(placement: Placement) -> tuple[Text, ...]:
    """``not counted: 9 unusable, 8 spare``, where there are any."""
    counts = ((placement.gpus_unusable, "unusable"), (placement.spares, "spare"))
    told = [f"{count:,} {kind}" for count, kind in counts if count]
    return (Text(f"not counted: {', '.join(told)}"),) if told else ()


def question(plan: Plan) -> str:
    """What was asked: model, cluster, batch, format, optimizer, framework."""
    return f"{plan.model.name} on {plan.cluster.name}, {asked(plan)}"


def asked(plan: Plan) -> str:
    """The run: batch, format, optimizer, framework."""
    run = plan.run
    batch = f"{run.global_batch_size} x {run.seq_len} tokens ({format_count(run.tokens_per_step)})"
    return f"batch {batch}, {run.precision.value}, {run.optimizer.value}, {run.framework}"


def proof(plan: Plan) -> str:
    """How far from the best possible plan this one can be, by the cost model."""
    if plan.bound is None:
        return "estimated as given: nothing was searched"
    gap = f"{100 * plan.bound.gap:.2f} %"
    if plan.status is PlanStatus.OPTIMAL:
        return f"proven within {gap} of the fastest plan there is, by this cost model"
    asked = f"{100 * plan.provenance.limits.gap:g} %"
    return f"best plan found, at most {gap} above the fastest plan there is ({asked} was asked for)"


def launchable(plan: Plan) -> str:
    """Which frameworks can launch the plan."""
    if plan.launchable_by:
        return f"launchable by {', '.join(plan.launchable_by)}"
    return "no framework known to placer can launch this"


def warnings(plan: Plan) -> tuple[str, ...]:
    """What must not be overlooked."""
    estimate = plan.estimate
    if estimate.fits:
        return ()
    pairs = zip(estimate.memory, estimate.memory_limit_bytes, strict=True)
    over = sum(memory.total_bytes > limit for memory, limit in pairs)
    stage, share = fullest_stage(estimate)
    warning = (
        f"DOES NOT FIT: {over} of {plan.strategy.pp} stages need more memory than a GPU has;"
        f" stage {stage} needs {format_percent(share)} of it"
    )
    return (warning,)
