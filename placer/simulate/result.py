"""The answer of a simulation: step time by component beside the estimate, links, stages."""

from __future__ import annotations

from dataclasses import dataclass, fields

from placer.plan.estimate import Breakdown
from placer.plan.plan import Plan
from placer.simulate.scene import Outcome

Timeline = tuple[tuple[float, float], ...]
"""(seconds into the step, value from then on)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkUse:
    """Links of one kind over a step, both directions.

    ``links`` counts those that carry anything; ``carried_bytes`` what all of them carry.
    Utilisation is bytes over what the nominal rate could have carried, on average and at the
    busiest link.
    """

    kind: str
    links: int
    carried_bytes: float
    mean_utilisation: float
    peak_utilisation: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StageUse:
    """One stage over a step: the share of it that it computes, and what it keeps at its peak.

    ``peak_activation_bytes`` are activations in flight on one accelerator, without what the layer
    at work holds besides; ``peak_time_s`` is when. ``peak_microbatches`` counts whole micro-batches.
    """

    busy_share: float
    peak_activation_bytes: float
    peak_microbatches: float
    peak_time_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentile:
    """A step time that ``share`` of all sampled steps do not exceed."""

    share: float
    step_time_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """A plan played through.

    ``breakdown`` is told from the stage that computes longest, ``critical_stage``, and sums to the
    step time, as the estimate's does. ``num_lanes`` counts kinds of pipeline told apart.
    ``activations`` are bytes in flight on one accelerator of each stage. ``percentiles`` are empty
    without stragglers or jitter.
    """

    plan: Plan
    step_time_s: float
    breakdown: Breakdown
    critical_stage: int
    num_lanes: int
    links: tuple[LinkUse, ...]
    stages: tuple[StageUse, ...]
    activations: tuple[Timeline, ...]
    percentiles: tuple[Percentile, ...]
    outcome: Outcome
    operation_names: tuple[str, ...]

    @property
    def difference(self) -> Breakdown:
        """The simulation less the estimate, component by component."""
        estimated = self.plan.estimate.breakdown
        names = [f.name for f in fields(Breakdown)]
        return Breakdown(
            **{name: getattr(self.breakdown, name) - getattr(estimated, name) for name in names}
        )

    @property
    def relative_difference(self) -> float:
        """How much longer the simulated step takes than the estimated one, as a share of that."""
        return self.step_time_s / self.plan.estimate.step_time_s - 1.0
