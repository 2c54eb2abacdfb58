"""Work beside the training step, as a person writes it: copies, evaluation, rollouts, spares.

All of it is asynchronous: it takes accelerators of its own and a share of the links between sites,
and the step does not wait for it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from placer.spec.cluster import Name
from placer.units import Bandwidth, Duration

FROZEN = ConfigDict(frozen=True, extra="forbid")

Count = Annotated[int, Field(strict=True, ge=1, le=1 << 21)]
Period = Annotated[Duration, Field(gt=0)]
Amount = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class WorkKind(StrEnum):
    """Kinds of work beside the step; the value is the word in messages."""

    CHECKPOINTS = "checkpoint copies"
    EVALUATION = "evaluation"
    INFERENCE = "inference"
    ROLLOUTS = "rollouts"
    STANDBY = "standby"


class WorkSpec(BaseModel):
    """What all kinds share: a name, and the site where it must be, if anywhere."""

    model_config = FROZEN

    name: Name
    at: Name | None = None
    """The site; placer's choice where None."""


class CheckpointSpec(WorkSpec):
    """Copies of the training state at a site where it is not already."""

    every: Period
    bytes_per_parameter: Amount = 14.0
    """bf16 weights, fp32 weights and two moments: 2 + 4 + 8."""


class ServiceSpec(WorkSpec):
    """Accelerators that work with the weights: evaluation, or inference near its users."""

    gpus: Count
    weights_every: Period
    """How often new weights are sent."""
    bytes_per_parameter: Amount = 2.0


class RolloutSpec(WorkSpec):
    """Generators of training data (RL rollouts, synthetic data) that follow the weights."""

    gpus: Count
    weights_every_steps: Count
    """Steps from one broadcast of the weights to the next."""
    staleness_limit: Count
    """Steps by which the weights behind a sample may be behind the step that learns from it."""
    generation: Duration
    """From prompt to the end of a sample."""
    tokens_per_s_per_gpu: Amount
    """What one accelerator generates."""
    tokens_per_step: Count | None = None
    """What a training step consumes; its whole batch where None."""
    bytes_per_parameter: Amount = 2.0
    bytes_per_token: Amount = 8.0
    """Token and log-probability, 4 bytes each, sent to the trainer."""


class StandbySpec(WorkSpec):
    """Accelerators held ready: replacements after a failure, or for bursts of other work."""

    gpus: Count
    elsewhere: bool = True
    """At another site than training's home, so that its loss does not take them too."""
    burst: Bandwidth = 0.0
    """What they may send over the links when they are used, in sum."""


class SideWorkSpec(BaseModel):
    """A job's work beside its step."""

    model_config = FROZEN

    name: Name
    home: Name | None = None
    """The site training must keep most room at; the largest where None."""
    checkpoints: Annotated[tuple[CheckpointSpec, ...], Field(max_length=100)] = ()
    evaluation: Annotated[tuple[ServiceSpec, ...], Field(max_length=100)] = ()
    inference: Annotated[tuple[ServiceSpec, ...], Field(max_length=100)] = ()
    rollouts: Annotated[tuple[RolloutSpec, ...], Field(max_length=100)] = ()
    standby: Annotated[tuple[StandbySpec, ...], Field(max_length=100)] = ()

    @property
    def works(self) -> tuple[tuple[WorkKind, WorkSpec], ...]:
        """All of it with its kind, in file order within a kind."""
        lists: tuple[tuple[WorkKind, tuple[WorkSpec, ...]], ...] = (
            (WorkKind.CHECKPOINTS, self.checkpoints),
            (WorkKind.EVALUATION, self.evaluation),
            (WorkKind.INFERENCE, self.inference),
            (WorkKind.ROLLOUTS, self.rollouts),
            (WorkKind.STANDBY, self.standby),
        )
        return tuple((kind, work) for kind, works in lists for work in works)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [work.name for _, work in self.works]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"expected names that differ, found {', '.join(twice)} more than once")
        if not names:
            raise ValueError(
                "expected work under checkpoints, evaluation, inference, rollouts or standby, found none"
            )
        return self


def gpus_of(work: WorkSpec) -> int:
    """Accelerators the work takes; none for copies of checkpoints."""
    if isinstance(work, (ServiceSpec, RolloutSpec, StandbySpec)):
        return work.gpus
    return 0
