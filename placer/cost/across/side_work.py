"""What work beside the step sends between sites, and how old the weights are that it works with."""

from __future__ import annotations

import math
from dataclasses import dataclass

from placer.spec.side_work import CheckpointSpec, RolloutSpec, ServiceSpec, StandbySpec, WorkSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """The step that side work follows."""

    num_parameters: int
    step_s: float
    tokens_per_step: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Average rates in bytes/s: ``out`` from training to the work, ``back`` to training.

    ``broadcast_bytes`` is what leaves at once each time.
    """

    out_bytes_per_s: float
    back_bytes_per_s: float
    broadcast_bytes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """Age of the weights behind a sample, in training steps: the sum of the three.

    ``between`` broadcasts, ``on_the_way`` (the broadcast itself) and ``generating``.
    """

    between: int
    on_the_way: int
    generating: int

    @property
    def staleness(self) -> int:
        """Steps by which a sample's weights are behind at most."""
        return self.between + self.on_the_way + self.generating


def rates_of(work: WorkSpec, training: Training) -> Rates:
    """Average traffic of one piece of work where training and work stand at different sites.

    Checkpoints send the whole state each period (``P (2 + 4 + 8) / T`` with Adam), services the
    weights (``P g / T``), rollouts the weights every K steps (``P g / (K t)``) and their tokens
    back; standby sends nothing until it is used, and is charged what it may send then.
    """
    parameters = training.num_parameters
    if isinstance(work, CheckpointSpec):
        size = parameters * work.bytes_per_parameter
        return Rates(out_bytes_per_s=size / work.every, back_bytes_per_s=0.0, broadcast_bytes=size)
    if isinstance(work, ServiceSpec):
        size = parameters * work.bytes_per_parameter
        rate = size / work.weights_every
        return Rates(out_bytes_per_s=rate, back_bytes_per_s=0.0, broadcast_bytes=size)
    if isinstance(work, RolloutSpec):
        size = parameters * work.bytes_per_parameter
        return Rates(
            out_bytes_per_s=size / (work.weights_every_steps * training.step_s),
            back_bytes_per_s=consumed_tokens_per_s(work, training) * work.bytes_per_token,
            broadcast_bytes=size,
        )
    burst = work.burst if isinstance(work, StandbySpec) else 0.0
    return Rates(out_bytes_per_s=burst, back_bytes_per_s=burst, broadcast_bytes=0.0)


def consumed_tokens_per_s(work: RolloutSpec, training: Training) -> float:
    """What training takes from the generators."""
    return (work.tokens_per_step or training.tokens_per_step) / training.step_s


def generated_tokens_per_s(work: RolloutSpec) -> float:
    """What the generators make."""
    return work.gpus * work.tokens_per_s_per_gpu


def freshness(work: RolloutSpec, training: Training, broadcast_s: float) -> Freshness:
    """How far behind the weights of a sample are: ``K + ceil(t_b / t) + ceil(t_g / t)``."""
    return Freshness(
        between=work.weights_every_steps,
        on_the_way=_steps(broadcast_s, training.step_s),
        generating=_steps(work.generation, training.step_s),
    )


def _steps(seconds: float, step_s: float) -> int:
    return math.ceil(seconds / step_s - 1e-9)
