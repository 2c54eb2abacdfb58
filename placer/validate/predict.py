"""What the cost model says of measured runs, through the same estimate as a plan."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from placer.cost.constants import Constants
from placer.cost.memory import reported_bytes
from placer.cost.model import CostModel
from placer.plan.estimate import Breakdown, Estimate
from placer.validate.measured_run import MeasuredRun, PublishedRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A measured run beside its estimate."""

    measured: MeasuredRun
    estimate: Estimate
    peak_memory_bytes: float
    """What the run's software would report: ``cost.memory.reported_bytes`` of the fullest stage."""

    @property
    def error(self) -> float:
        """Predicted over measured step time, less one."""
        return self.estimate.step_time_s / self.measured.measured_s - 1.0

    @property
    def fullest_stage(self) -> tuple[float, float]:
        """Bytes that the stage with least to spare needs, and what it may hold."""
        return fullest_stage(self.estimate)

    @property
    def memory_error(self) -> float | None:
        """Predicted over measured peak memory, less one; None where none was published."""
        peak = self.measured.peak_memory_bytes
        return None if peak is None else self.peak_memory_bytes / peak - 1.0

    @property
    def predicted_efficiency(self) -> float:
        """Model FLOPs at the format's peak over the predicted step time."""
        return self.estimate.mfu

    @property
    def measured_efficiency(self) -> float:
        """Model FLOPs at the format's peak over the measured step time."""
        return self.estimate.mfu * (1.0 + self.error)

    @property
    def shares(self) -> tuple[tuple[str, float], ...]:
        """Components of the predicted step time as shares of it, largest first."""
        parts = self.estimate.breakdown
        total = parts.total_s
        shares = [(f.name, getattr(parts, f.name) / total) for f in fields(Breakdown)]
        return tuple(sorted(shares, key=lambda share: -share[1]))


def predict(runs: Iterable[MeasuredRun], constants: Constants) -> tuple[Outcome, ...]:
    """Cost every run on its own cluster, ranks in order on consecutive accelerators."""
    return tuple(_outcome(measured, constants) for measured in runs)


def estimate_of(run: PublishedRun, constants: Constants) -> Estimate:
    """What the cost model says of one run."""
    model = CostModel(model=run.model, topology=run.topology, run=run.run, constants=constants)
    return model.estimate(run.strategy, run.placement)


def fullest_stage(estimate: Estimate) -> tuple[float, float]:
    """Bytes that the stage with least to spare needs, and what it may hold."""
    needs = [stage.total_bytes for stage in estimate.memory]
    limits = estimate.memory_limit_bytes
    return max(zip(needs, limits, strict=True), key=lambda stage: stage[0] / stage[1])


def _outcome(measured: MeasuredRun, constants: Constants) -> Outcome:
    estimate = estimate_of(measured, constants)
    allocated = max(stage.total_bytes for stage in estimate.memory)
    peak = reported_bytes(allocated, measured.run, constants.memory)
    return Outcome(measured=measured, estimate=estimate, peak_memory_bytes=peak)
