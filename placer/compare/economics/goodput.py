"""How much of its time a run makes progress: failures, checkpoints, restarts, spares.

A run on N accelerators fails every ``M = 1 / (rate N)``. Writing a checkpoint takes ``delta``; the
interval that loses least is ``sqrt(2 delta M) - delta`` (Young, CACM 1974; Daly, FGCS 2006, eq. 20).
Per interval the write is lost, per failure the restart and on average half an interval.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from placer.spec.site_facts import SourcedFigure
from placer.spec.yaml_source import load_document
from placer.units import Bandwidth, Duration, Size
from placer.workload.params import count_params

if TYPE_CHECKING:
    from placer.plan.plan import Plan

DATA: Final = Path(__file__).resolve().parents[2] / "data" / "reliability.yaml"
HOUR_S: Final = 3600.0

Share = Annotated[float, Field(ge=0, le=1)]


class Reliability(BaseModel):
    """The figures of ``placer/data/reliability.yaml``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    failures_per_gpu_hour: SourcedFigure[Annotated[float, Field(ge=0)]]
    hardware_share: SourcedFigure[Share]
    repair_hardware: SourcedFigure[Duration]
    repair_software: SourcedFigure[Duration]
    restart: SourcedFigure[Duration]
    checkpoint_bandwidth: SourcedFigure[Bandwidth]
    checkpoint_bytes_per_parameter: SourcedFigure[Size]
    spares_confidence: SourcedFigure[Share]

    @property
    def failed_share(self) -> float:
        """Share of all accelerators that wait for repair at a time."""
        hardware = self.hardware_share.value
        mean_s = (
            hardware * self.repair_hardware.value + (1.0 - hardware) * self.repair_software.value
        )
        return min(1.0, self.failures_per_gpu_hour.value * mean_s / HOUR_S)


@cache
def reliability() -> Reliability:
    """The figures that travel with placer."""
    return load_document(DATA, Reliability)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goodput:
    """What is left of a run's time.

    ``share`` is useful time over all time: ``checkpoint_share``, ``failure_share`` (restarts and
    lost work) and ``repair_share`` (accelerators out of use for want of spares) are what is lost.
    ``block_gpus`` accelerators are taken out with one that fails: its host, or the whole scale-up
    domain where groups fill it; ``spares_needed`` accelerators keep the run whole,
    ``spares_held`` stand idle already.
    """

    share: float
    failures_per_day: float
    checkpoint_s: float
    checkpoint_interval_s: float
    checkpoint_share: float
    failure_share: float
    repair_share: float
    block_gpus: int
    spares_needed: int
    spares_held: int


def goodput_of(
    plan: Plan, *, block_gpus: int, spares_held: int, facts: Reliability | None = None
) -> Goodput:
    """The goodput of a plan where ``block_gpus`` leave with a failed accelerator."""
    facts = facts or reliability()
    gpus = plan.placement.gpus_used
    failures_per_s = facts.failures_per_gpu_hour.value * gpus / HOUR_S
    checkpoint_s = _checkpoint_s(plan, facts)
    interval_s = best_interval_s(checkpoint_s, failures_per_s, plan.estimate.step_time_s)
    cycle_s = interval_s + checkpoint_s
    writing = checkpoint_s / cycle_s if math.isfinite(cycle_s) else 0.0
    lost_s = facts.restart.value + (cycle_s / 2.0 if failures_per_s else 0.0)
    failing = min(1.0, failures_per_s * lost_s)
    failed_blocks = gpus / block_gpus * (1.0 - (1.0 - facts.failed_share) ** block_gpus)
    waiting = max(0.0, failed_blocks * block_gpus - spares_held)
    repair = min(1.0, waiting / gpus)
    return Goodput(
        share=(1.0 - writing) * (1.0 - failing) * (1.0 - repair),
        failures_per_day=failures_per_s * 24.0 * HOUR_S,
        checkpoint_s=checkpoint_s,
        checkpoint_interval_s=interval_s,
        checkpoint_share=writing,
        failure_share=failing,
        repair_share=repair,
        block_gpus=block_gpus,
        spares_needed=block_gpus * poisson_quantile(failed_blocks, facts.spares_confidence.value),
        spares_held=spares_held,
    )


def best_interval_s(checkpoint_s: float, failures_per_s: float, step_s: float) -> float:
    """Useful time between checkpoints that loses least, one step at least; infinite without failures."""
    if failures_per_s <= 0.0:
        return math.inf
    mean_s = 1.0 / failures_per_s
    if checkpoint_s >= 2.0 * mean_s:
        return max(step_s, mean_s)
    return max(step_s, math.sqrt(2.0 * checkpoint_s * mean_s) - checkpoint_s)


def poisson_quantile(mean: float, share: float) -> int:
    """The least count that a Poisson variable of this mean does not exceed with this probability."""
    if mean > 1e4:  # normal approximation; the sum below would underflow
        return math.ceil(mean + 2.326 * math.sqrt(mean)) if share > 0.5 else math.ceil(mean)
    count, log_term = 0, -mean
    covered = math.exp(log_term)
    while covered < share:
        count += 1
        log_term += math.log(mean / count) if mean > 0.0 else -math.inf
        covered += math.exp(log_term)
        if count > mean + 40.0 * math.sqrt(mean) + 40.0:
            break
    return count


def block_of(plan: Plan, domain_gpus: int, gpus_per_host: int) -> int:
    """Accelerators that leave with one that fails: the domain where groups need it whole.

    A host can be replaced from any other domain unless a tensor, context or expert group takes more
    of the domain than is left without the host (arXiv 2504.06095, section 2.3).
    """
    strategy = plan.strategy
    group = max(strategy.tp * strategy.cp, strategy.etp * strategy.ep)
    needs_whole = min(group, domain_gpus) > domain_gpus - gpus_per_host
    return domain_gpus if needs_whole else gpus_per_host


def _checkpoint_s(plan: Plan, facts: Reliability) -> float:
    parameters = count_params(plan.model).total_with_mtp
    size = parameters * facts.checkpoint_bytes_per_parameter.value
    return size / facts.checkpoint_bandwidth.value
